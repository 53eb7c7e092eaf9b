"""Memoization by argument value, and by the identity of arrays."""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import jax
from jax.core import Tracer

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


class SeenArrays:
    """Arrays of JAX that were seen with a key: they cannot change, so what held then holds still.

    >>> seen, x = SeenArrays(), jax.numpy.zeros(2)
    >>> seen.add("finite", [x])
    >>> seen.has("finite", [x]), seen.has("finite", [jax.numpy.zeros(2)])
    (True, False)
    """

    def __init__(self, most: int = 32) -> None:
        self._seen: dict[Any, list[weakref.ref[Any]]] = {}
        self._most = most

    def has(self, key: Any, arrays: Sequence[Any]) -> bool:
        """Return whether the identical arrays were added with an equal key."""
        found = self._seen.get((key, *map(id, arrays)), []) if is_comparable(key) else []
        return bool(found) and all(f() is a for f, a in zip(found, arrays, strict=True))

    def add(self, key: Any, arrays: Sequence[Any]) -> None:
        """Add arrays with a key; not those of NumPy, which may change, nor traced ones."""
        fixed = all(isinstance(a, jax.Array) and not isinstance(a, Tracer) for a in arrays)
        if fixed and is_comparable(key):
            if len(self._seen) >= self._most:
                self._seen.pop(next(iter(self._seen)), None)
            self._seen[key, *map(id, arrays)] = [weakref.ref(a) for a in arrays]
