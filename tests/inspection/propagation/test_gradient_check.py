"""The gradient check: accepts right gradients, and finds errors of a thousandth."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Array, Layer
from jaxnet.inspection import GradientCheck, check_gradients
from jaxnet.layers import activation, dense, dropout, rescale, serial

NETWORK = jaxnet.mlp((5, 7, 4, 3), activation="tanh")
LEAVES = ["0.weights", "0.bias", "2.weights", "2.bias", "4.weights", "4.bias", "x"]


def check(network: Layer = NETWORK, **options: Any) -> GradientCheck:
    params, statistics = network.init(jax.random.key(0), (5,))
    x = jax.random.normal(jax.random.key(1), (6, 5), jnp.result_type(float))
    return check_gradients(network, params, statistics, x, jnp.arange(6) % 3, **options)


def broken(layer: Layer, leaf: int, factor: float = 1.001) -> Layer:
    def backward(params: Any, kept: Any, dy: Array) -> Any:
        leaves, structure = jax.tree.flatten(layer.backward(params, kept, dy))
        leaves[leaf] = leaves[leaf] * factor
        return jax.tree.unflatten(structure, leaves)

    return layer._replace(backward=backward)


def test_right_gradients_agree(dtype: np.dtype) -> None:
    result = check()
    assert result.agrees
    assert [row.leaf for row in result.rows] == LEAVES
    assert [row.shape for row in result.rows][:2] == [(7, 5), (7,)]
    worst = max(row.hand_error for row in result.rows)
    assert 0 < worst < (1e-6 if dtype == np.float32 else 1e-14)
    # differences are in float64 even where the gradients are not: their own error is 1e-9
    assert 0 < max(row.difference_error or 0 for row in result.rows) < 1e-6


@pytest.mark.parametrize("leaf", range(7))
def test_it_finds_a_leaf_wrong_by_a_thousandth(leaf: int, dtype: np.dtype) -> None:
    result = check(broken(NETWORK, leaf), differences=1)
    assert not result.agrees
    assert [row.leaf for row in result.rows if not row.agrees] == [LEAVES[leaf]]
    # a thousandth of the leaf, relative to the leaf and a tenth of the whole gradient
    assert 1e-5 < result.rows[leaf].hand_error <= 1.001e-3


def test_it_finds_where_autodiff_itself_is_wrong() -> None:
    @jax.custom_vjp
    def f(z: Array) -> Array:
        return jnp.sin(z)

    f.defvjp(lambda z: (jnp.sin(z), z), lambda z, dy: (1.001 * jnp.cos(z) * dy,))
    result = check(serial(dense(3), activation(f)))  # by hand = autodiff, both wrong
    assert max(row.hand_error for row in result.rows) < 1e-6
    assert not result.agrees
    assert 5e-4 < (result.rows[0].difference_error or 0) <= 1.001e-3


def test_dropout_draws_the_same_mask_in_all_three() -> None:
    network = serial(dense(20), dropout(0.5), dense(3))
    assert check(network, key=jax.random.key(3)).agrees
    with pytest.raises(ValueError, match="expected key while training, got None"):
        check(network)


def test_evaluation_needs_no_key() -> None:
    assert check(serial(dense(20), dropout(0.5), dense(3)), training=False).agrees


def test_pixels_of_one_byte_have_no_gradient() -> None:
    network = serial(rescale(1 / 255), dense(2))
    params, statistics = network.init(jax.random.key(0), (4,))
    pixels = jnp.arange(8, dtype=jnp.uint8).reshape(2, 4)
    result = check_gradients(network, params, statistics, pixels, jnp.array([0, 1]))
    assert [row.leaf for row in result.rows] == ["1.weights", "1.bias"]
    assert result.agrees


def test_the_table_marks_what_differs() -> None:
    lines = str(check(broken(NETWORK, 3), differences=2)).splitlines()
    assert lines[0].split() == ["leaf", "shape", "norm", "by", "hand", "differences"]
    assert [bool(re.search("DIFFERS$", line)) for line in lines[1:]] == [i == 3 for i in range(7)]


@pytest.mark.parametrize("narrow", ["float16", "bfloat16"])
def test_narrow_parameters_have_a_tolerance_of_their_own(narrow: str) -> None:
    params, statistics = NETWORK.init(jax.random.key(0), (5,))
    params = jax.tree.map(lambda leaf: leaf.astype(narrow), params)
    x = jax.random.normal(jax.random.key(1), (6, 5), narrow)
    verdicts = [
        check_gradients(network, params, statistics, x, jnp.arange(6) % 3).agrees
        for network in (NETWORK, broken(NETWORK, 0, 1.1))
    ]
    assert verdicts == [True, False]


def test_without_differences() -> None:
    result = check(differences=0)
    assert result.agrees
    assert {row.difference_error for row in result.rows} == {None}


def test_a_negative_number_of_differences() -> None:
    with pytest.raises(ValueError, match="expected differences >= 0, got -1"):
        check(differences=-1)
