"""Transforms of signals of shape ``(n, samples)``."""

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count, check_range
from jaxnet.core.masks import spread
from jaxnet.core.types import Array, Key, Number
from jaxnet.data.augmentation.compose import Transform, floating, uniform, with_places


def add_noise(std: Number) -> Transform:
    """Add Gaussian noise to every entry; of inputs of any shape.

    Args:
        std: standard deviation, 0 or more.

    Source: lecture 004, noise injection.

    >>> add_noise(0.0)(jax.random.key(0), jnp.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """
    check_range("std", std, low=0)

    def transform(key: Key, batch: Array) -> Array:
        x = floating(batch)
        return x + jnp.asarray(std, x.dtype) * jax.random.normal(key, x.shape, x.dtype)

    return transform


def shift_signal(most: Number) -> Transform:
    """Read a signal at points shifted by a number of samples, fractions included.

    Args:
        most: largest shift, in samples, 0 or more. Beyond the ends the signal is 0.

    Source: lecture 004, samples "at a bit deviated points".

    >>> shift_signal(0.0)(jax.random.key(0), jnp.array([[1.0, 2.0, 3.0]])).tolist()
    [[1.0, 2.0, 3.0]]
    """
    check_range("most", most, low=0)

    def transform(key: Key, batch: Array) -> Array:
        return _read(batch, uniform(key, batch, most), jnp.ones(len(batch), floating(batch).dtype))

    return with_places(transform)


def resample(strength: Number) -> Transform:
    """Play a signal faster or slower, around its middle, by linear interpolation.

    Args:
        strength: largest absolute value of the logarithm of the speed, 0 or more.

    >>> signal = jnp.array([[0.0, 1.0, 2.0, 1.0, 0.0]])
    >>> resample(0.2)(jax.random.key(0), signal)[0, 2].item()  # the middle stays
    2.0
    """
    check_range("strength", strength, low=0)

    def transform(key: Key, batch: Array) -> Array:
        speed = jnp.exp(uniform(key, batch, strength))
        return _read(batch, jnp.zeros_like(speed), speed)

    return with_places(transform)


def mask_span(size: int) -> Transform:
    """Set a random span of each signal to 0.

    Args:
        size: samples of the span, which lies within the signal.

    Source: Park et al. 2019, "SpecAugment", of one axis.

    >>> mask_span(2)(jax.random.key(0), jnp.ones((1, 5))).sum().item()
    3.0
    """
    check_count("size", size)

    def transform(key: Key, batch: Array) -> Array:
        length = batch.shape[1]
        first = jax.random.randint(key, (len(batch), 1), 0, max(length - size, 0) + 1)
        place = jnp.arange(length)[None]
        inside = (place >= first) & (place < first + size)
        return jnp.where(inside, jnp.zeros((), batch.dtype), batch)

    return transform


def _read(batch: Array, shift: Array, speed: Array) -> Array:
    """Return signals at ``speed (place - middle - shift) + middle``."""
    x = floating(batch)
    length = x.shape[1]
    middle = (length - 1) / 2
    place = jnp.arange(length, dtype=x.dtype)[None]
    place = spread(speed, x.ndim) * (place - middle - spread(shift, x.ndim)) + middle
    inside = jnp.clip(place, -1.0, float(length)) + 1
    before = jnp.minimum(jnp.floor(inside), float(length))
    padded = jnp.pad(x, ((0, 0), (1, 1)))
    index = before.astype(jnp.int32)
    left = jnp.take_along_axis(padded, index, axis=1)
    right = jnp.take_along_axis(padded, index + 1, axis=1)
    return left + (inside - before) * (right - left)
