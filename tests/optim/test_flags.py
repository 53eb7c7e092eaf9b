"""Flags of all factories: errors for other types than booleans."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from jaxnet import optim, schedules
from jaxnet.optim import sgd

FACTORIES: dict[str, Callable[..., Any]] = {
    name: make
    for name, make in [
        *((name, getattr(optim, name)) for name in dir(optim)),
        *schedules.SCHEDULES.items(),
    ]
    if inspect.isfunction(make)
}
FLAGS = [
    (name, flag)
    for name, make in FACTORIES.items()
    for flag, parameter in inspect.signature(make).parameters.items()
    if parameter.annotation in (bool, bool | None)
]


def test_flags_are_found() -> None:
    assert len(FLAGS) >= 30
    assert {"sgd", "adam", "lbfgs", "sam", "per_group", "exponential_decay"} <= dict(FLAGS).keys()


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(("name", "flag"), FLAGS)
@pytest.mark.parametrize("value", ["no", 1])
def test_a_flag_that_is_no_boolean_is_refused(name: str, flag: str, value: Any) -> None:
    make = FACTORIES[name]
    required = [
        p
        for p in inspect.signature(make).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    given: list[Any] = [REQUIRED.get(p.name, 1.0) for p in required]
    expected = f"^expected {flag} to be a boolean"
    with pytest.raises(
        TypeError, match=f"{expected}, got {value!r} of type {type(value).__name__}"
    ):
        make(*given, **{flag: value})


REQUIRED: dict[str, Any] = {
    "inner": sgd(0.1),
    "mask": True,
    "transforms": {"a": sgd(0.1)},
    "labels": "a",
    "every": 2,
    "decay": 0.5,
    "decay_rate": 0.5,
    "transition_steps": 5,
    "warmup_steps": 5,
}
"""Name of an argument without a default -> what is given for it; a rate is 1."""

WARMED = {"warmup_exponential_decay": "exponential_decay"}
"""Name of a factory -> that of the one that it hands its flag to."""
