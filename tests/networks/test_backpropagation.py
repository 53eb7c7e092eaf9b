"""Backpropagation through a whole network and its loss: by hand, by autodiff, by differences."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

import jaxnet
from jaxnet.functions.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from jaxnet.layers import Dense
from tests.cases import LayerCase
from tests.comparison import Tolerance, assert_trees_close
from tests.law import draw

# Step of the central differences. Their truncation error is of the order h^2 = 1e-10 and their
# rounding error of the order eps / h = 2e-11, both times derivatives of order 1: measured
# 2.3e-9 together for the worst leaf, which 1e-7 leaves room for without hiding an error of 0.1 %.
STEP = 1e-5
DIFFERENCES = Tolerance(rtol=1e-7, floor=1e-8)


def risk(network: jaxnet.layers.Layer, params: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
    outputs, _ = network.apply(params, ((),) * len(params), x)
    return softmax_cross_entropy(outputs, labels).mean()


def backpropagate(
    network: jaxnet.layers.Layer, params: Any, x: jax.Array, labels: jax.Array
) -> tuple[Any, jax.Array]:
    """Return the gradient of the risk with respect to parameters and inputs, derived by hand."""
    y, residual, _ = network.forward(params, ((),) * len(params), x, key=None, training=True)
    dy = softmax_cross_entropy_backward(y, labels) / len(labels)
    return network.backward(params, residual, dy)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softmax"])
def test_gradient_of_the_risk_equals_autodiff_and_differences(
    activation: str, float64: np.dtype
) -> None:
    network = jaxnet.mlp((5, 7, 4, 3), activation=activation)
    params, _, x = draw(LayerCase("net of lecture 002", network, (5,)))
    labels = jnp.array([0, 2, 1, 1])
    by_hand = jax.jit(lambda p, x: backpropagate(network, p, x, labels))(params, x)
    by_autodiff = jax.jit(jax.grad(lambda p, x: risk(network, p, x, labels), argnums=(0, 1)))
    assert_trees_close(by_hand, by_autodiff(params, x))
    by_differences = _differences(lambda at: risk(network, at[0], at[1], labels), (params, x))
    assert_trees_close(by_hand, by_differences, tolerance=DIFFERENCES)
    assert x.dtype == float64


def _differences(function: Any, at: Any) -> Any:
    """Return the gradient of a function of a tree by central differences."""
    point, unravel = ravel_pytree(at)

    def slope(direction: jax.Array) -> jax.Array:
        step = STEP * direction
        above, below = function(unravel(point + step)), function(unravel(point - step))
        return (above - below) / (2 * STEP)

    return unravel(jax.jit(jax.vmap(slope))(np.eye(point.size)))


# One step of a 2-2-2 network worked by hand: one example x = (1, 2) of class 0.
#
#   z1 = W1 x + b1 = (1 - 2 + 1/2, 1/2 + 1/2) = (-1/2, 1)
#   y1 = relu(z1) = (0, 1)
#   z2 = W2 y1 + b2 = (1/2, 3/2)
#   softmax(z2) = (1 - s, s) with s = e / (1 + e) = 0.7310585786300049
#   L = -log(1 - s) = log(1 + e) = 1.3132616875182228
X, LABEL, RATE = [[1.0, 2.0]], [0], 0.5
PARAMS = [([[1.0, -1.0], [0.5, 0.25]], [0.5, 0.0]), ([[2.0, 0.5], [-1.0, 1.5]], [0.0, 0.0])]
FEATURES = [[[-0.5, 1.0]], [[0.0, 1.0]], [[0.5, 1.5]]]
LOSS = 1.3132616875182228
#   dz2 = softmax(z2) - (1, 0) = (-s, s)
#   dW2 = dz2 y1^T = ((0, -s), (0, s)),  db2 = dz2
#   dy1 = W2^T dz2 = (-2 s - s, -s/2 + 3 s/2) = (-3 s, s)
#   dz1 = dy1 where z1 > 0 = (0, s)
#   dW1 = dz1 x^T = ((0, 0), (s, 2 s)),  db1 = dz1
#   dx = W1^T dz1 = (s/2, s/4)
GRADIENT = [
    ([[0.0, 0.0], [0.7310585786300049, 1.4621171572600098]], [0.0, 0.7310585786300049]),
    (
        [[0.0, -0.7310585786300049], [0.0, 0.7310585786300049]],
        [-0.7310585786300049, 0.7310585786300049],
    ),
]
DX = [[0.36552928931500245, 0.18276464465750122]]
#   W <- W - dW / 2, b <- b - db / 2, with s / 2 = 0.36552928931500245
UPDATED = [
    (
        [[1.0, -1.0], [0.13447071068499755, -0.4810585786300049]],
        [0.5, -0.36552928931500245],
    ),
    (
        [[2.0, 0.8655292893150024], [-1.0, 1.1344707106849976]],
        [0.36552928931500245, -0.36552928931500245],
    ),
]


def _network_tree(layers: Any, dtype: np.dtype) -> Any:
    first, last = [Dense(jnp.array(w, dtype), jnp.array(b, dtype)) for w, b in layers]
    return first, (), last


def test_forward_pass_worked_by_hand(dtype: np.dtype) -> None:
    network, params = jaxnet.mlp((2, 2, 2)), _network_tree(PARAMS, dtype)
    x = jnp.array(X, dtype)

    @jax.jit
    def forward(params: Any, x: jax.Array) -> Any:
        y, (_, (z1, y1), _), _ = network.forward(params, ((),) * 3, x, key=None, training=True)
        return [z1, y1, y], risk(network, params, x, jnp.array(LABEL))

    features = [np.array(feature, dtype) for feature in FEATURES]
    assert_trees_close(forward(params, x), (features, np.array(LOSS, dtype)))


def test_gradient_worked_by_hand(dtype: np.dtype) -> None:
    network, params = jaxnet.mlp((2, 2, 2)), _network_tree(PARAMS, dtype)
    x, labels = jnp.array(X, dtype), jnp.array(LABEL)
    expected = _network_tree(GRADIENT, dtype), jnp.array(DX, dtype)
    by_hand = jax.jit(lambda p, x: backpropagate(network, p, x, labels))
    by_autodiff = jax.jit(jax.grad(lambda p, x: risk(network, p, x, labels), argnums=(0, 1)))
    assert_trees_close((by_hand(params, x), by_autodiff(params, x)), (expected, expected))


def test_step_worked_by_hand(dtype: np.dtype) -> None:
    network, params = jaxnet.mlp((2, 2, 2)), _network_tree(PARAMS, dtype)
    optimizer = jaxnet.optim.sgd(RATE)
    x, labels = jnp.array(X, dtype), jnp.array(LABEL)
    gradient = jax.jit(jax.grad(lambda p: risk(network, p, x, labels)))(params)
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    assert_trees_close(optax.apply_updates(params, updates), _network_tree(UPDATED, dtype))


@pytest.mark.parametrize("leaf", range(4))
def test_a_hand_gradient_off_by_a_thousandth_is_caught(leaf: int, float64: np.dtype) -> None:
    network = jaxnet.mlp((5, 7, 3), activation="tanh")
    params, _, x = draw(LayerCase("net", network, (5,)))
    labels = jnp.array([0, 2, 1, 1])
    gradient, _ = jax.jit(lambda p: backpropagate(network, p, x, labels))(params)
    leaves, structure = jax.tree.flatten(gradient)
    leaves[leaf] = np.asarray(leaves[leaf]) * 1.001
    by_differences = _differences(lambda p: risk(network, p, x, labels), params)
    assert_trees_close(gradient, by_differences, tolerance=DIFFERENCES)
    with pytest.raises(AssertionError, match="error"):
        assert_trees_close(
            jax.tree.unflatten(structure, leaves), by_differences, tolerance=DIFFERENCES
        )
    assert x.dtype == float64
