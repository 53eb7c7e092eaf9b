"""The oracle: every update rule once more, in NumPy's float64, from the papers.

Written without a look at ``jaxnet.optim``. Each rule is a generator: it is given the weights and
yields them after each step, for which it is sent ``(rate, gradient)``. Its hyperparameters are in
optax's spelling; None stands for the convention's own default. Where a library's code contradicts
its own documentation, the rule is the documented one.
"""

from collections.abc import Callable
from typing import Any

from experiments.peers.oracle import adam, descent, norms, squares, whole

ORACLES: dict[str, Callable[..., Any]] = {
    **descent.RULES,
    **squares.RULES,
    **adam.RULES,
    **norms.RULES,
    **whole.RULES,
}
"""Name of an optimizer -> ``(w, *, like, **options) -> generator`` of the weights of one leaf."""

WHOLE: set[str] = {"prodigy"}
"""Optimizers whose leaves depend on each other: their rules are given, and yield, a list."""
