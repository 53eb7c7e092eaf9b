"""Initialization: the record of a short run, the theory, and what would falsify each claim."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import initialization
from experiments.initialization.signals import (
    ACTIVATIONS,
    INITIALIZERS,
    STARTS,
    relu_decades,
    scatter,
)
from tests.experiments.test_commands import recorded

LAYERS, SEEDS = 30, 4


@pytest.mark.slow
def test_the_record(tmp_path: Path) -> None:
    record = recorded("initialization", tmp_path, "--smoke")
    assert record["claims"] == []  # too few layers
    deep, starts = record["results"]["deep"], record["results"]["starts"]
    theory, bar = relu_decades(4), scatter(4, 2)
    for name, values in deep["relu"].items():
        z = np.array(values)[:, 0]
        assert np.mean(z[:, -1] - z[:, 0]) == pytest.approx(theory[name], abs=bar + 0.05)
    assert np.array(deep["sigmoid"]["Xavier"]).shape == (2, 3, 4)
    assert starts["zeros"][0]["apart"] == 0 < 0.1 < starts["He"][0]["apart"]


def test_the_theory_of_relu() -> None:
    found = relu_decades(31)  # 30 steps
    assert found["He"] == 0
    assert found["Xavier"] == pytest.approx(-15 * np.log10(2))
    assert scatter(30, 5) == pytest.approx(0.281, abs=1e-3)


def line(total: float) -> np.ndarray:
    """Return a quantity of four seeds that changes by so many decades in all."""
    seeds = 1e-3 * np.arange(SEEDS)[:, None]
    return (1 + seeds) * np.linspace(0, total, LAYERS)


def invented() -> tuple[Any, Any]:
    """Return measurements as theory has them."""
    theory = relu_decades(LAYERS) | {"tanh": -0.8, "sigmoid": 29 * np.log10(0.25)}
    deep: Any = {}
    for activation in ACTIVATIONS:
        deep[activation] = {}
        for name in INITIALIZERS:
            total = theory[name if activation == "relu" else activation]
            values = [line(total), -line(total), line(total)]
            deep[activation][name] = np.stack(values, axis=1)
    good, same = {"apart": 0.3, "accuracy": 0.9}, {"apart": 0.0, "accuracy": 0.2}
    starts = {name: [dict(good if name == "He" else same)] * SEEDS for name in STARTS}
    starts["He"] = [good | {"accuracy": 0.9 + 0.01 * seed} for seed in range(SEEDS)]
    return deep, starts


def change(activation: str, name: str, row: int, total: float) -> Callable[[Any, Any], None]:
    def apply(deep: Any, starts: Any) -> None:
        del starts
        deep[activation][name][:, row] = line(total)

    return apply


def start(name: str, **values: float) -> Callable[[Any, Any], None]:
    def apply(deep: Any, starts: Any) -> None:
        del deep
        starts[name] = [row | values for row in starts[name]]

    return apply


WRONG: dict[str, tuple[set[int], Callable[[Any, Any], None]]] = {
    "Xavier's deviation for He's": ({0, 2}, change("relu", "He", 0, -4.36)),
    "a backward pass by Xavier's": ({1}, change("relu", "He", 1, 4.36)),
    "a uniform bound taken for a deviation": ({2}, change("relu", "U(-1, 1)", 0, 30.5)),
    "tanh that shrinks": ({3}, change("tanh", "Xavier", 0, -4.4)),
    "a sigmoid's slope of one half": ({4}, change("sigmoid", "Xavier", 1, 8.7)),
    "ratios that differ by layer": ({5}, change("relu", "He", 2, 4.0)),
    "ratios of a sigmoid that do not": ({6}, change("sigmoid", "He", 2, 0.5)),
    "units that were drawn apart": ({7}, start("all 0.05", apart=0.1)),
    "equal weights that learn": ({8}, start("all 0.05", accuracy=0.97)),
}


def test_the_claims_hold_of_what_theory_says() -> None:
    assert [claim.holds for claim in initialization.judge(*invented())] == [True] * 9


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_fails(name: str) -> None:
    failing, spoil = WRONG[name]
    measured = invented()
    spoil(*measured)
    claims = initialization.judge(*measured)
    assert {place for place, claim in enumerate(claims) if not claim.holds} == failing
