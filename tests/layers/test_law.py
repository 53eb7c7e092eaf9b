"""For all layers and networks `backward` equals ``jax.vjp`` of `apply`."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Array, Layer
from tests.cases import LAYERS, NETWORKS, LayerCase, over
from tests.law import assert_law, draw

NETWORK = NETWORKS[0]


@over([*LAYERS, *NETWORKS])
def test_backward_is_the_gradient_of_apply(case: LayerCase, dtype: np.dtype) -> None:
    params, statistics, x = draw(case)
    assert x.dtype == dtype
    assert_law(case.layer, params, statistics, x)


@over([*LAYERS, *NETWORKS])
def test_out_shape_is_the_shape_that_comes_out(case: LayerCase) -> None:
    params, statistics, x = draw(case)
    y, updated = jax.eval_shape(case.layer.apply, params, statistics, x)
    assert y.shape == (case.batch, *case.layer.out_shape(case.in_shape))
    assert jax.tree.structure(updated) == jax.tree.structure(statistics)


def _broken(layer: Layer, leaf: int) -> Layer:
    """Return the layer with one leaf of its gradients wrong by a thousandth."""

    def backward(params: Any, residual: Any, dy: Array) -> Any:
        leaves, structure = jax.tree.flatten(layer.backward(params, residual, dy))
        leaves[leaf] = leaves[leaf] * 1.001
        return jax.tree.unflatten(structure, leaves)

    return layer._replace(backward=backward)


# a 3-4-2 network has weights and a bias in each of two layers; the gradient of x is the last leaf
@pytest.mark.parametrize("leaf", range(5))
def test_the_law_catches_a_gradient_off_by_a_thousandth(leaf: int, dtype: np.dtype) -> None:
    params, statistics, x = draw(NETWORK)
    with pytest.raises(AssertionError, match="error"):
        assert_law(_broken(NETWORK.layer, leaf), params, statistics, x)
    assert x.dtype == dtype


def test_the_law_catches_a_missing_transpose() -> None:
    square = LayerCase("dense-3-3", jaxnet.layers.dense(3), (3,))

    def backward(params: Any, residual: Any, dy: Array) -> Any:
        gradient, dx = square.layer.backward(params, residual, dy)
        return gradient._replace(weights=gradient.weights.T), dx

    params, statistics, x = draw(square)
    with pytest.raises(AssertionError, match="weights"):
        assert_law(square.layer._replace(backward=backward), params, statistics, x)
