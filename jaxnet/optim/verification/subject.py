"""Optimizer to be verified: of optax's protocol, of a function, of PyTorch or of Keras."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import require, require_type
from jaxnet.core.errors import InputError, invalid_type, invalid_value, with_type
from jaxnet.core.optional_imports import import_package
from jaxnet.core.suggestions import did_you_mean
from jaxnet.optim.verification.libraries import (
    follow_optax,
    follow_torch,
    keras_follower,
    keras_in,
)
from jaxnet.optim.verification.programs import as_users_do, digest_program, quick_compilation

LIBRARIES = ("jaxnet.optim", "optax", "torch.optim", "keras.optimizers")
"""First part of an optimizer's dotted name."""

RATES = ("learning_rate", "lr", "rate", "eta", "step_size", "schedule")
"""Names of a factory's first argument; a function without one of two arguments is a plain rule."""

_FORMS = (
    "an optax.GradientTransformation; a function of the learning rate, or of nothing, that returns"
    " one; a function (gradients, params) -> updates; or a name such as 'torch.optim.Adam'"
)


class Subject(NamedTuple):
    """Optimizer with a name, whatever library it is of.

    Attributes:
        name: ``"mine"`` or ``"reference"``, for messages.
        library: what runs it.
        make: ``rate -> optimizer``; for PyTorch ``(torch, params, rate) -> optimizer``.
        takes_rate: whether it takes a learning rate. Where that is a schedule but the function
            takes numbers only, the optimizer is made anew for each step.
    """

    name: str
    library: Literal["optax", "torch", "keras"]
    make: Callable[..., Any]
    takes_rate: bool


class Response(NamedTuple):
    """What an optimizer does with a stream of gradients: two trees with a first axis of steps.

    Attributes:
        updates: change of the parameters in each step.
        params: the parameters after each step.
    """

    updates: Any
    params: Any


def as_subject(name: str, given: Any, settings: Mapping[str, Any] | None = None) -> Subject:
    """Return an optimizer in whatever form it is given.

    Args:
        name: ``"mine"`` or ``"reference"``, for messages.
        given: a transformation; a function of the learning rate that returns one, or of nothing;
            a function ``(gradients, params) -> updates``; a class of ``torch.optim`` or Keras; or
            a dotted name of one of these.
        settings: further arguments, in the spelling of the function or class.

    Raises:
        ValueError: for an unknown name, or if the function needs other arguments.
        TypeError: if it is none of these.
    """
    found = _by_name(name, given) if isinstance(given, str) else given
    if _is_transformation(found):
        require(not settings, "settings", f"to be none for {name}, which is made", settings)
        return Subject(name, "optax", lambda _: found, False)
    library = _library_of(found)
    if library == "torch":
        make = functools.partial(_make_torch, found, settings or {})
        return Subject(name, "torch", make, True)
    if library == "keras":
        return Subject(name, "keras", functools.partial(found, **(settings or {})), True)
    require_type(callable(found), name, f"to be {_FORMS}", with_type(found))
    return _of_function(name, functools.partial(found, **settings) if settings else found)


def _make_torch(found: Any, settings: Mapping[str, Any], torch: Any, params: Any, rate: Any) -> Any:
    del torch
    return found(params, lr=rate, **settings)


def _by_name(name: str, text: str) -> Any:
    module, _, attribute = text.rpartition(".")
    expected = f"to be named as in {', '.join(f'{each}.NAME' for each in LIBRARIES)}"
    if not any(module == each or module.startswith(f"{each}.") for each in LIBRARIES):
        known = [f"{each}.{attribute or text}" for each in LIBRARIES]
        raise invalid_value(name, expected, repr(text), did_you_mean(text, known))
    if module.startswith("keras"):
        with keras_in("float32"):
            found = import_package(module)
    else:
        found = import_package(module)
    if not callable(getattr(found, attribute, None)):
        near = did_you_mean(attribute, [each for each in dir(found) if not each.startswith("_")])
        raise invalid_value(name, f"to be in {module}", repr(attribute), near)
    return getattr(found, attribute)


def _is_transformation(found: Any) -> bool:
    both = (getattr(found, part, None) for part in ("init", "update"))
    return not isinstance(found, type) and all(map(callable, both))


