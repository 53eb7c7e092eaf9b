"""Decorators of functions that make optimizers: memoization, representation."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import optax

from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import representation

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made", bound=optax.GradientTransformation)


class _Described:
    """What represents a transformation by the call that made it."""

    __slots__ = ()

    text = ""

    def __repr__(self) -> str:
        return self.text or super().__repr__()


class Described(_Described, optax.GradientTransformation):
    """A transformation that is represented by the call that made it."""


class DescribedExtraArgs(_Described, optax.GradientTransformationExtraArgs):
    """One whose ``update`` takes extra arguments."""


def described(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """Represent what ``make`` returns by its name, the arguments given and the convention.

    >>> described(lambda size, *, like="optax": optax.identity())(3)
    <lambda>(size=3, like='optax')
    """
    signature = inspect.signature(make)
    parameters = signature.parameters
    convention = {"like": parameters["like"].default} if "like" in parameters else {}

    @functools.wraps(make)
    def wrapper(*args: Arguments.args, **options: Arguments.kwargs) -> Any:
        made = make(*args, **options)
        extra = isinstance(made, optax.GradientTransformationExtraArgs)
        result = (DescribedExtraArgs if extra else Described)(made.init, made.update)
        bound = signature.bind(*args, **options).arguments
        given: dict[str, Any] = {**bound, **convention, **options}
        several = [n for n, p in parameters.items() if p.kind is p.VAR_POSITIONAL and n in given]
        values = [value for name in several for value in given.pop(name)]
        result.text = representation(make.__name__, *values, **given)
        return result

    return wrapper


def factory(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """Decorate a function that makes optimizers by `described` and `cache_by_value`."""
    return cache_by_value(described(make))
