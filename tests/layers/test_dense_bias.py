"""The dense layer and its bias: drawn, constant, or none."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.core.trees import count_parameters
from jaxnet.layers import Dense, activation, dense, serial
from tests.cases import random_like
from tests.comparison import assert_trees_close
from tests.law import assert_law

KEY = jax.random.key(0)


def test_worked_by_hand(dtype: np.dtype) -> None:
    # z = W x + b = (1 - 4 + 1, 3 + 10 - 2); dW = dz x^T, db = dz, dx = W^T dz = (2 - 3, -4 - 5)
    w, b = jnp.array([[1.0, -2.0], [3.0, 5.0]], dtype), jnp.array([1.0, -2.0], dtype)
    x, dz = jnp.array([[1.0, 2.0]], dtype), jnp.array([[2.0, -1.0]], dtype)
    dw, dx = jnp.array([[2.0, 4.0], [-1.0, -2.0]], dtype), jnp.array([[-1.0, -9.0]], dtype)
    for bias, db, z in ((b, dz[0], [[-2.0, 11.0]]), (None, None, [[-3.0, 13.0]])):
        y, residual, _ = dense(2).forward(Dense(w, bias), (), x, key=None, training=True)
        assert_trees_close(y, jnp.array(z, dtype))
        gradient = dense(2).backward(Dense(w, bias), residual, dz)
        assert_trees_close(gradient, (Dense(dw, db), dx))


@pytest.mark.parametrize(
    ("bias_initializer", "bias"),
    [
        ("zeros", [0.0, 0.0, 0.0]),
        ("ones", [1.0, 1.0, 1.0]),
        (lambda key, shape, dtype: jnp.full(shape, 7, dtype), [7.0, 7.0, 7.0]),
        (None, None),
    ],
    ids=["zeros", "ones", "function", "none"],
)
def test_bias_initializers_do_not_change_the_weights(
    bias_initializer: Any, bias: Any, dtype: np.dtype
) -> None:
    params, statistics = dense(3, bias_initializer=bias_initializer).init(KEY, (4,))
    default, _ = dense(3).init(KEY, (4,))
    np.testing.assert_array_equal(params.weights, default.weights)
    assert statistics == ()
    if bias is None:
        assert params.bias is None
    else:
        assert_trees_close(params.bias, jnp.array(bias, dtype))


def test_a_drawn_bias_is_not_the_weights_again() -> None:
    layer = dense(300, initializer="normal", bias_initializer="normal")
    params, _ = layer.init(KEY, (1,))
    weights, bias = np.asarray(params.weights)[:, 0], np.asarray(params.bias)
    # five standard errors of a correlation, a mean and a variance of 300 normal numbers
    assert abs(np.corrcoef(weights, bias)[0, 1]) < 5 / 300**0.5
    assert abs(bias.mean()) < 5 / 300**0.5
    assert abs(bias.var() - 1) < 5 * (2 / 300) ** 0.5
    other, _ = layer.init(jax.random.key(1), (1,))
    assert (np.asarray(other.bias) != bias).all()


def test_a_network_without_bias_keeps_the_law_and_trains(dtype: np.dtype) -> None:
    network = serial(
        dense(4, bias_initializer=None), activation("tanh"), dense(2, bias_initializer="ones")
    )
    params, statistics = network.init(KEY, (3,))
    x = random_like(jnp.zeros((5, 3), dtype))
    assert_law(network, params, statistics, x)
    optimizer = jaxnet.optim.adam(0.1)

    @jax.jit
    def step(params: Any) -> Any:
        _, residual, _ = network.forward(params, statistics, x, key=None, training=True)
        gradient, _ = network.backward(params, residual, jnp.ones((5, 2), dtype))
        updates, _ = optimizer.update(gradient, optimizer.init(params), params)
        return optax.apply_updates(params, updates)

    moved = step(params)
    assert jax.tree.structure(moved) == jax.tree.structure(params)
    assert count_parameters(moved) == 4 * 3 + 2 * 4 + 2


@pytest.mark.parametrize("argument", ["initializer", "bias_initializer"])
def test_unknown_initializer(argument: str) -> None:
    options: Any = {argument: "zeroes"}
    known = ", ".join(sorted(jaxnet.initializers.INITIALIZERS))
    message = f"expected {argument} to be one of {known}, got 'zeroes'. Did you mean 'zeros'?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dense(3, **options)


@pytest.mark.parametrize("name", ["he_normal", "xavier_uniform"])
def test_a_scaled_initializer_does_not_fit_a_bias(name: str) -> None:
    message = "expected shape to be (out, in), each 1 or more, got (3,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        dense(3, bias_initializer=name).init(KEY, (4,))
