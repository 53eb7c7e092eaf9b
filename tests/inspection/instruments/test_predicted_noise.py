"""Predicted variances and estimates from two batch sizes: precision and errors."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.inspection import predicted_variance, two_batch_noise


def test_the_predicted_variance_by_hand() -> None:
    sizes = jnp.array([1, 2, 4, 7])
    np.testing.assert_allclose(predicted_variance(12.0, sizes), [12, 6, 3, 12 / 7])
    np.testing.assert_allclose(
        jax.jit(functools.partial(predicted_variance, examples=7))(12.0, sizes), [12, 5, 1.5, 0]
    )
    assert float(predicted_variance(12.0, 1, examples=1)) == 0.0


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_the_predicted_variance_of_nearly_all_examples_keeps_its_digits(convert: Any) -> None:
    total, sizes = 50_000_001, np.array([1, 25_000_000, 49_999_990, 50_000_000, 50_000_001])
    exact = 3.0 / sizes * (total - sizes) / (total - 1)
    assert exact[-1] == 0
    given = convert(sizes.astype(np.int32))
    np.testing.assert_allclose(predicted_variance(3.0, given, examples=total), exact, rtol=3e-7)
    traced = jax.jit(functools.partial(predicted_variance, examples=total))
    np.testing.assert_allclose(traced(3.0, given), exact, rtol=3e-7)
    assert float(predicted_variance(3.0, int(sizes[3]), examples=total)) == pytest.approx(
        exact[3], rel=3e-7
    )
    huge = 10**11  # beyond 32 bits
    np.testing.assert_allclose(predicted_variance(3.0, huge - 10, examples=huge), 3e-21, rtol=1e-6)


@pytest.mark.parametrize(
    ("variance", "batch_size", "examples", "message"),
    [
        (1.0, jnp.array([3, 9]), 8, r"at most the 8 examples, got 9 at index \(1,\)"),
        (1.0, np.array([3, 9]), 8, r"at most the 8 examples, got 9 at index \(1,\)"),
        (1.0, jnp.array([2, 0]), None, r"batch_size finite and in \[1, .*, got 0 at .*1,"),
        (
            1.0,
            np.array([2.0, np.nan]),
            8,
            r"batch_size finite and in \[1, .*, got nan at .*1,",
        ),
        (
            jnp.array([1.0, -2.0]),
            3,
            None,
            r"variance finite and in \[0, .*, got -2.0 at",
        ),
        (np.array([1.0, np.nan]), 3, 8, r"variance finite and in \[0, .*, got nan at"),
    ],
)
def test_predictions_from_impossible_entries(variance, batch_size, examples, message) -> None:
    with pytest.raises(ValueError, match=f"^expected .*{message}"):
        predicted_variance(variance, batch_size, examples=examples)


def test_squares_that_are_none() -> None:
    with pytest.raises(ValueError, match="expected small_square finite and in"):
        two_batch_noise(-1.0, 1.0, small=1, large=4)
    with pytest.raises(ValueError, match=r"large_square finite and in \[0, .*, got -1\.0"):
        two_batch_noise(1.0, jnp.array([-1.0]), small=1, large=4)


def test_whole_squares_do_not_overflow() -> None:
    noise = two_batch_noise(jnp.int32(2_000_000_000), jnp.int32(5), small=1, large=1000)
    assert float(noise.variance) == pytest.approx(2_000_000_000 / 0.999, rel=1e-6)
    assert float(noise.square) == pytest.approx((5000 - 2e9) / 999, rel=1e-6)
    noise = two_batch_noise(4.0, 2.0, small=1, large=10**10)
    assert float(noise.square) == pytest.approx(2.0, rel=1e-6)
