"""Decorator of functions that make optimizers: memoization, representation, other rates."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np
import optax

from jaxnet.core.memory import cache_by_value, is_comparable
from jaxnet.core.representation import fields_html, representation

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made", bound=optax.GradientTransformation)


class _Described:
    """What represents a transformation by the call that made it."""

    __slots__ = ()

    name = ""
    make: Any = None
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


def factory(make: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """Decorate a function that makes optimizers: of equal arguments, the identical object.

    It is represented by its name, the arguments given and the convention.

    >>> make = factory(lambda size, *, like="optax": optax.identity())
    >>> make(3)
    <lambda>(size=3, like='optax')
    >>> make(3) is make(3)
    True
    """
    signature = inspect.signature(make)
    parameters = signature.parameters
    convention = {"like": parameters["like"].default} if "like" in parameters else {}

    @functools.partial(cache_by_value, comparable=_is_comparable)
    @functools.wraps(make)
    def wrapper(*args: Arguments.args, **options: Arguments.kwargs) -> Any:
        made = make(*args, **options)
        extra = isinstance(made, optax.GradientTransformationExtraArgs)
        result = (DescribedExtraArgs if extra else Described)(made.init, made.update)
        bound = signature.bind(*args, **options).arguments
        given: dict[str, Any] = {**bound, **convention, **options}
        several = [n for n, p in parameters.items() if p.kind is p.VAR_POSITIONAL and n in given]
        result.values = tuple(value for name in several for value in given.pop(name))
        result.name, result.make, result.settings = make.__name__, wrapper, given
        return result

    return wrapper


def _is_comparable(argument: Any) -> bool:
    """Return whether an argument has no traced arrays; those of other libraries may have some."""
    if isinstance(argument, _Described):
        parts = (*argument.values, *argument.settings.values())
        return bool(argument.name) and all(map(_is_comparable, parts))
    return not isinstance(argument, optax.GradientTransformation) and is_comparable(argument)


@functools.lru_cache(maxsize=32)
def take_learning_rates(optimizer: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an optimizer with learning rates of 1, and its own, in the order of its arguments.

    Optimizers that differ in constant learning rates only give the identical one: they can share a
    compiled program of which `with_learning_rates` makes the rates arguments. Those of parts, as
    in ``chain(clip(1.0), adam(0.001))``, are taken too; schedules and optimizers of other
    libraries stay as they are.

    >>> from jaxnet.optim import adam
    >>> take_learning_rates(adam(0.001, b1=0.8))
    (adam(learning_rate=1, b1=0.8, like='optax'), (0.001,))
    """
    rates: list[Any] = []

    def take(rate: Any) -> float:
        rates.append(rate)
        return 1.0

    return _replaced(optimizer, take), tuple(rates)


def with_learning_rates(optimizer: Any, rates: Sequence[Any]) -> Any:
    """Return an optimizer of `take_learning_rates` with other learning rates, traced ones too."""
    remaining = iter(rates)
    return _replaced(optimizer, lambda _: next(remaining))


def _replaced(value: Any, new: Callable[[Any], Any]) -> Any:
    """Return an optimizer with ``new(rate)`` for each of its constant learning rates."""
    if type(value) is dict:
        return {name: _replaced(each, new) for name, each in value.items()}
    if not isinstance(value, _Described) or not value.name:
        return value
    settings = {
        name: new(each) if name == "learning_rate" and _is_constant(each) else _replaced(each, new)
        for name, each in value.settings.items()
    }
    return value.make(*(_replaced(each, new) for each in value.values), **settings)


def _is_constant(rate: Any) -> bool:
    return isinstance(rate, int | float | np.ndarray | np.generic | jax.Array)
