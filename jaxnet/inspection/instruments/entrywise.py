"""Is an activation a function of one number, entry by entry? Tried out, not told by its name."""

from collections.abc import Callable, Iterator
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

    units, random = int(np.prod(shape)), np.random.default_rng(0)
    run = _compiled(passed_back, np.zeros((2, *shape), dtype))
    for number, given in enumerate(_masks(units)):
        z = random.normal(size=given.shape)
        z = z if number % 2 else np.abs(z)  # where a logarithm has slopes
        dy = np.where(given, random.uniform(0.5, 1.5, given.shape), 0.0)
        arrived = np.asarray(run(*(each.reshape(2, *shape).astype(dtype) for each in (z, dy))))
        reached = (arrived != 0) & ~np.isnan(arrived)
        if (reached & ~given.reshape(reached.shape)).any():
            return False
    return True


def _masks(units: int) -> Iterator[np.ndarray]:
    """Yield pairs of rows of bools, which tell any two of so many units apart, either way round.

    Of each unit one row says True: so examples that see each other are told apart, too.
    """
    for bit in range(max(units - 1, 1).bit_length()):
        ones = (np.arange(units) >> bit) % 2 == 1
        yield from (np.stack([ones, ~ones]),) * (2 * DRAWS)


def _compiled(function: Callable[..., Array], like: np.ndarray) -> Callable[..., Array]:
    """Return a function of two arrays that computes even while another program is traced."""
    closed = jax.make_jaxpr(function)(like, like)
    known = [np.ones(c.shape, c.dtype) if isinstance(c, Tracer) else c for c in closed.consts]
    program = jax.jit(jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, known))).lower(like, like).compile()
    return lambda *points: program(*points)[0]
