"""Initializers of narrow networks within wide ones."""

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Key, Shape
from jaxnet.functions.initializers import (
    INITIALIZERS,
    Initializer,
    constant,
    normal,
    ones,
    truncated_normal,
    uniform,
    zeros,
)

_SAME_FOR_ALL_WIDTHS = (constant, normal, ones, truncated_normal, uniform, zeros)


def narrow_initializer(
    initializer: str | Initializer,
    *,
    active_in: int | Array,
    active_out: int | Array,
) -> Initializer:
    """Return an initializer of weights between active units only; all others are 0.

    A scaled initializer has the variance of the narrow layer. Weights from or to inactive units are
    0, so that norms and penalties are those of the narrow network, too.

    Args:
        initializer: its name or itself; it must not depend on the width, or take ``fans``.
        active_in: how many inputs are active, the first; may be traced.
        active_out: how many outputs.

    Raises:
        ValueError: for an unknown name, or an initializer that depends on the shape of the
            weights in another way, such as `orthogonal`.
    """
    if isinstance(initializer, str):
        initializer = check_choice("initializer", initializer, INITIALIZERS)
    takes_fans = "fans" in inspect.signature(initializer).parameters
    if takes_fans:
        initializer = functools.partial(initializer, fans=(active_out, active_in))
    elif getattr(initializer, "func", initializer) not in _SAME_FOR_ALL_WIDTHS:
        name = getattr(initializer, "__name__", "another")
        remedy = "Pass one such as 'he_normal', or a function with an argument fans=(out, in)."
        raise invalid_value("initializer", "to scale with the active width", name, remedy)

    def initialize(key: Key, shape: Shape, dtype: Any) -> Array:
        weights = initializer(key, shape, dtype)
        first_rows, first_columns = (
            jax.lax.broadcasted_iota(jnp.int32, shape, axis) < jnp.asarray(count, jnp.int32)
            for axis, count in enumerate((active_out, active_in))
        )
        active = first_rows & first_columns
        return jnp.where(active, weights, jnp.zeros((), weights.dtype))

    return initialize
