"""Transforms of images of shape ``(n, height, width, channels)``, each image by its own numbers.

Geometric ones read an image at other places, by `jaxnet.data.augmentation.bilinear`, and are 0
beyond its edge. Values keep their scale, such as 0 to 255; nothing is clipped unless it says so.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_count, check_flags, check_range
from jaxnet.core.masks import spread
from jaxnet.core.types import Array, Key, Number
from jaxnet.data.augmentation.compose import Transform, floating, uniform, with_places
from jaxnet.data.augmentation.resampling import bilinear


def affine(
    *,
    rotate: Number = 0.0,
    shift: Number = 0.0,
    zoom: Number = 0.0,
    stretch: Number = 0.0,
    shear: Number = 0.0,
) -> Transform:
    """Rotate, shift, zoom, stretch and shear, in one resampling around the middle.

    Each number is drawn uniformly, between its negative and itself.

    Args:
        rotate: largest angle, in degrees, 0 or more.
        shift: largest shift along each axis, in pixels.
        zoom: largest logarithm of the factor of both axes.
        stretch: largest logarithm of the factor of the width over that of the height.
        shear: largest shift of a row, in its distances from the middle row.

    Source: lecture 004, geometric transformations; ``scipy.ndimage.affine_transform``.

    >>> image = jnp.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    >>> affine()(jax.random.key(0), image).ravel().tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    bounds = {"rotate": rotate, "shift": shift, "zoom": zoom, "stretch": stretch, "shear": shear}
    for name, bound in bounds.items():
        check_range(name, bound, low=0)

    def transform(key: Key, images: Array) -> Array:
        keys = jax.random.split(key, 6)
        angle = uniform(keys[0], images, rotate) * (np.pi / 180)
        down, along = uniform(keys[1], images, shift), uniform(keys[2], images, shift)
        size, ratio = uniform(keys[3], images, zoom), uniform(keys[4], images, stretch)
        slant = uniform(keys[5], images, shear)
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        tall, wide = jnp.exp(-size + ratio / 2), jnp.exp(-size - ratio / 2)
        # the inverse: from a place in the new image to that in the old one
        matrix = (
            (tall * cosine, tall * sine),
            (wide * (slant * cosine - sine), wide * (cosine + slant * sine)),
        )
        return resample_affine(images, matrix, (down, along))

    return with_places(transform)


def resample_affine(
    images: Array, matrix: tuple[tuple[Array, Array], ...], shift: tuple[Array, Array]
) -> Array:
    """Read each image at ``matrix (place - middle - shift) + middle``.

    Args:
        images: shape ``(n, height, width, channels)``.
        matrix: two rows of two arrays of shape ``(n,)``.
        shift: rows and columns, two arrays of shape ``(n,)``.
    """
    _, height, width, _ = images.shape
    dtype = shift[0].dtype
    middle = jnp.asarray((height - 1) / 2, dtype), jnp.asarray((width - 1) / 2, dtype)
    r = jnp.arange(height, dtype=dtype)[None, :, None] - middle[0] - shift[0][:, None, None]
    c = jnp.arange(width, dtype=dtype)[None, None, :] - middle[1] - shift[1][:, None, None]
    (a, b), (d, e) = (tuple(entry[:, None, None] for entry in row) for row in matrix)
    return bilinear(images, a * r + b * c + middle[0], d * r + e * c + middle[1])


