"""Sweeps: one program trained with many settings of its hyperparameters and many seeds."""

from jaxnet.training.sweeps.choices import ChoicesResult, sweep_choices
from jaxnet.training.sweeps.cross_validation import cross_validate
from jaxnet.training.sweeps.execution import SweepProgress
from jaxnet.training.sweeps.halving import HalvingResult, Rung, successive_halving
from jaxnet.training.sweeps.learning_rate import LearningRates, find_learning_rate
from jaxnet.training.sweeps.optuna_search import optuna_search
from jaxnet.training.sweeps.result import SweepMember, SweepResult
from jaxnet.training.sweeps.settings import (
    Distribution,
    Settings,
    choice,
    grid,
    listed,
    log_uniform,
    sampled,
    uniform,
)
from jaxnet.training.sweeps.sweep import sweep
from jaxnet.training.sweeps.tuning import TuneResult, tune
from jaxnet.training.sweeps.width import Trial

__all__ = [
    "ChoicesResult",
    "Distribution",
    "HalvingResult",
    "LearningRates",
    "Rung",
    "Settings",
    "SweepMember",
    "SweepProgress",
    "SweepResult",
    "Trial",
    "TuneResult",
    "choice",
    "cross_validate",
    "find_learning_rate",
    "grid",
    "listed",
    "log_uniform",
    "optuna_search",
    "sampled",
    "successive_halving",
    "sweep",
    "sweep_choices",
    "tune",
    "uniform",
]

__dir__ = __all__.copy  # dir() shows these names alone