def _library_of(found: Any) -> str:
    """Return the library of a class of optimizers, by its bases; "" for anything else."""
    bases = found.__mro__ if isinstance(found, type) else ()
    roots = {base.__module__.partition(".")[0] for base in bases if base.__name__ == "Optimizer"}
    return next((each for each in ("torch", "keras") if each in roots), "")


def _of_function(name: str, function: Callable[..., Any]) -> Subject:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins have none
        raise invalid_type(name, f"to be {_FORMS}", with_type(function)) from None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    varied = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in varied]
    takes_rate = bool(positional) and (len(needed) == 1 or positional[0].name in RATES)
    if len(needed) == 2 and not takes_rate:
        return Subject(name, "optax", lambda _: optax.stateless(function), False)
    others = needed[1:] if takes_rate else needed
    text = "to need no argument besides the learning rate"
    remedy = "Give the others by functools.partial, or as settings."
    require(not others, name, text, ", ".join(others), remedy)

    def make(rate: Any) -> Any:
        try:
            made = function(rate) if takes_rate else function()
        except Exception as error:
            call = f"{name}({'learning_rate' if takes_rate else ''})"
            raise _failed(call, "to return a gradient transformation", error) from error
        text = "to return an optax.GradientTransformation"
        require_type(_is_transformation(made), name, text, with_type(made), f"Pass {_FORMS}.")
        return made

    @functools.cache
    def takes_schedules() -> bool:
        return _takes_schedules(make)

    def make_for(rate: Any) -> Any:
        by_step = callable(rate) and not takes_schedules()
        return _made_for_each_step(make, rate) if by_step else make(rate)

    return Subject(name, "optax", make_for, takes_rate)


def _takes_schedules(make: Callable[..., Any]) -> bool:
    """Return whether an optimizer can be made for, and updates by, a function of the count."""
    w = {"w": jnp.ones((2, 2))}
    try:
        optimizer = make(lambda count: jnp.asarray(0.1) / (1 + count))
        jax.eval_shape(lambda: optimizer.update(w, optimizer.init(w), w))
    except Exception:
        return False
    return True


def _made_for_each_step(
    make: Callable[..., Any], schedule: Callable[[Any], Any]
) -> optax.GradientTransformation:
    """Return the optimizer of a schedule from one of numbers, whose state is the same for all."""

    def init(params: Any) -> Any:
        return jnp.int32(0), make(schedule(0)).init(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        count, own = state
        updates, own = make(schedule(count)).update(updates, own, params)
        return updates, (count + 1, own)

    return optax.GradientTransformation(init, update)


def respond(
    subject: Subject, params: Any, rows: Any, rates: np.ndarray | float, *, dtype: str = "float64"
) -> Response:
    """Return what an optimizer does with a stream of gradients.

    Args:
        subject: the optimizer.
        params: tree of parameters.
        rows: tree of gradients, each leaf with a first axis of steps.
        rates: the learning rate, or one per step; or several rows of these, which give updates and
            parameters another first axis.
        dtype: of parameters and gradients, such as ``"float64"``.

    Raises:
        ValueError: if the optimizer fails, has side effects, or its updates or their tree are not
            valid.
    """
    cast = functools.partial(jax.tree.map, lambda leaf: np.asarray(leaf, jnp.dtype(dtype)))
    params, rows = cast(params), cast(rows)
    respond_as = _respond_optax if subject.library == "optax" else _respond_eager
    found = respond_as(subject, params, rows, np.asarray(rates, jnp.dtype(dtype)), dtype)
    _check_finite(subject.name, found.updates)
    return found


def _respond_optax(
    subject: Subject, params: Any, rows: Any, rates: np.ndarray, dtype: str
) -> Response:
    def make(rates: Any) -> Any:
        return subject.make((lambda count: rates[count]) if rates.ndim else float(rates))

    def follow(rates: Any) -> Any:
        return follow_optax(make(rates), params, rows)

    with jax.enable_x64(dtype == "float64"), as_users_do():
        first = jnp.asarray(rates[0] if rates.ndim > 1 else rates)
        check_optimizer(subject.name, make(first), params, jax.tree.map(lambda g: g[0], rows))
        each = {0: lambda _: follow(rates), 1: follow, 2: functools.partial(jax.lax.map, follow)}
        run = jax.jit(each[rates.ndim], compiler_options=quick_compilation())
        try:
            return Response(*jax.tree.map(np.asarray, run(rates)))
        except InputError:
            raise
        except Exception as error:
            text = "to be steps of one program, jax.lax.scan"
            raise _failed(f"the updates of {subject.name}", text, error) from error


def _respond_eager(
    subject: Subject, params: Any, rows: Any, rates: np.ndarray, dtype: str
) -> Response:
    """Return the response of PyTorch or Keras, which tell the parameters alone."""
    if rates.ndim > 1:
        several = [_respond_eager(subject, params, rows, row, dtype) for row in rates]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *several)
    leaves, structure = jax.tree.flatten(params)
    gradients = jax.tree.leaves(rows)
    each = np.broadcast_to(rates, len(gradients[0])).astype(np.float64)
    try:
        if subject.library == "torch":
            path = follow_torch(subject.make, leaves, gradients, each)
        else:
            with keras_in(dtype):
                first = float(each[0])
                make = lambda _: subject.make(first)  # noqa: E731
                follow = keras_follower(make, leaves, gradients, dtype=dtype)
                run = jax.jit(follow, compiler_options=quick_compilation())
                path = [np.asarray(leaf) for leaf in run(jnp.asarray(each, dtype))]
    except InputError:
        raise
    except Exception as error:
        raise _failed(subject.name, f"to run in {subject.library}", error) from error
    before = [np.concatenate([w[None], leaf[:-1]]) for w, leaf in zip(leaves, path, strict=True)]
    updates = [after - old for after, old in zip(path, before, strict=True)]
    return Response(structure.unflatten(updates), structure.unflatten(path))