def elastic(strength: Number = 2.0, *, grid: int = 5) -> Transform:
    """Shift every pixel by a smooth random field.

    A Gaussian shift is drawn at the points of a coarse grid, and spread by two matrix products.

    Args:
        strength: standard deviation of the shift at a grid point, in pixels, 0 or more.
        grid: points along each axis, 2 or more; more of them bend more finely.

    Source: Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks".

    >>> image = jnp.ones((1, 4, 4, 1))
    >>> elastic(0.0)(jax.random.key(0), image).min().item()
    1.0
    """
    check_range("strength", strength, low=0)
    check_count("grid", grid, minimum=2)

    def transform(key: Key, images: Array) -> Array:
        n, height, width, _ = images.shape
        dtype = floating(images[:0]).dtype
        noise = jax.random.normal(key, (2, n, grid, grid), dtype) * jnp.asarray(strength, dtype)
        up, along = (jnp.asarray(_spread(size, grid), dtype) for size in (height, width))
        field = up @ noise @ along.T
        rows = jnp.arange(height, dtype=dtype)[None, :, None] + field[0]
        columns = jnp.arange(width, dtype=dtype)[None, None, :] + field[1]
        return bilinear(images, rows, columns)

    return with_places(transform)


def crop(margin: Number) -> Transform:
    """Cut a random window of the image and enlarge it to the whole.

    Args:
        margin: part of each side that is left out, in [0, 1).

    >>> crop(0.5)(jax.random.key(0), jnp.ones((1, 4, 4, 1))).min().item()
    1.0
    """
    check_range("margin", margin, low=0, high=1, high_open=True)

    def transform(key: Key, images: Array) -> Array:
        _, height, width, _ = images.shape
        keys = jax.random.split(key)
        kept = 1 - jnp.asarray(margin, floating(images[:0]).dtype)
        room = (1 - kept) / 2
        shifts = [
            -uniform(each, images, room) * (size - 1) / kept
            for each, size in zip(keys, (height, width), strict=True)
        ]
        scale = jnp.full(len(images), kept)
        zero = jnp.zeros_like(scale)
        return resample_affine(images, ((scale, zero), (zero, scale)), (shifts[0], shifts[1]))

    return with_places(transform)


def flip(probability: Number = 0.5, *, vertical: bool = False) -> Transform:
    """Mirror left and right, or up and down, with a probability.

    >>> image = jnp.arange(3.0).reshape(1, 1, 3, 1)
    >>> flip(probability=1.0)(jax.random.key(0), image).ravel().tolist()
    [2.0, 1.0, 0.0]
    """
    check_range("probability", probability, low=0, high=1)
    check_flags(vertical=vertical)

    def transform(key: Key, images: Array) -> Array:
        drawn = jax.random.uniform(key, (len(images),)) < probability
        return jnp.where(spread(drawn, images.ndim), jnp.flip(images, 1 if vertical else 2), images)

    return transform


def blur(strength: Number = 1.0) -> Transform:
    """Blur by a kernel ``[s, 1, s] / (1 + 2 s)`` along each axis, ``s`` uniform in [0, strength).

    Beyond the edge the nearest pixel counts.

    >>> image = jnp.array([0.0, 9.0, 0.0]).reshape(1, 1, 3, 1)
    >>> left, middle, right = blur()(jax.random.key(0), image).ravel().tolist()
    >>> 0 < left == right < middle < 9
    True
    """
    check_range("strength", strength, low=0)

    def transform(key: Key, images: Array) -> Array:
        return _blurred(floating(images), jnp.abs(uniform(key, images, strength)))

    return transform


def sharpen(strength: Number = 1.0) -> Transform:
    """Add the difference from the blurred image, times a number uniform in [0, strength).

    >>> image = jnp.array([0.0, 9.0, 0.0]).reshape(1, 1, 3, 1)
    >>> left, middle, right = sharpen()(jax.random.key(0), image).ravel().tolist()
    >>> left < 0 and middle > 9
    True
    """
    check_range("strength", strength, low=0)

    def transform(key: Key, images: Array) -> Array:
        x = floating(images)
        s = jnp.abs(uniform(key, images, strength))
        return x + spread(s, x.ndim) * (x - _blurred(x, jnp.ones_like(s)))

    return transform


