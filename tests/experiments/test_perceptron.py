"""The perceptrons: claims of a short run, and wrong variants of which they do not hold."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from experiments import perceptron
from experiments.perceptron import training
from jaxnet.networks import Chain, chain_backward
from tests.experiments.test_commands import recorded

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    record = recorded("perceptron", tmp_path_factory.mktemp("perceptron"), "--smoke")
    results = record["results"]
    results["paths"] = {name: np.array(each) for name, each in results["paths"].items()}
    assert [claim["holds"] for claim in record["claims"]] == [True] * 8
    assert record["seeds"] == [0, 1]
    return results


@pytest.mark.slow
def test_the_cycle_is_the_lecture_s(measured: dict[str, Any]) -> None:
    last = measured["paths"]["rate 1, in order"][0, -1]
    np.testing.assert_allclose(last, [-7.9, 27.5, -297.475, 1.1], rtol=1e-3)


def test_no_order_takes_the_small_rate_farther_than_its_bound() -> None:
    assert 0 < training.farthest() < 0.012  # 0.00622 / (1 - 0.462), worked by hand


def without_last_slope(params: Chain, x: Any, target: Any) -> Chain:
    """Return the gradient of a chain whose last activation is taken for linear."""
    return chain_backward(params, x, target, activations=("sigmoid", "sigmoid", "linear"))


def path(name: str, rate: float, key: Any = None) -> Callable[[], dict[str, Any]]:
    return lambda: {name: np.array([training.one_line(key, rate)])}


WRONG: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
    "a loss without 1/2 doubles the rate": (0, path("rate 1, in order", 2.0)),
    "a rate that learns": (1, path("rate 1, shuffled", training.SMALL, KEY)),
    "a rate above the bound": (2, path("rate 0.005, shuffled", 0.03, KEY)),
    "two weights at a rate that diverges": (
        3,
        lambda: {"two_inputs": [training.two_inputs(KEY, rate=2.0)]},
    ),
    "labels that no line separates": (4, lambda: {"mistakes": [training.separate(KEY, 5)]}),
    "one layer, said of two": (5, lambda: {"one_layer": [1.0, 1.0, 1.0]}),
    "two layers without an activation": (
        6,
        lambda: {
            "two_layers": training.exclusive_or(KEY, 2, 20, 2, "linear").metrics[
                "validation_binary_accuracy"
            ]
        },
    ),
    "a chain rule that forgets a link": (
        7,
        lambda: {"chain": [training.train_chain(KEY, without_last_slope)]},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_fails(name: str, measured: dict[str, Any]) -> None:
    index, change = WRONG[name]
    changed = change()
    paths = {k: v for k, v in changed.items() if k in measured["paths"]}
    wrong = measured | (changed if not paths else {"paths": measured["paths"] | paths})
    held = [claim.holds for claim in perceptron.judge(wrong)]
    assert held == [place != index for place in range(8)]
