"""Standardization: by hand, against NumPy and scikit-learn, constant features, messages."""

import re
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from jaxnet.layers import Moments, moments, serial, standardize
from tests.comparison import assert_trees_close

# feature 1: 2, 4, 6: mean 4, deviations -2, 0, 2, squares sum to 8
# feature 2: the number of children 1, 1, 4: mean 2, deviations -1, -1, 2, squares sum to 6
EXAMPLES = np.array([[2.0, 1.0], [4.0, 1.0], [6.0, 4.0]])


@pytest.mark.parametrize(("ddof", "divisor"), [(0, 3), (1, 2)])
def test_worked_by_hand(ddof: int, divisor: int, dtype: np.dtype) -> None:
    layer = standardize(EXAMPLES, ddof=ddof)
    params, statistics = layer.init(jax.random.key(0), (2,))
    std = np.sqrt(np.array([8, 6]) / divisor)
    assert_trees_close(statistics, Moments(np.array([4, 2], dtype), std.astype(dtype)))
    y, kept, updated = layer.forward(
        params, statistics, jnp.asarray(EXAMPLES, dtype), key=None, training=True
    )
    deviations = np.array([[-2, -1], [0, -1], [2, 2]])
    assert_trees_close(y, (deviations / std).astype(dtype))
    assert_trees_close(updated, statistics)
    _, dx = layer.backward(params, kept, jnp.array([[1, 2]], dtype))
    assert_trees_close(dx, (np.array([[1, 2]]) / std).astype(dtype))


def test_equals_scikit_learn(dtype: np.dtype) -> None:
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    train = rng.normal([170, 2, -5], [10, 1, 1e-3], size=(50, 3))  # centimetres, children, ...
    train[:, 2] = -5
    test = rng.normal([170, 2, -5], 1, size=(7, 3))
    peer: Any = StandardScaler().fit(train)
    assert_trees_close(moments(train), Moments(peer.mean_, peer.scale_))
    layer = standardize(train)
    _, statistics = layer.init(jax.random.key(0), (3,))
    y = layer.apply((), statistics, jnp.asarray(test, dtype))[0]
    assert_trees_close(y, peer.transform(test.astype(dtype)).astype(dtype))


@pytest.mark.parametrize("ddof", [0, 1])
def test_training_examples_come_out_with_mean_0_and_std_1(ddof: int, float64: np.dtype) -> None:
    examples = np.random.default_rng(0).normal(3, 20, size=(40, 2, 3))
    layer = standardize(examples, ddof=ddof)
    _, statistics = layer.init(jax.random.key(0), (2, 3))
    y = np.asarray(layer.apply((), statistics, jnp.asarray(examples))[0])
    assert_trees_close(y.mean(axis=0) + 1, np.ones((2, 3), float64))
    assert_trees_close(y.std(axis=0, ddof=ddof), np.ones((2, 3), float64))


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3e5, 1e-30])
def test_a_constant_feature_becomes_zero(value: float, dtype: np.dtype) -> None:
    # 0.1 ten times has a mean that is not 0.1: its spread is rounding, and no reason to divide
    examples = np.full((10, 1), value)
    assert_trees_close(moments(examples), Moments(np.array([value]), np.array([1.0])))
    layer = standardize(examples)
    _, statistics = layer.init(jax.random.key(0), (1,))
    y = layer.apply((), statistics, jnp.asarray(examples, dtype))[0]
    np.testing.assert_array_equal(y, np.zeros((10, 1)))


def test_a_spread_too_small_for_the_dtype() -> None:
    layer = standardize(np.array([[0.0], [1e-60]]), dtype=jnp.float32)
    _, statistics = layer.init(jax.random.key(0), (1,))
    assert statistics.std.tolist() == [1.0]


@given(
    arrays(np.float64, (5, 2), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 2))),
    st.floats(0.1, 10),
    st.floats(-10, 10),
)
def test_units_do_not_matter(examples: np.ndarray, scale: float, offset: float) -> None:
    mean, std = moments(examples)
    scaled = moments(scale * examples + offset)
    constant = examples.min(axis=0) == examples.max(axis=0)
    # the rounding of numbers up to 1e4 + 10
    np.testing.assert_allclose(scaled.mean, scale * mean + offset, rtol=1e-12, atol=1e-10)
    expected = np.where(constant, 1.0, scale * std)
    np.testing.assert_allclose(scaled.std, expected, rtol=1e-9, atol=1e-10)


