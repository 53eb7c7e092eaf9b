"""Sweeps: one program trained with many settings of its hyperparameters and many seeds."""

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
from jaxnet.training.sweeps.strategy import Trial
from jaxnet.training.sweeps.sweep import SweepProgress, sweep

__all__ = [
    "Distribution",
    "Settings",
    "SweepMember",
    "SweepProgress",
    "SweepResult",
    "Trial",
    "choice",
    "grid",
    "listed",
    "log_uniform",
    "sampled",
    "sweep",
    "uniform",
]
