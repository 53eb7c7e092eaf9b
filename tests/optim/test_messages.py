"""Hyperparameters out of range are refused with a message that says what to do."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.optim import OPTIMIZERS, adam, momentum, sgd
from tests.trajectories import first_update

factories = pytest.mark.parametrize("name", sorted(OPTIMIZERS))


@pytest.mark.usefixtures("no_type_checks")  # NumPy's scalars are no floats to them
@factories
@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, np.float32(-1), -1])
def test_learning_rate_out_of_range(name: str, rate: float) -> None:
    message = (
        rf"^{name}: expected learning_rate finite and in \[0, inf\), got {rate}\. "
        r"Pass a number in that range\.$"
    )
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS[name](rate)


@factories
@pytest.mark.parametrize("rates", [jnp.ones(3), np.ones((3,))], ids=["jax", "numpy"])
def test_learning_rate_not_a_scalar(name: str, rates: Any) -> None:
    message = rf"^{name}: expected learning_rate to be a scalar, got shape \(3,\)\. Sweep over"
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS[name](rates)


@pytest.mark.usefixtures("no_type_checks")
@factories
@pytest.mark.parametrize("rate", ["0.1", None, True, [0.1]], ids=repr)
def test_learning_rate_of_another_type(name: str, rate: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: expected learning_rate to be a number, got "):
        OPTIMIZERS[name](rate)


@pytest.mark.parametrize("value", [1.0, -0.1, 2.0, math.nan])
@pytest.mark.parametrize(
    ("factory", "argument"), [(adam, "b1"), (adam, "b2"), (momentum, "momentum")]
)
def test_decay_out_of_range(factory: Callable[..., Any], argument: str, value: float) -> None:
    message = rf"{factory.__name__}: expected {argument} finite and in \[0, 1\), got {value}\."
    with pytest.raises(ValueError, match=message):
        factory(0.1, **{argument: value})


@pytest.mark.parametrize("eps", [-1e-8, 0.0, math.inf])
def test_epsilon_out_of_range(eps: float) -> None:
    with pytest.raises(
        ValueError, match=rf"adam: expected eps finite and in \(0, inf\), got {eps}"
    ):
        adam(0.1, eps=eps)


@factories
@pytest.mark.parametrize("rate", [0, 0.0, 1, np.float64(0.1), np.array(0.1), jnp.array(0.1)])
def test_rates_in_range_are_taken(name: str, rate: Any) -> None:
    updates, _ = first_update(OPTIMIZERS[name](rate), jnp.ones(1))
    assert float(updates[0]) == pytest.approx(-float(rate), abs=1e-6)


def test_an_array_out_of_range_passes_unchecked() -> None:
    updates, _ = first_update(sgd(jnp.array(-1.0)), jnp.ones(1))
    assert float(updates[0]) == 1.0
