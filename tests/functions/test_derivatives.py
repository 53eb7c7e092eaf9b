"""Derivatives of softmax, cross-entropy and sigmoids by hand, in the tails and of high order."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core import classes, sigmoids
from jaxnet.functions.losses import get_loss
from tests.comparison import assert_trees_close


@pytest.mark.parametrize(
    ("scale", "tail"), [(10.0, 4.539786870243442e-05), (18.0, 1.522997951e-08)]
)
def test_a_confident_output_by_hand(scale: float, tail: float, dtype: np.dtype) -> None:
    # e^-18 / (1 + e^-18) = 1.523e-8, of which float32's 1 - y leaves nothing
    z, label = jnp.array([[scale, 0.0]], dtype), jnp.array([0])
    loss = get_loss("softmax_cross_entropy")
    by_autodiff = jax.jit(jax.grad(lambda z: loss.function(z, label).sum()))(z)
    for gradient in (jax.jit(loss.backward)(z, label), by_autodiff):
        np.testing.assert_allclose(gradient, [[-tail, tail]], rtol=1e-6)
    # y_0 y_1 [[1, -1], [-1, 1]]
    hessian = jax.jit(jax.hessian(lambda z: loss.function(z, label).sum()))(z)
    hessian = np.asarray(hessian)[0, :, 0]
    np.testing.assert_allclose(hessian, tail * (1 - tail) * np.array([[1, -1], [-1, 1]]), rtol=1e-6)


@pytest.mark.parametrize("labelled", [True, False])
def test_second_derivatives_of_cross_entropy(labelled: bool, float64: np.dtype) -> None:
    z = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)) * 3)
    v = jnp.asarray(np.arange(5) % 4 if labelled else np.full((5, 4), 0.25))
    exponentials = np.exp(np.asarray(z))
    y = exponentials / exponentials.sum(axis=1, keepdims=True)
    expected = np.eye(4) * y[:, None] - y[:, None] * y[:, :, None]
    loss = get_loss("softmax_cross_entropy").function
    for hessian in (jax.hessian(loss), jax.jacrev(jax.jacrev(loss)), jax.jacrev(jax.jacfwd(loss))):
        assert_trees_close(jax.jit(jax.vmap(hessian))(z, v), expected)


# name, function and its second and third derivative at z, where s = sigmoid(z), t = tanh(z)
HIGHER: list[tuple[str, Any, Any, Any]] = [
    ("sigmoid", sigmoids.sigmoid, lambda s, t: s * (1 - s) * (1 - 2 * s),
     lambda s, t: s * (1 - s) * (1 - 6 * s * (1 - s))),
    ("tanh", sigmoids.tanh, lambda s, t: -2 * t * (1 - t**2),
     lambda s, t: (1 - t**2) * (6 * t**2 - 2)),
    ("softplus", sigmoids.softplus, lambda s, t: s * (1 - s),
     lambda s, t: s * (1 - s) * (1 - 2 * s)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "function", "second", "third"), HIGHER, ids=lambda x: str(x)[:8])
def test_higher_derivatives(
    name: str, function: Any, second: Any, third: Any, float64: np.dtype
) -> None:
    z = np.linspace(-4, 4, 17)  # 0 is there
    s, t = 1 / (1 + np.exp(-z)), np.tanh(z)
    twice = jax.grad(jax.grad(function))
    for derivative, expected in ((twice, second), (jax.grad(twice), third)):
        assert_trees_close(jax.jit(jax.vmap(derivative))(jnp.asarray(z)), expected(s, t))


def test_labels_out_of_range_inside_jit_count_for_nothing(dtype: np.dtype) -> None:
    z, labels = jnp.array([[3.0, 1.0, 0.0]] * 3, dtype), jnp.array([-1, 3, 1])
    loss = jax.jit(lambda z, v: get_loss("softmax_cross_entropy").function(z, v))
    assert (np.asarray(loss(z, labels)) != 0).tolist() == [False, False, True]
    slopes = np.asarray(jax.jit(jax.grad(lambda z: loss(z, labels).sum()))(z))
    assert (slopes != 0).any(axis=1).tolist() == [False, False, True]


def test_classes_shut_out_by_minus_infinity(dtype: np.dtype) -> None:
    z = jnp.array([[2.0, -jnp.inf, 1.0]], dtype)
    loss = get_loss("softmax_cross_entropy")
    expected = (np.array([[-1.0, 0.0, 1.0]]) / (1 + np.e)).astype(dtype)
    for v in (jnp.array([0]), jnp.array([[1.0, 0.0, 0.0]], dtype)):
        by_autodiff = jax.jit(jax.grad(lambda z, v=v: loss.function(z, v).sum()))(z)
        by_hand = jax.jit(loss.backward)(z, v)
        assert_trees_close((by_autodiff, by_hand), (expected, expected))
    assert classes.predicted_class(z).tolist() == [0]
