"""Contestants: every optimizer that needs only gradients and weights."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import optax

from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE
from jaxnet.core.checks import check_choice
from jaxnet.core.types import Array
from jaxnet.optim import OPTIMIZERS

Contestant: TypeAlias = Callable[[float | Array], optax.GradientTransformation]
"""``learning_rate -> optimizer``, with the other hyperparameters at their defaults."""

COLORS = {
    "sgd": GREY,
    "momentum": BLUE,
    "nesterov": "#58b4e8",
    "rprop": "#7d3c98",
    "adagrad": "#8a6d3b",
    "rmsprop": GREEN,
    "adam": ORANGE,
    "lion": "#b5179e",
}
"""Optimizers in the figures, in this order, with their colours; the tables have all."""

FOR_MATRICES = ("muon",)
"""Optimizers left out, since they treat vectors by another rule."""


def contestants(names: Sequence[str] = ()) -> dict[str, Contestant]:
    """Return name -> contestant; by default all.

    Optimizers that need more than gradients and weights are left out, such as the value of the
    risk (`optax.GradientTransformationExtraArgs`), and those of `FOR_MATRICES`.

    Raises:
        ValueError: for an unknown name; the message lists the contestants.
    """
    able = {name: make for name, make in OPTIMIZERS.items() if _needs_gradients_only(make)}
    able = {name: make for name, make in able.items() if name not in FOR_MATRICES}
    for name in names:
        check_choice("--optimizers", name, able)
    first = [name for name in COLORS if name in able]
    order = names or [*first, *sorted(set(able) - set(first))]
    return {name: able[name] for name in order}


def shown(names: Sequence[str]) -> list[str]:
    """Return the names that the figures show, in their order."""
    return [name for name in COLORS if name in names]


def _needs_gradients_only(make: Contestant) -> bool:
    return not isinstance(make(0.1), optax.GradientTransformationExtraArgs)
