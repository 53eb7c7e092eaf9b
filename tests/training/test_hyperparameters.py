"""Hyperparameters that a program would change or cannot take are refused by name."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.training import Recipe, make_train
from tests.training.toys import blobs, network

KEY = jax.random.key(0)


def build(learning_rate: Any, **others: Any) -> Recipe:
    return Recipe(network(), jaxnet.optim.sgd(learning_rate))


def trained(key: Any, hyperparameters: Any, **passes: Any) -> Any:
    given: Any = {"epochs": 2, "batch_size": 8} | passes
    return make_train(build, blobs(), **given)(key, hyperparameters)


@pytest.mark.parametrize("name", ["of NumPy", "of JAX", "of Python", "0-d"])
def test_whatever_made_a_number_trains_alike(name: str) -> None:
    kinds: dict[str, Any] = {
        "of NumPy": np.float64(0.1),
        "of JAX": jnp.asarray(0.1),
        "of Python": 0.1,
        "0-d": np.asarray(0.1),
    }
    bare = trained(KEY, {"learning_rate": np.float32(0.1)})
    other = trained(KEY, {"learning_rate": kinds[name]})
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), bare.params, other.params))


BAD: dict[str, tuple[Any, str]] = {
    "list": ([0.1], "expected hyperparameters to be a mapping, got a list."),
    "text": ({"learning_rate": "0.1"}, "learning_rate to be a number, got '0.1'"),
    "nothing": ({"learning_rate": None}, "learning_rate to be a number, got None"),
    "boolean": ({"learning_rate": True}, "learning_rate to be a number, got True"),
    "complex": ({"learning_rate": 1j}, "learning_rate to be a number, got 1j"),
    "vector": (
        {"learning_rate": [0.1, 0.2]},
        "to be one number, got [0.1, 0.2]. Use jaxnet.training.sweep",
    ),
    "array": (
        {"learning_rate": np.ones(2)},
        "to be one number, got array([1., 1.]). Use jaxnet.training.sweep",
    ),
    "NaN": ({"learning_rate": float("nan")}, "expected learning_rate to be finite, got nan"),
    "NaN array": ({"learning_rate": jnp.nan * jnp.ones(())}, "to be finite, got nan"),
    "too large": ({"learning_rate": 2**40}, "to be real, or whole and from 0 to 2^31 - 1, got"),
    "NumPy integer": ({"learning_rate": np.int64(2**40)}, "whole and from 0 to 2^31 - 1, got"),
    "below 0": ({"learning_rate": np.int64(-1)}, "whole and from 0 to 2^31 - 1, got -1"),
}


@pytest.mark.parametrize(("hyperparameters", "message"), BAD.values(), ids=BAD)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_hyperparameters(hyperparameters: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        trained(KEY, hyperparameters)
    assert message in str(caught.value)


@pytest.mark.usefixtures("no_type_checks")
def test_what_float32_cannot_hold_is_refused() -> None:
    if jnp.result_type(float) == jnp.float32:
        with pytest.raises(ValueError, match="expected learning_rate to be finite in float32"):
            trained(KEY, {"learning_rate": 1e39})


@pytest.mark.parametrize("key", [0, None, jax.random.split(jax.random.key(0), 2)])
@pytest.mark.usefixtures("no_type_checks")
def test_bad_keys(key: Any) -> None:
    with pytest.raises(TypeError, match="expected key to be one PRNG key"):
        trained(key, {"learning_rate": 0.1})


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ({"shuffle": "no"}, "expected shuffle to be a boolean or 'batches', got 'no'"),
        ({"instruments": [min]}, "expected instruments to be a mapping, got a list"),
        ({"instruments": {"m": 3}}, "expected instrument 'm' to be a function, got 3"),
        ({"validation": ()}, "expected validation to be Examples, got a tuple"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_passes(passes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        trained(KEY, {"learning_rate": 0.1}, **passes)
    assert message in str(caught.value)


def test_constants_within_another_program_are_checked_as_outside() -> None:
    run = make_train(build, blobs(), epochs=1, batch_size=8)
    with pytest.raises(ValueError, match="expected learning_rate finite and in"):
        jax.jit(lambda key: run(key, {"learning_rate": -0.1}).params)(KEY)


def test_a_run_without_hyperparameters_is_part_of_another_program() -> None:
    def without() -> Recipe:
        return build(0.1)

    train = jax.tree.map(jnp.asarray, blobs())
    run = make_train(without, train, epochs=1, batch_size=8)
    inside = jax.jit(lambda x: x + run(KEY, {}).history.epoch.train["loss"][-1])(0.0)
    assert float(inside) == pytest.approx(float(run(KEY, {}).history.epoch.train["loss"][-1]))
