"""Code that needs the values of traced arrays: what to do in place of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from jaxnet.core.errors import InputError, invalid_type

OTHERWISE = "In place of `if` there are jnp.where and jax.lax.cond, in place of NumPy jax.numpy."
"""What to do without the values of traced arrays."""


@contextmanager
def explained(argument: str, remedy: str) -> Iterator[None]:
    """Explain errors of code that needs the value of a traced array.

    JAX's own errors name neither whose array it is nor the way out; some are an IndexError.

    Args:
        argument: whose code runs.
        remedy: what to do.

    Raises:
        TypeError: in place of such an error.
    """
    try:
        yield
    except InputError:
        raise
    except (*_NEEDS_NUMBERS, TypeError, IndexError) as error:
        if not (isinstance(error, _NEEDS_NUMBERS) or _SAYS_SO.search(str(error))):
            raise
        actual = f"code that needs their values: {str(error).splitlines()[0].rstrip('.')}"
        expected = "to compute with arrays that are traced"
        raise invalid_type(argument, expected, actual, remedy) from error


_NEEDS_NUMBERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
"""What JAX raises where Python or NumPy would have to know the value of a traced array."""

_SAYS_SO = re.compile("(unhashable|concrete|static).*Tracer", re.DOTALL)
"""What a plain TypeError or IndexError says where it is that: of a lookup, a shape, a slice."""
