"""Chains, multiples and weight decay: order, place and numbers worked by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.optim import (
    accumulate,
    adam,
    add_decayed_weights,
    chain,
    clip,
    lookahead,
    momentum,
    reduce_on_plateau,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
    sgd,
)
from tests.comparison import assert_trees_close
from tests.trajectories import first_update, follow, gradients, start


def first(transformation: Any, g: Any, w: Any) -> Any:
    return transformation.update(g, transformation.init(w), w)[0]


def test_order_matters() -> None:
    g = jnp.array([4.0])
    assert first(chain(clip(1.0), scale(-0.5)), g, g).tolist() == [-0.5]
    assert first(chain(scale(-0.5), clip(1.0)), g, g).tolist() == [-1.0]
    assert first(chain(), g, g).tolist() == [4.0]


def test_chains_nest() -> None:
    g = jnp.array([4.0])
    nested: Any = chain(chain(clip(2.0), optax.scale(3.0)), optax.chain(scale(0.5)))
    assert first(nested, g, g).tolist() == [3.0]


def test_a_schedule_sees_the_number_of_finished_steps() -> None:
    transformation: Any = scale_by_schedule(lambda count: jnp.array([1.0, 10.0, 100.0])[count])
    state = transformation.init(jnp.zeros(1))
    for expected in [2.0, 20.0, 200.0]:
        updates, state = transformation.update(jnp.array([2.0]), state)
        assert updates.tolist() == [expected]
    assert (state.count.dtype, int(state.count)) == (jnp.int32, 3)


@pytest.mark.parametrize(
    "rate",
    [0.25, jnp.array(0.25), np.array(0.25), lambda count: 0.25],
    ids=["float", "jax", "numpy", "schedule"],
)
def test_minus_the_learning_rate(rate: Any) -> None:
    for flip, expected in [(True, -0.5), (False, 0.5)]:
        scaled = scale_by_learning_rate(rate, flip_sign=flip)
        assert first_update(scaled, jnp.array([2.0]))[0].tolist() == [expected]


def test_a_number_is_rounded_to_the_precision_of_each_leaf(float64: np.dtype) -> None:
    updates = first_update(scale_by_learning_rate(0.1), jnp.ones(1, float64))[0]
    assert updates.tolist() == [-0.1]


def test_coupled_and_decoupled_decay_by_hand(float64: np.dtype) -> None:
    """``w = 2, g = 1, lambda = 0.5, eta = 0.1``: the coupled gradient is 2.

    Adam's first step is the rate times its sign, 0.1; decoupled, ``0.1 (1 + 0.5 * 2) = 0.2``.
    """
    w, g = jnp.array([2.0]), jnp.array([1.0])
    coupled = chain(add_decayed_weights(0.5), adam(0.1))
    direction = optax.scale_by_adam()
    with jax.numpy_dtype_promotion("standard"):
        decoupled = chain(direction, add_decayed_weights(0.5), scale_by_learning_rate(0.1))
        np.testing.assert_allclose(first(decoupled, g, w), [-0.2], rtol=1e-7)
    np.testing.assert_allclose(first(coupled, g, w), [-0.1], rtol=1e-7)
    np.testing.assert_allclose(first(chain(add_decayed_weights(0.5), sgd(0.1)), g, w), [-0.2])


def test_decay_is_the_gradient_of_the_penalty(float64: np.dtype) -> None:
    """``penalties.l2`` of strength 0.05 is a decay of 0.1, with the same mask."""
    params = {"weights": jnp.array([2.0, -3.0]), "bias": jnp.array([5.0])}
    zeros = jax.tree.map(jnp.zeros_like, params)
    decay = add_decayed_weights(0.1, mask=jaxnet.penalties.weights_only)
    expected = jax.grad(lambda params: jaxnet.penalties.l2(params, 0.05))(params)
    assert_trees_close(first(decay, zeros, params), expected)


@pytest.mark.parametrize(
    "mask", [{"weights": True, "bias": False}, lambda _: {"weights": True, "bias": False}]
)
def test_masks_of_decay(mask: Any) -> None:
    params = {"weights": {"first": jnp.ones(1), "second": jnp.ones(1)}, "bias": jnp.ones(1)}
    updates = first(add_decayed_weights(0.5, mask=mask), params, params)
    assert jax.tree.map(float, jax.tree.map(jnp.sum, updates)) == {
        "weights": {"first": 1.5, "second": 1.5},
        "bias": 1.0,
    }


def test_no_decay_changes_nothing(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(5, float64)
    plain = follow(momentum(0.1), params, rows)
    jax.tree.map(
        np.testing.assert_array_equal,
        follow(chain(add_decayed_weights(0.0), momentum(0.1)), params, rows),
        plain,
    )


def test_decay_by_a_traced_number(float64: np.dtype) -> None:
    w = jnp.array([2.0])
    found = jax.jit(jax.vmap(lambda rate: first(add_decayed_weights(rate), w, w)))(
        jnp.array([0.0, 0.5])
    )
    assert found.tolist() == [[2.0], [3.0]]


@pytest.mark.parametrize(
    "make", [lambda: accumulate(sgd(0.1), 2), lambda: reduce_on_plateau(accumulation_size=3)]
)
def test_what_is_made_first_within_a_trace_serves_after_it(make: Any) -> None:
    value = {"value": jnp.ones(())}

    def first_update() -> Any:
        optimizer, w = optax.with_extra_args_support(make()), jnp.ones(2)
        return optimizer.update(w, optimizer.init(w), w, **value)

    within = jax.jit(first_update)()
    jax.tree.map(np.testing.assert_array_equal, first_update(), within)


def test_compositions_of_traced_parts_are_not_remembered() -> None:
    def update(rate: Any) -> Any:
        inner = sgd(rate)
        assert chain(inner) is not chain(inner)
        assert chain(optax.sgd(rate)) is not chain(optax.sgd(rate))
        return lookahead(chain(inner)).init(jnp.ones(2))

    jax.jit(update)(0.1)
    assert chain(clip(1.0), sgd(0.1)) is chain(clip(1.0), sgd(0.1))
