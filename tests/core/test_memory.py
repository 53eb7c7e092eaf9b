"""Memoization: cached and uncached arguments."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.memory import cache_by_value
from jaxnet.functions.activations import get_activation
from jaxnet.functions.losses import get_loss
from jaxnet.functions.penalties import every_leaf, get_penalty

MAKERS = [
    (get_activation, "leaky_relu", {"negative_slope": 0.25}, {"negative_slope": 0.5}),
    (get_activation, "tanh", {}, None),
    (get_loss, "huber", {"delta": 2.0}, {"delta": 3.0}),
    (get_loss, "squared_error", {}, None),
    (get_penalty, "l2", {"strength": 0.1}, {"strength": 0.2}),
    (get_penalty, "l2", {"strength": 0.1, "mask": every_leaf}, {"strength": 0.1}),
]


@pytest.mark.parametrize(("make", "name", "options", "others"), MAKERS)
def test_equal_arguments_make_the_identical_object(
    make: Any, name: str, options: dict[str, Any], others: dict[str, Any] | None
) -> None:
    made = make(name, **options)
    assert make(name, **dict(reversed(options.items()))) is made
    assert others is None or make(name, **others) is not made


def test_numbers_of_other_types_are_others() -> None:
    made = [get_penalty("l2", strength=strength) for strength in (1, 1.0, np.float32(1))]
    assert len({id(penalty) for penalty in made}) == 3
    with pytest.raises(TypeError, match=r"^expected strength to be a number, got True"):
        get_penalty("l2", strength=True).function(jnp.ones(2))


def test_compiled_programs_are_reused() -> None:
    traces = []

    @functools.partial(jax.jit, static_argnums=0)
    def risk(function: Any, w: jax.Array) -> jax.Array:
        traces.append(function)
        return function(w)

    for _ in range(3):
        risk(get_penalty("l1", strength=0.3).function, jnp.ones(2))
    assert len(traces) == 1


def test_arrays_are_not_remembered() -> None:
    strength = jnp.array(0.5)
    assert get_penalty("l2", strength=strength) is not get_penalty("l2", strength=strength)
    swept = jax.vmap(lambda s: get_penalty("l2", strength=s).function(jnp.ones(2)))
    for _ in range(2):  # a trace that has ended would be an error
        assert jax.jit(swept)(jnp.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert get_loss("huber", delta=np.array(2.0)) is not get_loss("huber", delta=np.array(2.0))


def test_errors_are_not_remembered() -> None:
    calls = []

    @cache_by_value
    def fail(number: int) -> None:
        calls.append(number)
        raise TypeError("no")

    for _ in range(2):
        with pytest.raises(TypeError, match=r"^no$"):
            fail(1)
    assert calls == [1, 1]


def test_arrays_made_within_a_trace_outlive_it() -> None:
    made = cache_by_value(lambda n: jnp.asarray(n, jnp.int32))
    jax.jit(lambda: made(3) + 1)()
    assert int(made(3)) == 3
