"""The precision of sums and moments."""

from typing import Any

import jax.numpy as jnp


def accumulator(dtype: Any) -> Any:
    """Return the dtype to add up numbers in: float32 for half precision, else their own.

    In bfloat16 a count stops at 256, and a step of 0.01 is lost in an average.

    >>> accumulator(jnp.bfloat16).__name__, accumulator(jnp.dtype("float64")).name
    ('float32', 'float64')
    """
    half = jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
    return jnp.float32 if half else dtype