def brightness(strength: Number) -> Transform:
    """Add to all pixels of an image a number uniform in [-strength, strength).

    >>> image = brightness(2.0)(jax.random.key(0), jnp.zeros((1, 2, 2, 1)))
    >>> bool(0 < abs(image.min()) < 2), bool(image.min() == image.max())
    (True, True)
    """
    check_range("strength", strength, low=0)

    def transform(key: Key, images: Array) -> Array:
        x = floating(images)
        return x + spread(uniform(key, images, strength), x.ndim)

    return transform


def contrast(strength: Number) -> Transform:
    """Scale the distances from the image's mean by ``e^s``, ``s`` in [-strength, strength).

    >>> image = contrast(1.0)(jax.random.key(0), jnp.array([0.0, 2.0]).reshape(1, 1, 2, 1))
    >>> bool(abs(image.mean() - 1) < 1e-6), image.ravel().tolist() != [0.0, 2.0]
    (True, True)
    """
    check_range("strength", strength, low=0)

    def transform(key: Key, images: Array) -> Array:
        x = floating(images)
        mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
        return mean + jnp.exp(spread(uniform(key, images, strength), x.ndim)) * (x - mean)

    return transform


def swap_channels() -> Transform:
    """Permute the channels of each image at random.

    >>> image = jnp.arange(3.0).reshape(1, 1, 1, 3)
    >>> sorted(swap_channels()(jax.random.key(0), image).ravel().tolist())
    [0.0, 1.0, 2.0]
    """

    def transform(key: Key, images: Array) -> Array:
        drawn = jax.random.uniform(key, (len(images), images.shape[-1]))
        order = jnp.argsort(drawn, axis=1)[:, None, None, :]
        return jnp.take_along_axis(images, order, axis=3)

    return transform


def cutout(size: int, value: Number = 0.0) -> Transform:
    """Set a square of each image to one value; its middle is anywhere in the image.

    Args:
        size: side of the square, in pixels, 1 or more.
        value: what the pixels become; other than 0, images become floating-point numbers.

    Source: DeVries and Taylor 2017, "Improved regularization of CNNs with cutout".

    >>> cutout(1)(jax.random.key(0), jnp.ones((1, 3, 3, 1))).sum().item()
    8.0
    """
    check_count("size", size)

    def transform(key: Key, images: Array) -> Array:
        _, height, width, _ = images.shape
        keys = jax.random.split(key)
        inside = [
            window(each, len(images), axis, size)
            for each, axis in zip(keys, (height, width), strict=True)
        ]
        hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]
        exact = isinstance(value, int | float) and value == 0  # as integers have it
        x = images if exact else floating(images)
        return jnp.where(hole, jnp.asarray(value).astype(x.dtype), x)

    return transform


def window(key: Key, n: int, length: int, size: int) -> Array:
    """Return whether each of ``length`` places is in a window, shape ``(n, length)``.

    The middle of the window is drawn among the places, so that it may reach over the end.
    """
    middle = jax.random.randint(key, (n, 1), 0, length)
    place = jnp.arange(length)[None]
    return (place >= middle - size // 2) & (place < middle - size // 2 + size)


def _blurred(x: Array, s: Array) -> Array:
    side = spread(s, x.ndim)
    for axis in (1, 2):
        wide = jnp.pad(x, [(int(a == axis),) * 2 for a in range(4)], mode="edge")
        length = x.shape[axis]
        before = jax.lax.slice_in_dim(wide, 0, length, axis=axis)
        after = jax.lax.slice_in_dim(wide, 2, length + 2, axis=axis)
        x = (x + side * (before + after)) / (1 + 2 * side)
    return x


def _spread(size: int, grid: int) -> np.ndarray:
    """Return the matrix from grid points to pixels: Gaussian weights, rows of sum 1."""
    place = np.arange(size)[:, None] * ((grid - 1) / max(size - 1, 1))
    weight = np.exp(-0.5 * ((place - np.arange(grid)[None]) / 0.6) ** 2)
    return weight / weight.sum(axis=1, keepdims=True)
