"""Oracle: every update rule in NumPy's float64, from the papers.

Written independently of ``jaxnet.optim``. Each rule is a generator that takes the weights and
yields them after each step, to which ``(rate, gradient)`` is sent. Hyperparameters are spelled as
in optax; None is the convention's default. Where a library's code contradicts its documentation,
the rule is the documented one.
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
"""Optimizer -> ``(w, *, like, **options) -> generator`` of the weights of one leaf."""

WHOLE: set[str] = {"prodigy"}
"""Optimizers whose leaves depend on each other: their rules take and yield a list."""
