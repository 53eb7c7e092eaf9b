"""The tests, one folder a floor; cases and comparisons in one place."""

from types import FunctionType
from typing import Any

from beartype import BeartypeConf, beartype

# A whole number will do where a float is asked for, as type checkers have it (PEP 484).
_check = beartype(conf=BeartypeConf(is_pep484_tower=True))

_checked: dict[Any, Any] = {}


def check_types(function: Any) -> Any:
    """Return what the import hook of `conftest` checks calls of every function of jaxnet with.

    jaxtyping hands over functions that it has written: of the checked one's name and signature,
    and without its body. A layer or an optimizer makes its functions anew each time that it is
    made, and to write their checks took a tenth of the tests' time: equal ones are written once.
    """
    key = _signature(function)
    if key is None:
        return _check(function)
    if key not in _checked:
        _checked[key] = _check(function)
    return _checked[key]


def _signature(function: Any) -> Any:
    """Return all that decides a function's checks; None for one that has a body of its own."""
    if not isinstance(function, FunctionType) or function.__code__.co_filename != "<string>":
        return None
    code = function.__code__
    counts = code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount, code.co_flags
    optional = len(function.__defaults__ or ()), tuple(sorted(function.__kwdefaults__ or ()))
    names = function.__module__, function.__qualname__, code.co_varnames, code.co_code
    key = (*counts, *optional, *names, tuple(function.__annotations__.items()))
    try:
        hash(key)
    except TypeError:  # an annotation that cannot be compared
        return None
    return key
