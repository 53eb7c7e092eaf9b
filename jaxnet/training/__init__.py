"""Training: a whole run as one compiled program, made of pure functions."""

from jaxnet.training.chunks import DivergenceError, FitResult, History, Progress
from jaxnet.training.epoch import steps_per_epoch
from jaxnet.training.evaluate import evaluate, predict
from jaxnet.training.fit import fit
from jaxnet.training.gradient import ENGINES, BatchGradient, GradientEngine, autodiff, by_hand
from jaxnet.training.objective import Objective, make_objective
from jaxnet.training.rules import Rule, early_stopping, reduce_on_plateau, stop_at_deviation
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
    "Rule",
    "TrainState",
    "autodiff",
    "by_hand",
    "early_stopping",
    "evaluate",
    "fit",
    "init_state",
    "make_objective",
    "predict",
    "reduce_on_plateau",
    "steps_per_epoch",
    "stop_at_deviation",
]
