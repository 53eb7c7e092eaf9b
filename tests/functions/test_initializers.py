"""Initializers: against JAX's with the same key, their moments, bounds and orthogonality."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.functions.initializers import (
    _TRUNCATED_STD,
    INITIALIZERS,
    constant,
    normal,
    orthogonal,
    truncated_normal,
    uniform,
    variance_scaling,
)
from tests import cases
from tests.cases import InitializerCase, over
from tests.comparison import assert_trees_close

SHAPE = (200, 300)
N = 200 * 300
STANDARD_ERRORS = 5  # a right initializer fails once in 1.7 million draws; the key is fixed
CONSTANTS = {"constant": 0.0, "zeros": 0.0, "ones": 1.0}
SCALED = [name for name in INITIALIZERS if name.startswith(("he_", "xavier_", "lecun_"))]


def _draw(case: InitializerCase, dtype: np.dtype, seed: int = 0) -> np.ndarray:
    return np.asarray(case.initializer(jax.random.key(seed), SHAPE, dtype))


def _assert_mean(values: np.ndarray, mean: float, std: float) -> None:
    error = abs(np.mean(values, dtype=np.float64) - mean)
    assert error < STANDARD_ERRORS * std / np.sqrt(values.size)


@over(cases.INITIALIZERS)
def test_mean_and_standard_deviation(case: InitializerCase, dtype: np.dtype) -> None:
    weights = _draw(case, dtype).astype(np.float64)
    _assert_mean(weights, 0.0, case.std)
    # a square has the standard deviation std^2 sqrt(kurtosis - 1)
    spread = case.std**2 * np.sqrt(case.distribution.kurtosis - 1)
    _assert_mean(weights**2, case.std**2, spread)


@over([case for case in cases.INITIALIZERS if np.isfinite(case.distribution.bound)])
def test_bounded_ones_fill_their_interval(case: InitializerCase, dtype: np.dtype) -> None:
    weights, bound = _draw(case, dtype), case.std * case.distribution.bound
    assert np.abs(weights).max() <= bound * (1 + 1e-5)  # the digits of the table
    # of a uniform distribution n points leave the outer 10 / n empty with a chance of e^-10; the
    # truncated normal one has a quarter of that density at its bounds
    reach = bound * (1 - 4 * 20 / N)
    assert weights.max() > reach
    assert weights.min() < -reach


@over([case for case in cases.INITIALIZERS if np.isinf(case.distribution.bound)])
def test_normal_ones_are_not_truncated(case: InitializerCase, dtype: np.dtype) -> None:
    share = 0.0455  # of a normal distribution beyond two standard deviations
    beyond_two = np.abs(_draw(case, dtype)) > 2 * case.std
    _assert_mean(beyond_two, share, np.sqrt(share * (1 - share)))


def test_truncation_constant() -> None:
    density = math.exp(-2) / math.sqrt(2 * math.pi)  # of a standard normal variable at 2
    std = math.sqrt(1 - 4 * density / math.erf(math.sqrt(2)))
    assert pytest.approx(std, rel=1e-14) == _TRUNCATED_STD


@over([case for case in cases.INITIALIZERS if case.name != "uniform"])
def test_weights_equal_jax_with_the_same_key(case: InitializerCase, dtype: np.dtype) -> None:
    scaling, _, distribution = case.name.partition("_")
    scale, mode = {
        "he": (2.0, "fan_in"),
        "xavier": (1.0, "fan_avg"),
        "lecun": (1.0, "fan_in"),
    }.get(scaling, (300.0, "fan_in"))  # a variance of 1
    peer: Any = jax.nn.initializers.variance_scaling
    draw = peer(
        scale, mode, distribution if scaling in ("he", "xavier", "lecun") else case.name, -1, -2
    )
    expected = draw(jax.random.key(0), SHAPE, dtype)
    assert_trees_close(_draw(case, dtype), np.asarray(expected))


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_narrow_numbers_are_drawn_wide_and_rounded(name: str) -> None:
    key, draw = jax.random.key(0), INITIALIZERS[name]
    narrow = draw(key, SHAPE, jnp.bfloat16)
    assert narrow.dtype == jnp.bfloat16
    wide = draw(key, SHAPE, jnp.float32)
    np.testing.assert_array_equal(narrow, wide.astype(jnp.bfloat16))


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - set(CONSTANTS)))
def test_the_key_decides(name: str, dtype: np.dtype) -> None:
    first, again, other = (
        np.asarray(INITIALIZERS[name](jax.random.key(seed), SHAPE, dtype)) for seed in (0, 0, 1)
    )
    assert first.dtype == dtype
    assert first.shape == SHAPE
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items())
def test_constants(name: str, value: float, dtype: np.dtype) -> None:
    weights = INITIALIZERS[name](jax.random.key(0), (2, 3), dtype)
    assert weights.dtype == dtype
    np.testing.assert_array_equal(weights, np.full((2, 3), value))


@pytest.mark.parametrize("shape", [(1, 1), (6, 6), (3, 7), (40, 30)])
def test_orthogonal_rows_or_columns(shape: tuple[int, int], dtype: np.dtype) -> None:
    w = np.asarray(orthogonal(jax.random.key(0), shape, dtype, gain=3.0))
    assert w.shape == shape
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    assert_trees_close(gram, 9 * np.eye(min(shape), dtype=dtype))


def test_orthogonal_matrices_are_haar_distributed(float64: np.dtype) -> None:
    keys = jax.random.split(jax.random.key(0), 4000)
    w = np.asarray(jax.vmap(lambda key: orthogonal(key, (4, 4), float64))(keys))
    # Diaconis and Shahshahani 1994: for O(n), n >= 4, the trace has the moments 0, 1, 0, 3
    trace = np.trace(w, axis1=1, axis2=2)
    _assert_mean(trace, 0.0, 1.0)
    _assert_mean(trace**2, 1.0, np.sqrt(3 - 1))
    # rotations and reflections are as likely; so are both signs of an entry
    _assert_mean(np.linalg.det(w), 0.0, 1.0)
    _assert_mean(np.sign(w[:, 0, 0]), 0.0, 1.0)
    # an entry's square has the mean 1 / n and the fourth moment 3 / (n (n + 2))
    _assert_mean(w[:, 1, 2] ** 2, 1 / 4, np.sqrt(3 / 24 - 1 / 16))


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 300), ("fan_out", 200), ("fan_avg", 250)])
def test_mode_and_scale_set_the_variance(
    mode: Any, fan: int, distribution: Any, dtype: np.dtype
) -> None:
    key = jax.random.key(0)
    weights = variance_scaling(3.0, mode, distribution)(key, SHAPE, dtype)
    plain = {"normal": normal, "truncated_normal": truncated_normal, "uniform": uniform}
    unit = plain[distribution](key, SHAPE, dtype)
    # a uniform variable on +-1 has the variance 1/3
    factor = np.sqrt(3 / fan) * (np.sqrt(3) if distribution == "uniform" else 1)
    assert_trees_close(weights, np.asarray(unit * jnp.asarray(factor, dtype)))


OPTIONS = [
    (normal, "std"),
    (truncated_normal, "std"),
    (uniform, "bound"),
    (orthogonal, "gain"),
]
ids = [function.__name__ for function, _ in OPTIONS]


@pytest.mark.parametrize(("function", "option"), OPTIONS, ids=ids)
def test_options_are_factors_and_may_be_swept_over(
    function: Any, option: str, float64: np.dtype
) -> None:
    key = jax.random.key(0)
    unit = function(key, SHAPE, float64)
    assert_trees_close(function(key, SHAPE, float64, **{option: 0.25}), unit * 0.25)
    swept = jax.vmap(lambda value: function(key, SHAPE, float64, **{option: value}))
    factors = jnp.array([0.5, 3.0], float64)
    assert_trees_close(jax.jit(swept)(factors), factors[:, None, None] * unit[None])


def test_scale_and_value_may_be_swept_over(float64: np.dtype) -> None:
    key, values = jax.random.key(0), jnp.array([4.0, 9.0], float64)
    scaled = jax.vmap(lambda v: variance_scaling(v, "fan_avg", "uniform")(key, SHAPE, float64))
    unit = variance_scaling(1.0, "fan_avg", "uniform")(key, SHAPE, float64)
    assert_trees_close(scaled(values), jnp.stack([2 * unit, 3 * unit]))
    filled = jax.vmap(lambda v: constant(key, (3,), float64, value=v))(values)
    assert_trees_close(filled, jnp.repeat(values[:, None], 3, axis=1))


def test_options_are_bound_by_partial(dtype: np.dtype) -> None:
    layer = jaxnet.layers.dense(
        200,
        initializer=functools.partial(normal, std=0.01),
        bias_initializer=functools.partial(constant, value=0.5),
    )
    params, _ = layer.init(jax.random.key(0), (300,))
    _assert_mean(np.asarray(params.weights) ** 2, 1e-4, 1e-4 * np.sqrt(2))
    np.testing.assert_array_equal(params.bias, np.full(200, 0.5, dtype))


def test_table_is_complete() -> None:
    known = {case.name for case in cases.INITIALIZERS} | set(CONSTANTS) | {"orthogonal"}
    lecture = {"he": "he_normal", "xavier": "xavier_normal"}
    assert set(INITIALIZERS) == known | set(lecture)
    assert len(SCALED) == 9
    for name, function in INITIALIZERS.items():
        assert getattr(jaxnet.initializers, lecture.get(name, name)) is function


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (), (0, 3), (3, 0)])
def test_matrices_need_outputs_and_inputs(shape: tuple[int, ...]) -> None:
    rest = r"expected shape to be \(out, in\), each 1 or more, got \("
    for name in [*SCALED, "orthogonal"]:
        with pytest.raises(ValueError, match=rest):
            INITIALIZERS[name](jax.random.key(0), shape, np.dtype("float32"))


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_factors_out_of_range(value: float) -> None:
    rest = rf"finite and in \(0, inf\), got {value}\."
    for function, option in OPTIONS:
        with pytest.raises(ValueError, match=f"expected {option} {rest}"):
            function(jax.random.key(0), (2, 3), np.dtype("float32"), **{option: value})
    with pytest.raises(ValueError, match=f"expected scale {rest}"):
        variance_scaling(value, "fan_in", "normal")


def test_a_constant_that_is_not_finite() -> None:
    message = r"expected value finite and in \(-inf, inf\), got nan\."
    with pytest.raises(ValueError, match=message):
        constant(jax.random.key(0), (2,), np.dtype("float32"), value=math.nan)


@pytest.mark.usefixtures("no_type_checks")
def test_unknown_mode_and_distribution() -> None:
    message = (
        r"expected mode to be one of fan_avg, fan_in, fan_out, got 'fan_inn'\. "
        r"Did you mean 'fan_in'\?"
    )
    with pytest.raises(ValueError, match=message):
        variance_scaling(1.0, "fan_inn", "normal")  # pyright: ignore[reportArgumentType]
    message = (
        r"expected distribution to be one of normal, truncated_normal, uniform, "
        r"got 'norm'\. Did you mean 'normal'\?"
    )
    with pytest.raises(ValueError, match=message):
        variance_scaling(1.0, "fan_in", "norm")  # pyright: ignore[reportArgumentType]


def test_weights_that_are_not_floating_point() -> None:
    message = r"expected dtype to be floating-point, got int32\."
    for name in sorted(INITIALIZERS):
        with pytest.raises(TypeError, match=message):
            INITIALIZERS[name](jax.random.key(0), (2, 3), np.dtype("int32"))


def test_sizes_below_0() -> None:
    message = r"expected shape to have no negative size, got \(2, -1\)\.$"
    for name in ["normal", "truncated_normal", "uniform", *CONSTANTS]:
        with pytest.raises(ValueError, match=message):
            INITIALIZERS[name](jax.random.key(0), (2, -1), np.dtype("float32"))
