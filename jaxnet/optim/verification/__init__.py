"""Verification of optimizers: one against another, and against every known convention."""

from jaxnet.optim.verification.libraries import (
    follow_optax,
    follow_torch,
    keras_follower,
    keras_in,
)
from jaxnet.optim.verification.programs import as_users_do, digest_program, quick_compilation
from jaxnet.optim.verification.reasons import DEFAULTS, REASONS, Reason, default_of
from jaxnet.optim.verification.stream import SHAPES, STEPS, Tree, gradients, parameters, rates

__all__ = [
    "DEFAULTS",
    "REASONS",
    "SHAPES",
    "STEPS",
    "Reason",
    "Tree",
    "as_users_do",
    "default_of",
    "digest_program",
    "follow_optax",
    "follow_torch",
    "gradients",
    "keras_follower",
    "keras_in",
    "parameters",
    "quick_compilation",
    "rates",
]

__dir__ = __all__.copy  # dir() shows these names alone
