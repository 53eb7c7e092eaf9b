"""Gaussian noise: its moments, its key, and the penalty that it amounts to."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import gaussian_noise


def test_noise_is_normal_of_the_given_deviation(dtype: np.dtype) -> None:
    n, x = 40_000, jnp.full((40_000, 1), 3.0)
    y, _ = gaussian_noise(0.5).apply((), (), x, key=jax.random.key(0), training=True)
    noise = np.asarray(y - x, np.float64) / 0.5
    assert y.dtype == dtype
    # the moments' standard errors: of the mean 1, of the square 2, of the fourth power 96, over n
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
        assert abs((noise**power).mean() - mean) < 5 * np.sqrt(variance / n)


def test_each_entry_and_key_draws_its_own_and_evaluation_none() -> None:
    layer, x = gaussian_noise(1.0), jnp.zeros((4, 5))
    first, again, other = (
        layer.apply((), (), x, key=jax.random.key(seed), training=True)[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(np.concatenate([first, other]))) == 40
    assert not layer.apply((), (), x)[0].any()


def test_on_inputs_it_is_an_l2_penalty() -> None:
    """The mean of ``(v - w (x + s n))^2`` is ``(v - w x)^2 + s^2 |w|^2``."""
    w, x, v = np.array([2.0, -1.0]), jnp.array([[0.5, 1.0]]), 0.3
    n, s = 40_000, 0.4
    noisy, _ = gaussian_noise(s).apply(
        (), (), jnp.tile(x, (n, 1)), key=jax.random.key(0), training=True
    )
    errors = (v - np.asarray(noisy, np.float64) @ w) ** 2
    exact = (v - (x @ w).item()) ** 2 + s**2 * (w @ w)
    assert abs(errors.mean() - exact) < 5 * errors.std() / np.sqrt(n)


def test_the_deviation_can_be_swept_over() -> None:
    x, key = jnp.zeros((3, 2)), jax.random.key(0)

    def noise(stddev: Any) -> jax.Array:
        return gaussian_noise(stddev).apply((), (), x, key=key, training=True)[0]

    swept = jax.vmap(noise)(jnp.array([0.0, 0.5, 2.0]))
    assert not swept[0].any()
    np.testing.assert_array_equal(swept[2], 4 * swept[1])
    np.testing.assert_array_equal(swept[1], noise(0.5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian_noise(-0.1), ValueError, "expected stddev finite and in"),
        (
            lambda: gaussian_noise(0.1).apply((), (), jnp.ones((1, 1)), training=True),
            ValueError,
            "expected key while training, got None.",
        ),
        (
            lambda: gaussian_noise(0.1).apply((), (), jnp.ones((1, 1), jnp.int32)),
            TypeError,
            "expected x to be floating-point",
        ),
    ],
    ids=["negative", "no-key", "integers"],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
