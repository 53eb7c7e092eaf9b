"""Memoization by argument value."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def cache_by_value(make: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Memoize ``make``: equal arguments return the identical object.

    JAX caches compiled programs by the identity of their functions. Arguments are equal if their
    types are, too: 1, 1.0 and True differ. Calls with arguments that cannot be hashed, or arrays,
    which may be traced, are not cached.

    Args:
        make: a pure function whose result is not mutated.

    >>> pair = cache_by_value(lambda **options: list(options.items()))
    >>> pair(a=1, b=2) is pair(b=2, a=1), pair(a=1, b=2) is pair(a=1.0, b=2)
    (True, False)
    """
    remembered = functools.lru_cache(maxsize=256, typed=True)(make)

    @functools.wraps(make)
    def wrapper(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        if not all(map(_is_comparable, (*args, *options.values()))):
            return make(*args, **options)
        ordered: Any = dict(sorted(options.items()))  # another order would be another key
        return remembered(*args, **ordered)

    return wrapper


def _is_comparable(argument: Any) -> bool:
    if isinstance(argument, jax.Array):  # traced ones, too, which must not outlive their trace
        return False
    try:
        hash(argument)
    except TypeError:
        return False
    return True
