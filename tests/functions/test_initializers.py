"""Initializers: their moments within standard errors, their bounds, their shapes."""

import jax
import numpy as np
import pytest

import jaxnet
from tests import cases
from tests.cases import InitializerCase, over

SHAPE = (200, 300)
N = 200 * 300
STANDARD_ERRORS = 5  # a right initializer fails once in 1.7 million draws; the key is fixed


def _draw(case: InitializerCase, dtype: np.dtype, seed: int = 0) -> np.ndarray:
    return np.asarray(case.initializer(jax.random.key(seed), SHAPE, dtype))


@over(cases.INITIALIZERS)
def test_mean_and_standard_deviation(case: InitializerCase, dtype: np.dtype) -> None:
    weights = _draw(case, dtype).astype(np.float64)
    assert abs(weights.mean()) < STANDARD_ERRORS * case.std / np.sqrt(N)
    # the sample variance has the standard error std^2 sqrt((kurtosis - 1) / n)
    kurtosis = 3.0 if case.bound is None else 9 / 5
    error = case.std**2 * np.sqrt((kurtosis - 1) / N)
    assert abs(weights.var() - case.std**2) < STANDARD_ERRORS * error


@over([case for case in cases.INITIALIZERS if case.bound is not None])
def test_uniform_ones_fill_their_interval(case: InitializerCase, dtype: np.dtype) -> None:
    weights = _draw(case, dtype)
    bound = float(case.bound or 0)
    assert np.abs(weights).max() <= bound * (1 + np.finfo(dtype).eps)
    # n points leave the outer 10 / n of an interval empty with a chance of e^-10
    assert weights.max() > bound * (1 - 20 / N)
    assert weights.min() < -bound * (1 - 20 / N)


@over([case for case in cases.INITIALIZERS if case.bound is None])
def test_normal_ones_are_not_truncated(case: InitializerCase, dtype: np.dtype) -> None:
    beyond_two = (np.abs(_draw(case, dtype)) > 2 * case.std).mean()
    share = 0.0455  # of a normal distribution beyond two standard deviations
    assert abs(beyond_two - share) < STANDARD_ERRORS * np.sqrt(share * (1 - share) / N)


@over(cases.INITIALIZERS)
def test_the_key_decides(case: InitializerCase, dtype: np.dtype) -> None:
    weights = _draw(case, dtype)
    assert weights.dtype == dtype
    assert weights.shape == SHAPE
    np.testing.assert_array_equal(weights, _draw(case, dtype))
    assert (weights != _draw(case, dtype, seed=1)).mean() > 0.99


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("ones", 1.0)])
def test_constants(name: str, value: float, dtype: np.dtype) -> None:
    weights = jaxnet.initializers.INITIALIZERS[name](jax.random.key(0), (2, 3), dtype)
    assert weights.dtype == dtype
    np.testing.assert_array_equal(weights, np.full((2, 3), value))


def test_table_is_complete() -> None:
    known = {case.name for case in cases.INITIALIZERS} | {"zeros", "ones"}
    assert set(jaxnet.initializers.INITIALIZERS) == known


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), ()])
def test_scaled_ones_need_two_dimensions(shape: tuple[int, ...]) -> None:
    for name in ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform"):
        with pytest.raises(
            ValueError, match=r"expected shape to be \(out, in\), got \(.*\)\. Scal"
        ):
            jaxnet.initializers.INITIALIZERS[name](jax.random.key(0), shape, np.dtype("float32"))
