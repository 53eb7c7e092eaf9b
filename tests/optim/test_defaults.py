"""Defaults are those of optax where its function has an argument of the same name."""

import inspect
from collections.abc import Callable
from typing import Any

import optax
import pytest

from jaxnet import optim, schedules

APART = {
    ("muon", "ns_coeffs"),  # a name in place of the numbers
    ("adamw", "weight_decay"),  # of its own, beside the conventions that it shares with Adam
}
OURS: dict[str, Callable[..., Any]] = {
    **optim.OPTIMIZERS,
    "reduce_on_plateau": optim.reduce_on_plateau,
    "exponential_decay": schedules.exponential_decay,
}
THEIRS: dict[str, Any] = {
    name: getattr(optax, name, getattr(optax.contrib, name, None)) for name in OURS
}
PAIRS = [
    *((OURS[name], theirs) for name, theirs in THEIRS.items() if theirs is not None),
    (schedules.plateau, optax.contrib.reduce_on_plateau),
]


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Return argument -> default, where it has one that is not None."""
    parameters = inspect.signature(function).parameters.items()
    none = (inspect.Parameter.empty, None)
    return {name: each.default for name, each in parameters if each.default not in none}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_defaults_are_those_of_optax(pair: tuple[Callable[..., Any], Callable[..., Any]]) -> None:
    ours, theirs = map(defaults, pair)
    name = pair[0].__name__
    shared = {each for each in ours if each in theirs and (name, each) not in APART}
    assert {each: ours[each] for each in shared} == {each: theirs[each] for each in shared}


CONVENTIONS = {
    name: inspect.getmodule(inspect.unwrap(make)).CONVENTIONS["optax"]._asdict()  # pyright: ignore
    for name, make in optim.OPTIMIZERS.items()
    if "like" in inspect.signature(make).parameters and THEIRS[name] is not None
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_numbers_of_the_convention_are_the_defaults_of_optax(name: str) -> None:
    ours, theirs = CONVENTIONS[name], defaults(THEIRS[name])
    known = {each for each in ours if ours[each] is not None and (name, each) not in APART}
    shared = known & theirs.keys()
    assert {each: ours[each] for each in shared} == {each: theirs[each] for each in shared}


def test_most_have_defaults_to_compare() -> None:
    assert len(PAIRS) > 25
    compared = [
        name for ours, theirs in PAIRS for name in defaults(ours) if name in defaults(theirs)
    ]
    assert len(compared) > 90
