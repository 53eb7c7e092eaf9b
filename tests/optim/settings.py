"""Learning rates and steps with which each optimizer minimizes the battery's two functions."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """Learning rates for the parabola and for Rosenbrock's valley, steps, and options."""

    parabola: float
    rosenbrock: float
    steps: int = 5000
    options: Mapping[str, Any] = {}


SETTINGS: dict[str, Setting] = {
    "sgd": Setting(0.1, 2e-3, 20_000),
    "momentum": Setting(0.01, 1e-3),
    "adam": Setting(0.1, 0.02),
}
"""Name of an optimizer in `jaxnet.optim.OPTIMIZERS` -> its setting."""
