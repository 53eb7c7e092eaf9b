"""Training: a whole run as one compiled program, made of pure functions."""

from jaxnet.training.epoch import steps_per_epoch
from jaxnet.training.evaluate import evaluate, predict
from jaxnet.training.fit import DivergenceError, FitResult, History, Progress, fit
from jaxnet.training.state import TrainState, init_state

__all__ = [
    "DivergenceError",
    "FitResult",
    "History",
    "Progress",
    "TrainState",
    "evaluate",
    "fit",
    "init_state",
    "predict",
    "steps_per_epoch",
]