def test_pixels_of_one_byte(dtype: np.dtype) -> None:
    pixels = np.array([[[0, 255]], [[255, 255]]], np.uint8)
    layer = serial(standardize(pixels))
    params, statistics = jax.jit(layer.init, static_argnums=1)(jax.random.key(0), (1, 2))
    y, kept, _ = layer.forward(params, statistics, jnp.asarray(pixels), key=None, training=True)
    assert_trees_close(y, np.array([[[-1, 0]], [[1, 0]]], dtype))
    assert layer.backward(params, kept, y)[1].dtype == dtype


def test_the_dtype_can_be_chosen(float64: np.dtype) -> None:
    layer = standardize(EXAMPLES, dtype=jnp.float32)
    _, statistics = layer.init(jax.random.key(0), (2,))
    x = jnp.asarray(EXAMPLES)
    y, kept, _ = layer.forward((), statistics, x, key=None, training=False)
    assert x.dtype == float64
    assert y.dtype == jnp.float32
    assert layer.backward((), kept, y)[1].dtype == float64  # the gradient of x is as x


@pytest.mark.parametrize("kind", ["bool", "int32", "float16", "bfloat16"])
def test_examples_of_other_types(kind: str) -> None:
    mean, std = moments(jnp.array([[0], [1], [1], [0]]).astype(kind))
    assert (mean.tolist(), std.tolist()) == ([0.5], [0.5])
    assert mean.dtype == std.dtype == np.float64


def test_description() -> None:
    description = standardize(EXAMPLES, ddof=1).description
    assert (description.kind, dict(description.settings)) == (
        "standardize",
        {"ddof": 1, "in_shape": (2,)},
    )


NAN = np.array([[0.0, 1.0], [np.nan, 1.0]])
BAD = [
    pytest.param(
        NAN,
        0,
        ValueError,
        "to be finite everywhere, got 1 NaN or infinite values, the first at index (1, 0).",
        id="nan",
    ),
    pytest.param(
        np.ones(3),
        0,
        ValueError,
        "of shape (examples, *in_shape), got (3,). For one feature per example use x[:, None].",
        id="vector",
    ),
    pytest.param(
        np.ones((1, 2)),
        1,
        ValueError,
        "to be more than ddof = 1, got 1.",
        id="too few",
    ),
    pytest.param(np.ones((0, 2)), 0, ValueError, "to be more than ddof = 0, got 0.", id="none"),
    pytest.param(
        np.ones((2, 2), complex),
        0,
        TypeError,
        "to be real numbers, got complex128.",
        id="complex",
    ),
    pytest.param(np.array([["a"]]), 0, TypeError, "to be real numbers, got <U1.", id="text"),
]


@pytest.mark.parametrize(("examples", "ddof", "error", "message"), BAD)
def test_examples_that_have_no_moments(
    examples: Any, ddof: int, error: type[Exception], message: str
) -> None:
    for function in (moments, standardize):
        with pytest.raises(error, match=f"^{re.escape(f'expected examples {message}')}"):
            function(examples, ddof=ddof)


def test_ddof_below_zero() -> None:
    with pytest.raises(ValueError, match=r"^expected ddof >= 0, got -1\."):
        moments(EXAMPLES, ddof=-1)


def test_inputs_of_another_shape() -> None:
    layer = standardize(EXAMPLES)
    _, statistics = layer.init(jax.random.key(0), (2,))
    message = r"^expected in_shape to be \(2,\), got \(3,\)\.$"
    for attempt in (
        lambda: layer.out_shape((3,)),
        lambda: layer.init(jax.random.key(0), (3,)),
        lambda: layer.apply((), statistics, jnp.ones((4, 3))),
    ):
        with pytest.raises(ValueError, match=message):
            attempt()
