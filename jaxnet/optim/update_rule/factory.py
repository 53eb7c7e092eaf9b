"""Decorators of functions that make optimizers: memoization, representation."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import optax

from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import fields_html, representation

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made", bound=optax.GradientTransformation)


class _Described:
    """What represents a transformation by the call that made it."""

    __slots__ = ()

    name = ""
    values: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = MappingProxyType({})

    def __repr__(self) -> str:
        if not self.name:  # copied by a function of others, such as jax.tree.map
            return super().__repr__()
        return representation(self.name, *self.values, **self.settings)

    def _repr_html_(self) -> str | None:
        numbered = {str(i): value for i, value in enumerate(self.values)}
        return fields_html(self.name, numbered | dict(self.settings)) if self.name else None


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
        result.values = tuple(value for name in several for value in given.pop(name))
        result.name, result.settings = make.__name__, given
        return result

    return wrapper


def factory(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """Decorate a function that makes optimizers by `described` and `cache_by_value`."""
    return cache_by_value(described(make))
