"""Verification of optimizers: one against another, and against every known convention."""

from jaxnet.optim.verification.candidates import conventions
from jaxnet.optim.verification.compare import Comparison, Scenario, compare
from jaxnet.optim.verification.difference import Place
from jaxnet.optim.verification.identify import Identification, Match, identify
from jaxnet.optim.verification.libraries import (
    follow_optax,
    follow_torch,
    keras_follower,
    keras_in,
)
from jaxnet.optim.verification.programs import as_users_do, digest_program, quick_compilation
from jaxnet.optim.verification.reasons import DEFAULTS, REASONS, Reason, default_of
from jaxnet.optim.verification.stream import SHAPES, STEPS, Tree, gradients, parameters, rates
from jaxnet.optim.verification.timing import StepTime, time_step

__all__ = [
    "DEFAULTS",
    "REASONS",
    "SHAPES",
    "STEPS",
    "Comparison",
    "Identification",
    "Match",
    "Place",
    "Reason",
    "Scenario",
    "StepTime",
    "Tree",
    "as_users_do",
    "compare",
    "conventions",
    "default_of",
    "digest_program",
    "follow_optax",
    "follow_torch",
    "gradients",
    "identify",
    "keras_follower",
    "keras_in",
    "parameters",
    "quick_compilation",
    "rates",
    "time_step",
]

__dir__ = __all__.copy  # dir() shows these names alone
