"""Training: a whole run as one compiled program, made of pure functions."""

from jaxnet.training.epoch import steps_per_epoch
from jaxnet.training.evaluate import evaluate, predict
from jaxnet.training.fit import DivergenceError, FitResult, History, Progress, fit
from jaxnet.training.gradient import ENGINES, BatchGradient, GradientEngine, autodiff, by_hand
from jaxnet.training.objective import Objective, make_objective
from jaxnet.training.state import TrainState, init_state

__all__ = [
    "ENGINES",
    "BatchGradient",
    "DivergenceError",
    "FitResult",
    "GradientEngine",
    "History",
    "Objective",
    "Progress",
    "TrainState",
    "autodiff",
    "by_hand",
    "evaluate",
    "fit",
    "init_state",
    "make_objective",
    "predict",
    "steps_per_epoch",
]
