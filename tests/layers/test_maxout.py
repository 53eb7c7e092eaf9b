"""Maxout: by hand, against its definition in NumPy, ties, and its messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import Dense, activation, dense, maxout, serial
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.law import assert_law, draw, passed


def test_worked_by_hand(dtype: np.dtype) -> None:
    # neuron 0: max(x1, x2 + 1), neuron 1: max(-x1, 2 x1); x = (1, 2): (3, 2); dy = (1, 10)
    params = Dense(
        jnp.array([[1, 0], [0, 1], [-1, 0], [2, 0]], dtype), jnp.array([0, 1, 0, 0], dtype)
    )
    layer, x = maxout(2, 2), jnp.array([[1, 2]], dtype)
    y, gradient = passed(layer, params, (), x, jnp.array([[1, 10]], dtype))
    assert_trees_close(y, np.array([[3, 2]], dtype))
    # dz = (0, 1, 0, 10); dx = 1 (0, 1) + 10 (2, 0)
    dw = jnp.array([[0, 0], [1, 2], [0, 0], [10, 20]], dtype)
    expected = Dense(dw, jnp.array([0, 1, 0, 10], dtype)), np.array([[20, 1]], dtype)
    assert_trees_close(gradient, expected)


def test_definition(dtype: np.dtype) -> None:
    case = LayerCase("maxout", maxout(3, 4), (5,))
    params, statistics, x = draw(case)
    w, b = np.asarray(params.weights, float), np.asarray(params.bias, float)
    expected = np.max(
        [np.asarray(x, float) @ w[k::4].T + b[k::4] for k in range(4)], axis=0
    )  # row j * 4 + k: every fourth row is piece k of neurons 0, 1, 2
    assert_trees_close(jax.jit(case.layer.apply)(params, statistics, x)[0], expected.astype(dtype))


def test_relu_is_a_maxout_with_a_piece_of_zero(dtype: np.dtype) -> None:
    relu = LayerCase("relu", serial(dense(3), activation("relu")), (5,))
    (params, _), statistics, x = draw(relu)
    w, b = map(np.asarray, params)
    weights = np.stack([w, np.zeros_like(w)], axis=1).reshape(6, 5)
    bias = np.stack([b, np.zeros_like(b)], axis=1).reshape(6)
    pieces = Dense(jnp.asarray(weights), jnp.asarray(bias))
    expected = jax.jit(relu.layer.apply)((params, ()), statistics, x)[0]
    assert_trees_close(jax.jit(maxout(3, 2).apply)(pieces, (), x)[0], expected)
    assert x.dtype == dtype


def test_ties_go_to_the_first_piece_by_hand_and_by_autodiff(dtype: np.dtype) -> None:
    layer = maxout(2, 3)
    params = Dense(jnp.ones((6, 2), dtype), jnp.zeros(6, dtype))
    x = jnp.array([[1, 2], [3, -4]], dtype)
    assert_law(layer, params, (), x)
    _, (dparams, _) = passed(layer, params, (), x, jnp.ones((2, 2), dtype))
    assert_trees_close(dparams.bias, np.array([2, 0, 0, 2, 0, 0], dtype))


def test_convex_in_its_input(float64: np.dtype) -> None:
    case = LayerCase("maxout", maxout(8, 5), (3,), 200)
    params, statistics, x = draw(case)
    x = np.asarray(x)
    points = np.concatenate([x, (x[:100] + x[100:]) / 2])
    y = np.asarray(jax.jit(case.layer.apply)(params, statistics, points)[0])
    assert np.all(y[200:] <= (y[:100] + y[100:200]) / 2 + 1e-12)
    assert y.dtype == float64


def test_parameters() -> None:
    params, _ = maxout(3, 4, initializer="ones", bias_initializer="ones").init(
        jax.random.key(0), (5,)
    )
    assert_trees_close(params, Dense(jnp.ones((12, 5)), jnp.ones(12)))
    assert maxout(3, 4).out_shape((5,)) == (3,)
    bare, _ = maxout(3, 4, bias_initializer=None).init(jax.random.key(0), (5,))
    assert bare.bias is None
    settings = maxout(3, 4).description
    assert (settings.kind, dict(settings.settings)) == ("maxout", {"features": 3, "pieces": 4})


@pytest.mark.parametrize(("features", "pieces", "name"), [(0, 2, "features"), (2, 0, "pieces")])
def test_nothing_to_choose_from(features: int, pieces: int, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^expected {name} >= 1, got 0\."):
        maxout(features, pieces)


def test_an_input_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"expected in_shape to be \(3,\), got \(4,\)"):
        maxout(2, 2, in_features=3).out_shape((4,))
    with pytest.raises(ValueError, match=r"expected x of shape \(batch, 3\), got \(2, 4\)"):
        maxout(2, 2).apply(Dense(jnp.ones((4, 3)), None), (), jnp.ones((2, 4)))
