"""Precision of sums and moments."""

from typing import Any

import jax.numpy as jnp


def at_least_float32(dtype: Any) -> Any:
    """Return the dtype of sums: float32 for narrower floating-point dtypes, else the same.

    A count in bfloat16 stops at 256, and a step of 0.01 is lost in an average.

    >>> at_least_float32(jnp.dtype("bfloat16")).name, at_least_float32(jnp.dtype("float64")).name
    ('float32', 'float64')
    """
    narrow = jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
    return jnp.dtype(jnp.float32) if narrow else dtype
