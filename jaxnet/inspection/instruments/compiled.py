"""Compilation of instruments, with checks of their inputs."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax

from jaxnet.core.checks import check_count
from jaxnet.inspection.check_inputs import check_inputs
from jaxnet.inspection.propagation.layer_paths import in_order

F = TypeVar("F", bound=Callable[..., Any])


def instrument(*static: str, by_symbol: bool = False, **counts: int) -> Callable[[F], F]:
    """Return a decorator that compiles an instrument and checks its inputs before each call.

    The function has the parameters ``objective, params, statistics, examples``, and maybe ``key``
    and ``training``.

    Args:
        static: other arguments that are compiled in.
        by_symbol: whether it returns a mapping from symbols, to be in the order of the layers.
        counts: name -> minimum, of the integers among the static arguments.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        known = [n for n in ("objective", "training") if n in signature.parameters]
        compiled = jax.jit(function, static_argnames=(*known, *static, *counts))

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = dict(bound.arguments)
            mode = {name: given[name] for name in ("key", "training") if name in given}
            names = "objective", "params", "statistics", "examples"
            given["examples"] = check_inputs(*(given[name] for name in names), **mode)
            for name, minimum in counts.items():
                given[name] = check_count(name, given[name], minimum=minimum)
            found = compiled(**given)
            return in_order(given["objective"].network, found) if by_symbol else found

        return cast(F, call)

    return decorate
