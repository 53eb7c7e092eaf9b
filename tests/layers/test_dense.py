"""The dense layer's other views: the folded matrix of lecture 001, and no bias at all."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import Dense, dense, folded, unfolded
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.law import draw


def test_the_folded_matrix_takes_a_constant_1_at_index_0(dtype: np.dtype) -> None:
    case = LayerCase("dense", dense(3), (5,))
    params, statistics, x = draw(case)
    ones = jnp.ones((len(x), 1), dtype)
    z = jnp.concatenate([ones, x], axis=1) @ folded(params).T
    assert_trees_close(z, case.layer.apply(params, statistics, x)[0])


def test_folded_gradient_loses_the_entry_of_the_constant(dtype: np.dtype) -> None:
    # lecture 001: dA = dz (1, x)^T is the folded gradient; A^T dz without entry 0 is dx
    case = LayerCase("dense", dense(3), (5,), 1)
    params, statistics, x = draw(case)
    dz = jnp.array([[1, -2, 3]], dtype)
    _, kept, _ = case.layer.forward(params, statistics, x, key=None, training=True)
    dparams, dx = case.layer.backward(params, kept, dz)
    constant_and_x = jnp.concatenate([jnp.ones((1, 1), dtype), x], axis=1)
    assert_trees_close(folded(dparams), dz.T @ constant_and_x)
    assert_trees_close(dx, (dz @ folded(params))[:, 1:])


def test_folded_worked_by_hand(dtype: np.dtype) -> None:
    params = Dense(jnp.array([[1, 2], [3, 4]], dtype), jnp.array([5, 6], dtype))
    assert_trees_close(folded(params), np.array([[5, 1, 2], [6, 3, 4]], dtype))
    assert_trees_close(unfolded(folded(params)), params)


def test_no_bias_folds_to_a_column_of_zeros(dtype: np.dtype) -> None:
    params, _ = dense(2, bias_initializer=None).init(jax.random.key(0), (3,))
    assert params.bias is None
    matrix = folded(params)
    assert_trees_close(matrix[:, 0], np.zeros(2, dtype))
    assert_trees_close(unfolded(matrix).weights, params.weights)


@pytest.mark.parametrize("shape", [(3,), (2, 0), (2, 3, 4)])
def test_arrays_that_cannot_be_unfolded(shape: tuple[int, ...]) -> None:
    message = f"expected matrix of shape (out, in + 1), got {shape}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        unfolded(jnp.ones(shape))
