"""Bilinear resampling of images at any places."""

import jax
import jax.numpy as jnp

from jaxnet.core.checks import require
from jaxnet.core.types import Array


def bilinear(images: Array, rows: Array, columns: Array) -> Array:
    """Read images at places between their pixels; beyond the edge they are 0.

    Args:
        images: shape ``(n, height, width, channels)``, floating-point, or uint8.
        rows: row of each place, from 0, fractions allowed, shape ``(n, height', width')``.
        columns: column of each place, likewise.

    Returns:
        Values of shape ``(n, height', width', channels)``, floating-point.

    The four neighbours of uint8 pixels are packed into one word, and gathered at once.

    Source: ``scipy.ndimage.map_coordinates(order=1, mode="grid-constant")``.

    >>> image = jnp.array([[0.0, 10.0], [20.0, 30.0]])[None, :, :, None]
    >>> bilinear(image, jnp.array([[[0.5]]]), jnp.array([[[0.5]]])).ravel().tolist()
    [15.0]
    """
    n, height, width, channels = images.shape
    require(rows.shape == columns.shape, "rows", f"of shape {columns.shape}", rows.shape)
    row, below = _split(rows, height)
    column, right = _split(columns, width)
    index = (row * (width + 1) + column).reshape(n, -1)
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    each = [_read(padded[..., c], index, below, right) for c in range(channels)]
    return jnp.stack(each, axis=-1)


def _split(places: Array, size: int) -> tuple[Array, Array]:
    """Return the pixel before each place, counted from the padding, and the fraction beyond it."""
    inside = jnp.clip(places, -1.0, float(size)) + 1
    before = jnp.minimum(jnp.floor(inside), float(size))
    return before.astype(jnp.int32), inside - before


def _read(padded: Array, index: Array, below: Array, right: Array) -> Array:
    """Return the weighted means of four neighbours.

    ``index`` counts the places of the upper left one in an image without its last row and column.
    """
    corners = [
        padded[:, i : i + padded.shape[1] - 1, j : j + padded.shape[2] - 1]
        for i in (0, 1)
        for j in (0, 1)
    ]
    dtype = below.dtype
    if padded.dtype == jnp.uint8:
        words = jnp.zeros(corners[0].shape, jnp.uint32)
        for k, corner in enumerate(corners):
            words |= corner.astype(jnp.uint32) << jnp.uint32(8 * k)
        # the barriers keep XLA from computing both again for each of four bytes
        words, index = jax.lax.optimization_barrier((words.reshape(len(words), -1), index))
        word = jax.lax.optimization_barrier(_gather(words, index)).reshape(below.shape)
        values = [
            ((word >> jnp.uint32(8 * k)) & jnp.uint32(255)).astype(jnp.int32).astype(dtype)
            for k in range(4)
        ]
    else:
        flat = [corner.reshape(len(corner), -1) for corner in corners]
        values = [_gather(corner, index).reshape(below.shape).astype(dtype) for corner in flat]
    upper = values[0] + right * (values[1] - values[0])
    lower = values[2] + right * (values[3] - values[2])
    return upper + below * (lower - upper)


def _gather(flat: Array, index: Array) -> Array:
    return jnp.take_along_axis(flat, index, axis=1, mode="promise_in_bounds")
