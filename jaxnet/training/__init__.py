"""Training: a whole run as one compiled program, made of pure functions."""

from jaxnet.training.checkpoints.checkpoint import restore_state
from jaxnet.training.compilation_cache import use_compilation_cache
from jaxnet.training.distributed.devices import count_cores, use_cores_as_devices
from jaxnet.training.fit import fit
from jaxnet.training.host_loop import (
    DivergenceError,
    FitResult,
    History,
    Progress,
    TrainingInterrupted,
)
from jaxnet.training.loggers.json_lines import json_lines_log
from jaxnet.training.loggers.progress import progress_bar
from jaxnet.training.loggers.report import Report, together
from jaxnet.training.loggers.tensorboard import tensorboard_log
from jaxnet.training.loop.early_stopping import early_stopping
from jaxnet.training.loop.epoch import make_epoch, steps_per_epoch
from jaxnet.training.loop.evaluate import evaluate, predict
from jaxnet.training.loop.gradient import ENGINES, BatchGradient, GradientEngine, autodiff, by_hand
from jaxnet.training.loop.objective import Objective, make_objective
from jaxnet.training.loop.population import recompute_statistics
from jaxnet.training.loop.rules import Rule, reduce_on_plateau, stop_at_deviation
from jaxnet.training.loop.run import make_run
from jaxnet.training.loop.state import TrainState, init_state
from jaxnet.training.loop.step import StepState, make_step
from jaxnet.training.recipe import Recipe
from jaxnet.training.sweeps import (
    ChoicesResult,
    HalvingResult,
    LearningRates,
    Rung,
    Settings,
    SweepMember,
    SweepProgress,
    SweepResult,
    TuneResult,
    choice,
    cross_validate,
    find_learning_rate,
    grid,
    listed,
    log_uniform,
    optuna_search,
    sampled,
    successive_halving,
    sweep,
    sweep_choices,
    tune,
    uniform,
)
from jaxnet.training.train import Trained, make_recipe, make_train

__all__ = [
    "ENGINES",
    "BatchGradient",
    "ChoicesResult",
    "DivergenceError",
    "FitResult",
    "GradientEngine",
    "HalvingResult",
    "History",
    "LearningRates",
    "Objective",
    "Progress",
    "Recipe",
    "Report",
    "Rule",
    "Rung",
    "Settings",
    "StepState",
    "SweepMember",
    "SweepProgress",
    "SweepResult",
    "TrainState",
    "Trained",
    "TrainingInterrupted",
    "TuneResult",
    "autodiff",
    "by_hand",
    "choice",
    "count_cores",
    "cross_validate",
    "early_stopping",
    "evaluate",
    "find_learning_rate",
    "fit",
    "grid",
    "init_state",
    "json_lines_log",
    "listed",
    "log_uniform",
    "make_epoch",
    "make_objective",
    "make_recipe",
    "make_run",
    "make_step",
    "make_train",
    "optuna_search",
    "predict",
    "progress_bar",
    "recompute_statistics",
    "reduce_on_plateau",
    "restore_state",
    "sampled",
    "steps_per_epoch",
    "stop_at_deviation",
    "successive_halving",
    "sweep",
    "sweep_choices",
    "tensorboard_log",
    "together",
    "tune",
    "uniform",
    "use_compilation_cache",
    "use_cores_as_devices",
]

__dir__ = __all__.copy  # dir() shows these names alone
