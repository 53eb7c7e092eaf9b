"""Directions of metrics: by function or argument, not by name."""

import functools
from typing import Any

import jax
import pytest

from jaxnet.functions.losses import LOSSES, get_loss, huber, squared_error
from jaxnet.functions.metrics import METRICS, Metric, accuracy, as_metric, top_k_accuracy
from jaxnet.training import make_objective
from tests.training.toys import network

DIRECTIONS = {
    "accuracy": "max",
    "binary_accuracy": "max",
    "error_rate": "min",
    "top_k_accuracy": "max",
}


def bare(outputs: jax.Array, targets: Any) -> jax.Array:
    return accuracy(outputs, targets)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_of_the_table_has_its_direction(name: str) -> None:
    function = METRICS[name]
    expected = Metric(function, DIRECTIONS[name])  # pyright: ignore[reportArgumentType]
    assert as_metric(name) == as_metric(function) == as_metric(Metric(function)) == expected
    partial = functools.partial(function)
    assert as_metric(partial) == Metric(partial, expected.mode)


def test_custom_functions_have_no_direction_by_default() -> None:
    assert as_metric(bare) == Metric(bare, None)
    assert as_metric(functools.partial(bare)).mode is None
    assert as_metric((bare, "max")) == as_metric(Metric(bare, "max")) == Metric(bare, "max")


def test_a_given_direction_overrides_a_known_one() -> None:
    assert as_metric(Metric(accuracy, "min")).mode == "min"


def test_losses_as_objectives() -> None:
    top_3 = functools.partial(top_k_accuracy, k=3)
    metrics: dict[str, Any] = {
        "top_3": top_3,
        "name": "error_rate",
        "loss of the table": squared_error,
        "its partial": functools.partial(huber, delta=2.0),
        "pair": get_loss("huber", delta=0.5),
        "accuracy": bare,  # the spelling of a name is no direction
        "against": Metric(squared_error, "max"),
        "negative": Metric(lambda y, v: -bare(y, v), "min"),
    }
    objective = make_objective(network(), metrics=metrics)
    assert objective.modes == {
        "loss": "min",
        "top_3": "max",
        "name": "min",
        "loss of the table": "min",
        "its partial": "min",
        "pair": "min",
        "accuracy": None,
        "against": "max",
        "negative": "min",
    }
    assert dict(objective.metrics)["top_3"].function is top_3
    every = make_objective(network(), metrics=dict(LOSSES)).modes
    assert every == dict.fromkeys(("loss", *LOSSES), "min")


of: Any = as_metric
reporting: Any = functools.partial(make_objective, network())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: as_metric("acuracy"), "got 'acuracy'. Did you mean 'accuracy'?"),
        (lambda: of((bare, "up")), "expected mode to be one of max, min, got 'up'"),
        (lambda: of(3), "expected metric to be a name, a function"),
        (lambda: of((bare, "max", 1)), "expected metric to be a name, a"),
        (lambda: reporting(metrics=bare), "metrics to be one of accuracy, "),
        (lambda: reporting(metrics=[bare]), "metrics to be one of accuracy, "),
        (lambda: reporting(metrics={"x": 3}), "expected metric to be a name, a"),
    ],
    ids=["name", "mode", "number", "triple", "function", "list", "mapping"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
