"""The precision that sums and moments are kept in."""

from typing import Any

import jax.numpy as jnp


def at_least_float32(dtype: Any) -> Any:
    """Return a dtype, or float32 where it is a narrower floating-point one, to add numbers up in.

    A count in bfloat16 stands still at 256, and a step of 0.01 is lost in an average.

    >>> at_least_float32(jnp.dtype("bfloat16")).name, at_least_float32(jnp.dtype("float64")).name
    ('float32', 'float64')
    """
    narrow = jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
    return jnp.dtype(jnp.float32) if narrow else dtype
