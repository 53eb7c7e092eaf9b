"""Memoization by argument value."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def is_comparable(argument: Any) -> bool:
    """Return whether an argument can be hashed, and is no array, which may be traced."""
    if isinstance(argument, jax.Array):  # traced ones, too, which must not outlive their trace
        return False
    try:
        hash(argument)
    except TypeError:
        return False
    return True


def cache_by_value(
    make: Callable[Arguments, Result], comparable: Callable[[Any], bool] = is_comparable
) -> Callable[Arguments, Result]:
    """Memoize ``make``: equal arguments return the identical object.

    JAX caches compiled programs by the identity of their functions. Arguments are equal if their
    types are, too: 1, 1.0 and True differ. Calls with arguments that cannot be hashed, or arrays,
    which may be traced, are not cached. Arrays that ``make`` makes are values, also within a trace,
    which the result may outlive.

    Args:
        make: a pure function whose result is not mutated.
        comparable: whether an argument can be part of what is remembered.

    >>> pair = cache_by_value(lambda **options: list(options.items()))
    >>> pair(a=1, b=2) is pair(b=2, a=1), pair(a=1, b=2) is pair(a=1.0, b=2)
    (True, False)
    """

    @functools.lru_cache(maxsize=256, typed=True)
    def remembered(*args: Any, **options: Any) -> Result:
        with jax.ensure_compile_time_eval():
            return make(*args, **options)

    @functools.wraps(make)
    def wrapper(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        if not all(map(comparable, (*args, *options.values()))):
            return make(*args, **options)
        ordered: Any = dict(sorted(options.items()))  # another order would be another key
        return remembered(*args, **ordered)

    return wrapper
