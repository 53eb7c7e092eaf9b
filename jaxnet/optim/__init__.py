"""Optimizers: each an `optax.GradientTransformation` of our own mathematics.

They drop into flax and optax loops, and optax's drop into `jaxnet.training.fit`.
"""

from collections.abc import Callable

import optax

from jaxnet.optim.adam import AdamState, adam
from jaxnet.optim.learning_rate import LearningRate
from jaxnet.optim.momentum import MomentumState, momentum
from jaxnet.optim.sgd import SGDState, sgd

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "sgd": sgd,
    "momentum": momentum,
    "adam": adam,
}
"""Name -> factory ``(learning_rate, **options) -> optax.GradientTransformation``."""

__all__ = [
    "OPTIMIZERS",
    "AdamState",
    "LearningRate",
    "MomentumState",
    "SGDState",
    "adam",
    "momentum",
    "sgd",
]
