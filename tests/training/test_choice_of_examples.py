"""Which examples a recipe trains with and holds out is checked, whatever made the indices."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.training import Recipe, cross_validate, make_train, sweep
from tests.training.toys import blobs, network

KEY = jax.random.key(0)
RUNS: dict[str, Any] = {"epochs": 2, "batch_size": 8}


def builder(**chosen: Any) -> Any:
    def build(learning_rate: Any) -> Recipe:
        return Recipe(network(), jaxnet.optim.sgd(learning_rate), **chosen)

    return build


def trained(build: Any, **more: Any) -> Any:
    return make_train(build, blobs(), **RUNS | more)(KEY, {"learning_rate": 0.1})


@functools.cache
def without_indices() -> Any:
    """Train with the examples that the indices below choose, and no others."""
    train = make_train(builder(), blobs().take(slice(0, 16)), blobs().take(slice(16, 30)), **RUNS)
    return train(KEY, {"learning_rate": 0.1})


@pytest.mark.parametrize("kind", [np.int64, np.uint8, jnp.int32])
def test_indices_may_be_of_numpy_or_of_jax(kind: Any) -> None:
    module = jnp if kind is jnp.int32 else np
    subset, held_out = module.arange(16, dtype=kind), module.arange(16, 30, dtype=kind)
    result = trained(builder(subset=subset, held_out=held_out))
    expected = without_indices()
    assert jax.tree.all(jax.tree.map(np.array_equal, result.params, expected.params))
    assert jax.tree.all(jax.tree.map(np.array_equal, result.history, expected.history))


BAD: dict[str, tuple[Any, str]] = {
    "list": ([1, 2], "subset to be an array, got a list"),
    "mask": (np.ones(37, bool), "subset to hold integers, got bool. Pass np.flatnonzero"),
    "real": (np.arange(9.0), "subset to hold integers, got float64"),
    "one": (np.int32(3), "subset to be one or more indices, got shape ()"),
    "table": (np.ones((9, 1), int), "subset to be one or more indices, got shape (9, 1)"),
    "empty": (np.arange(0), "subset to be one or more indices, got shape (0,)"),
    "beyond": (np.arange(30, 38), "subset to be from 0 to 36, got 37 at index (7,)"),
    "negative": (np.arange(-1, 9), "subset to be from 0 to 36, got -1 at index (0,)"),
    "too few": (np.arange(7), "batch_size to be at most the 7 examples of the subset, got 8"),
}


@pytest.mark.parametrize(("subset", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("short_batch", ["equal", "drop"])
@pytest.mark.usefixtures("no_type_checks")
def test_bad_subsets(subset: Any, message: str, short_batch: str) -> None:
    build = builder(subset=subset)
    for function in (
        lambda: trained(build, short_batch=short_batch),
        lambda: sweep(build, blobs(), key=KEY, settings={"learning_rate": 0.1}, **RUNS),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            function()
        assert message in str(caught.value)


def test_bad_indices_of_a_setting_are_found_before_the_training() -> None:
    def build(first: Any) -> Recipe:
        subset = jnp.arange(20) + jnp.asarray(first)
        return Recipe(network(), jaxnet.optim.sgd(0.1), subset=subset)

    settings = [{"first": 0}, {"first": 18}]
    with pytest.raises(ValueError, match=r"expected the recipe's subset to be from 0 to 36"):
        sweep(build, blobs(), key=KEY, settings=settings, **RUNS)


def test_only_one_may_choose_what_to_validate_on() -> None:
    build = builder(held_out=np.arange(5))
    message = "expected validation to be None where the recipe holds examples out"
    with pytest.raises(ValueError, match=message):
        trained(build, validation=blobs(seed=1))
    settings = {"learning_rate": 0.1}
    with pytest.raises(ValueError, match=message):
        sweep(build, blobs(), key=KEY, settings=settings, validation=blobs(seed=1), **RUNS)
    with pytest.raises(ValueError, match="expected the recipe's held_out to be"):
        cross_validate(build, blobs(), key=KEY, settings=settings, **RUNS)
