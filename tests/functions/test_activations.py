"""Activations against jax.nn, their backward rules against autodiff, and their extremes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.functions.activations import ACTIVATIONS, get_activation
from tests.comparison import assert_trees_close

PEERS = {
    "linear": jax.nn.identity,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jax.nn.tanh,
    "relu": jax.nn.relu,
    "softmax": jax.nn.softmax,
}

# By hand, at z = (-log 3, 0, log 3): e^z = (1/3, 1, 3).
BY_HAND = {
    "linear": [-np.log(3), 0.0, np.log(3)],
    "sigmoid": [1 / 4, 1 / 2, 3 / 4],  # 1 / (1 + 3), 1 / 2, 3 / 4
    "tanh": [-0.8, 0.0, 0.8],  # (9 - 1) / (9 + 1)
    "relu": [0.0, 0.0, np.log(3)],
    "softmax": [1 / 13, 3 / 13, 9 / 13],  # 1/3 + 1 + 3 = 13/3
}
# The same with dy = (1, 2, 4).
BACKWARD_BY_HAND = {
    "linear": [1.0, 2.0, 4.0],
    "sigmoid": [3 / 16, 2 / 4, 4 * 3 / 16],
    "tanh": [0.36, 2.0, 4 * 0.36],
    "relu": [0.0, 0.0, 4.0],
    "softmax": [-30 / 169, -51 / 169, 81 / 169],  # <y, dy> = 43/13; y (dy - 43/13)
}

names = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


def _inputs(dtype: np.dtype) -> jax.Array:
    return jnp.asarray(4 * np.random.default_rng(0).normal(size=(5, 7)), dtype)


@names
def test_function_equals_jax(name: str, dtype: np.dtype) -> None:
    z = _inputs(dtype)
    assert_trees_close(ACTIVATIONS[name](z), PEERS[name](z))


@names
def test_values_worked_by_hand(name: str, dtype: np.dtype) -> None:
    z = jnp.array([-np.log(3), 0.0, np.log(3)], dtype)
    pair = get_activation(name)
    y = pair.function(z)
    assert_trees_close(y, np.array(BY_HAND[name], dtype))
    dz = pair.backward(z, y, jnp.array([1.0, 2.0, 4.0], dtype))
    assert_trees_close(dz, np.array(BACKWARD_BY_HAND[name], dtype))


@names
def test_backward_equals_autodiff(name: str, dtype: np.dtype) -> None:
    pair = get_activation(name)
    z = _inputs(dtype).at[0, 0].set(0.0)
    y, pullback = jax.vjp(pair.function, z)
    dy = _inputs(dtype)[::-1]
    assert_trees_close(pair.backward(z, y, dy), pullback(dy)[0])


@names
def test_extremes_are_finite(name: str, dtype: np.dtype) -> None:
    z = jnp.array([-1e4, 0.0, 1e4], dtype)
    pair = get_activation(name)
    y = pair.function(z)
    dz = pair.backward(z, y, jnp.ones_like(z))
    assert np.isfinite(y).all()
    assert np.isfinite(dz).all()
    limits = {
        "linear": [-1e4, 0, 1e4],
        "sigmoid": [0, 0.5, 1],
        "tanh": [-1, 0, 1],
        "relu": [0, 0, 1e4],
        "softmax": [0, 0, 1],
    }
    assert_trees_close(y, np.array(limits[name], dtype))


def test_relu_at_zero_has_the_gradient_zero(dtype: np.dtype) -> None:
    zero = jnp.zeros(1, dtype)
    assert get_activation("relu").backward(zero, zero, jnp.ones(1, dtype)) == 0
    assert jax.grad(lambda z: ACTIVATIONS["relu"](z).sum())(zero) == 0


def test_softmax_is_a_distribution(dtype: np.dtype) -> None:
    y = ACTIVATIONS["softmax"](_inputs(dtype))
    assert (np.asarray(y) > 0).all()
    assert_trees_close(y.sum(axis=-1), np.ones(5, dtype))


def test_softmax_does_not_see_a_common_shift(dtype: np.dtype) -> None:
    z = jnp.round(_inputs(dtype))  # whole numbers, which the shift leaves exact
    assert_trees_close(ACTIVATIONS["softmax"](z + 4096), ACTIVATIONS["softmax"](z))


def test_softmax_of_the_lectures_scores(dtype: np.dtype) -> None:
    y = ACTIVATIONS["softmax"](jnp.array([3.2, 5.1, -1.7], dtype))
    np.testing.assert_allclose(y, [0.13, 0.87, 0.00], atol=5e-3)


def test_unknown_name_lists_the_known_ones() -> None:
    message = (
        r"get_activation: expected name to be one of linear, relu, sigmoid, softmax, tanh, "
        r"got 'tanhh'\. Did you mean 'tanh'\?"
    )
    with pytest.raises(ValueError, match=message):
        get_activation("tanhh")


def test_tables_are_complete() -> None:
    assert set(ACTIVATIONS) == set(PEERS) == set(BY_HAND) == set(BACKWARD_BY_HAND)
