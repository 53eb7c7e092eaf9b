"""The oracle: every update rule once more, in NumPy's float64, from the papers.

Written without a look at ``jaxnet.optim``. Each rule is a generator: it is given the weights and
yields them after each step, for which it is sent ``(rate, gradient)``.
"""

from collections.abc import Callable
from typing import Any

from experiments._verification.oracle import adam, descent

ORACLES: dict[str, Callable[..., Any]] = {**descent.RULES, **adam.RULES}
"""Name of an optimizer -> ``(w, *, like, **options) -> generator`` of the weights of one leaf."""

WHOLE: set[str] = set()
"""Optimizers whose leaves depend on each other: their rules are given, and yield, a list."""
