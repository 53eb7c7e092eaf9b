"""Learning rates and steps with which each optimizer minimizes the battery's two functions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxnet.functions.schedules import Schedule, cosine_decay


class Setting(NamedTuple):
    """Learning rates for the parabola and for Rosenbrock's valley, steps, and options."""

    parabola: float
    rosenbrock: float | Schedule
    steps: int = 5000
    options: Mapping[str, Any] = {}


SETTINGS: dict[str, Setting] = {
    "sgd": Setting(0.1, 2e-3, 20_000),
    "momentum": Setting(0.01, 1e-3),
    "nesterov": Setting(0.01, 1e-3),
    "rprop": Setting(0.01, 0.01, 2000),
    "sign_sgd": Setting(5e-3, cosine_decay(1e-3, 20_000), 20_000),
    "lion": Setting(5e-3, 2e-3, options={"weight_decay": 0.0}),
    "adagrad": Setting(0.5, 0.5),
    "adadelta": Setting(1.0, cosine_decay(0.1, 10_000), 10_000),
    "rmsprop": Setting(0.01, 2e-3),
    "adam": Setting(0.1, 0.02),
    "adamw": Setting(0.1, 0.02),
    "nadam": Setting(0.1, 0.02),
    "nadamw": Setting(0.1, 0.02),
    "adamax": Setting(0.1, 0.02),
    "adamaxw": Setting(0.1, 0.02),
    "amsgrad": Setting(0.1, 0.5, 10_000),
    "radam": Setting(0.1, 5e-3, 10_000),
    "adabelief": Setting(0.1, 0.02),
    "yogi": Setting(0.1, 0.02),
    "adan": Setting(0.1, 0.02),
    "lamb": Setting(1e-3, 3e-3, 20_000),
    "lars": Setting(1.0, 1.0),
    "muon": Setting(0.1, 0.02),
    "prodigy": Setting(1.0, 0.1, 20_000),
    "schedule_free_sgd": Setting(0.1, 2e-3, 20_000),
    "schedule_free_adamw": Setting(0.1, 0.01, 20_000),
}
"""Name of an optimizer in `jaxnet.optim.OPTIMIZERS` -> its setting."""
