"""Is an activation a function of one number, entry by entry? Tried out, not told by its name."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from jaxnet.core.types import Array, Layer, Shape

DRAWS = 2
"""Points at which each pair of units is looked at, of positive numbers and of both signs each."""


def is_entrywise(layer: Layer, shape: Shape, dtype: Any) -> bool:
    """Return whether a layer without parameters passes back to each unit from that unit alone.

    Its backward pass is given random numbers at some units and 0 at the others, where then
    nothing may arrive. Which units is decided bit by bit of their numbers, so that any two are
    told apart: as many tries as the number of units has digits in base 2, and their opposites.

    Where the layer depends on what is not known yet, as a setting that is traced, that counts as 1.

    Args:
        layer: an activation.
        shape: of one output, which is that of the input.
        dtype: of both.

    >>> from jaxnet.layers import activation
    >>> [is_entrywise(activation(name), (3,), np.float32) for name in ("tanh", "softmax")]
    [True, False]
    """

    def passed_back(z: Array, dy: Array) -> Array:
        _, residual, _ = layer.forward((), (), z, key=None, training=False)
        return layer.backward((), residual, dy)[1]

    given = _masks(int(np.prod(shape)))
    random = np.random.default_rng(0)
    z = random.normal(size=given.shape)
    z[::2] = np.abs(z[::2])  # where a logarithm has slopes
    dy = np.where(given, random.uniform(0.5, 1.5, given.shape), 0.0)
    points = [each.reshape(len(given), *shape).astype(dtype) for each in (z, dy)]
    arrived = np.asarray(_evaluate(jax.make_jaxpr(passed_back)(*points), *points))
    reached = (arrived != 0) & ~np.isnan(arrived)
    return not (reached & ~given.reshape(arrived.shape)).any()


def _masks(units: int) -> np.ndarray:
    """Return rows of bools that tell any two of so many units apart, either way round."""
    bits = np.arange(max(units - 1, 1).bit_length())[:, None]
    ones = (np.arange(units)[None] >> bits) % 2 == 1
    return np.repeat(np.concatenate([ones, ~ones]), 2 * DRAWS, axis=0)


def _evaluate(closed: ClosedJaxpr, *points: np.ndarray) -> Array:
    """Return what a program computes, even while another one is traced: it is compiled at once."""
    known = [np.ones(c.shape, c.dtype) if isinstance(c, Tracer) else c for c in closed.consts]
    program = jax.jit(jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, known)))
    return program.lower(*points).compile()(*points)[0]