def check_optimizer(name: str, optimizer: Any, params: Any, gradients: Any) -> None:
    """Check that ``update`` is a pure function that returns updates of the gradients' tree.

    Args:
        name: the optimizer's, for messages.
        optimizer: of optax's protocol.
        params: tree of parameters.
        gradients: tree of gradients.
    """
    text = "to return updates and a state"
    try:
        state = optimizer.init(jax.tree.map(jnp.asarray, params))
        # traced twice: what Python remembers between two calls would differ
        traced = [
            jax.make_jaxpr(lambda *given: optimizer.update(*given), return_shape=True)(
                gradients, state, params
            )
            for _ in range(2)
        ]
    except jax.errors.UnexpectedTracerError as error:
        raise _impure(name) from error
    except InputError:
        raise
    except Exception as error:
        remedy = "It is called as update(gradients, state, params)."
        raise _failed(f"update of {name}", text, error, remedy) from error
    (first, pair), (second, _) = traced
    try:
        same = digest_program(first) == digest_program(second)
    except jax.errors.TracerArrayConversionError:  # a value that Python kept from the first call
        same = False
    if not same:
        raise _impure(name)
    require_type(isinstance(pair, tuple) and len(pair) == 2, f"update of {name}", text, pair)
    shapes = [
        jax.tree.map(lambda leaf: tuple(leaf.shape), tree, is_leaf=lambda leaf: leaf is None)
        for tree in (pair[0], gradients)
    ]
    expected = f"to have the tree and the shapes of the gradients, {shapes[1]}"
    remedy = "Return one update for each leaf, by jax.tree.map."
    require(shapes[0] == shapes[1], f"updates of {name}", expected, shapes[0], remedy)


def _impure(name: str) -> InputError:
    text = "to be pure: equal arguments, equal updates"
    remedy = "Keep all that it remembers, and its step count, in the state, and no random numbers."
    actual = "another result, or traced values, at its second call"
    return invalid_value(f"update of {name}", text, actual, remedy)


def _check_finite(name: str, updates: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(updates):
        bad = np.argwhere(~np.isfinite(leaf))
        if len(bad):
            where = tuple(bad[0].tolist())
            actual = f"{leaf[where]} at step {where[0] + 1} in {leaf_name(path)}"
            remedy = "A gradient of 0 divided by a root of 0 is NaN: add an epsilon to the divisor."
            raise invalid_value(f"updates of {name}", "to be finite", actual, remedy)


def _failed(argument: str, text: str, error: Exception, remedy: str = "") -> InputError:
    first = (str(error).strip().splitlines() or [""])[0][:300]
    return invalid_value(argument, text, f"{type(error).__name__}: {first}", remedy)


def leaf_name(path: Any) -> str:
    """Return a leaf's place in its tree, such as ``"['dense'][0]"``; "the array" for a bare one."""
    return jax.tree_util.keystr(path) or "the array"
