"""Checks of arguments: each returns the valid value or raises an error."""

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.errors import invalid_type, invalid_value, with_type
from jaxnet.core.suggestions import did_you_mean
from jaxnet.core.trees import difference
from jaxnet.core.types import AnyArray

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_INTEGER = "to be an integer"

LARGEST = 2**31 - 1
"""The largest integer of a hyperparameter: int32's."""

TOLERANCE = 1e-3
"""Tolerance of probabilities outside [0, 1], and of their sum around 1."""


def require(good: Any, argument: str, expected: str, actual: object, remedy: str = "") -> None:
    """Raise a ValueError unless ``good`` is true.

    >>> require(2 < 1, "low", "below high", 2)
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected low below high, got 2.
    """
    if not good:
        raise invalid_value(argument, expected, actual, remedy)


def require_type(good: Any, argument: str, expected: str, actual: object, remedy: str = "") -> None:
    """Raise a TypeError unless ``good`` is true."""
    if not good:
        raise invalid_type(argument, expected, actual, remedy)


def check_choice(argument: str, name: str, table: Mapping[str, T]) -> T:
    """Return the entry called ``name``, or raise a ValueError that lists the known names.

    >>> check_choice("activation", "relu", {"relu": max, "tanh": min}) is max
    True
    >>> check_choice("activation", "rellu", {"relu": max, "tanh": min})
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected activation to be one of relu, tanh, \
got 'rellu'. Did you mean 'relu'?
    """
    if isinstance(name, str) and name in table:  # a list cannot even be looked for
        return table[name]
    expected = f"to be one of {', '.join(sorted(table))}"
    raise invalid_value(argument, expected, repr(name), did_you_mean(name, table))


def check_count(argument: str, value: Any, *, minimum: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``minimum``."""
    remedy = "What is compiled depends on it: pass a Python integer, one program for each."
    require_type(not isinstance(value, Tracer), argument, _INTEGER, "a traced array", remedy)
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    require_type(whole, argument, _INTEGER, with_type(value))
    require(int(value) >= minimum, argument, f">= {minimum}", value)
    return int(value)


def check_range(
    argument: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> Any:
    """Return ``value``; a Python or NumPy number must be finite and within ``[low, high]``.

    ``low_open`` and ``high_open`` exclude the bound itself. An array whose values are known must
    be finite and within the bounds, which it may reach: a traced one may, too, and passes
    unchecked, so that hyperparameters can be swept over by ``vmap``.
    """
    exact = isinstance(value, numbers.Real) and not isinstance(value, bool)
    dtype: Any = getattr(value, "dtype", None)
    if not exact and dtype is None:  # the value of an array is not to be formatted
        raise invalid_type(argument, "to be a number", with_type(value))
    if not exact and not jnp.issubdtype(dtype, jnp.number):
        return value
    low_open, high_open = low_open and exact, high_open and exact

    def inside(entries: np.ndarray) -> Any:
        above = entries > low if low_open else entries >= low
        below = entries < high if high_open else entries <= high
        return (np.abs(entries) < np.inf) & above & below  # np.isfinite fails for large ints

    left = "(" if low_open or low == -math.inf else "["
    right = ")" if high_open or high == math.inf else "]"
    check_entries(argument, value, inside, f"finite and in {left}{low:g}, {high:g}{right}")
    return value


def check_scalar(argument: str, value: Any, **bounds: Any) -> Any:
    """Return a hyperparameter: a number in its range, or a 0-d array, which may be traced.

    Args:
        argument: the hyperparameter's name.
        value: number or array.
        bounds: ``low``, ``high``, ``low_open``, ``high_open`` of `check_range`.

    Raises:
        ValueError: if it is a number out of its range, or an array of other than 0 dimensions.
        TypeError: if it is neither a number nor an array.
    """
    several = hasattr(value, "dtype") and np.ndim(value)
    remedy, shape = "Sweep over values with jax.vmap.", f"shape {np.shape(value)}"
    require(not several, argument, "to be a scalar", shape, remedy)
    return check_range(argument, value, **bounds)


def check_whole(argument: str, value: Any, *, minimum: int = 1) -> None:
    """Check that a hyperparameter is an integer or a 0-d array of integers.

    Args:
        argument: the hyperparameter's name.
        value: integer of at most 2^31 - 1, or array.
        minimum: the smallest valid integer.

    Raises:
        ValueError: if it is a number out of its range, or an array of other than 0 dimensions.
        TypeError: if it is not an integer.
    """
    if not hasattr(value, "dtype") or isinstance(value, np.generic):
        check_count(argument, value, minimum=minimum)
        check_range(argument, value, high=LARGEST)
        return
    check_scalar(argument, value, low=minimum, high=LARGEST)
    remedy = "Pass an int32 array; settings of a sweep need integer values."
    whole = jnp.issubdtype(value.dtype, jnp.integer)
    require_type(whole, argument, _INTEGER, value.dtype, remedy)


def check_ranges(ranges: Mapping[str, str], **values: Any) -> None:
    """Check hyperparameters, numbers or 0-d arrays, against a table of ranges.

    Args:
        ranges: name -> interval of real numbers, such as ``"[0, 1)"``, or ``"{1, 2, ...}"`` for
            the integers from a minimum to 2^31 - 1, or ``"{False, True}"``. Other names may be in
            the table.
        values: name -> number, or 0-d array, see `check_scalar` and `check_whole`.

    >>> check_ranges({"b1": "[0, 1)", "steps": "{1, 2, ...}"}, steps=3, b1=1.0)
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected b1 finite and in [0, 1), got 1.0.
    """
    for name, value in values.items():
        text = ranges[name]
        if text == "{False, True}":
            check_flags(**{name: value})
            continue
        low, high = text[1:-1].split(", ")[:2]
        if text.startswith("{"):
            check_whole(name, value, minimum=int(low))
            continue
        opened = {"low_open": text.startswith("("), "high_open": text.endswith(")")}
        check_scalar(name, value, low=float(low), high=float(high), **opened)


def checked(ranges: Mapping[str, str]) -> Callable[[F], F]:
    """Return a decorator that checks a function's arguments by `check_ranges` before each call.

    Arguments outside the table, and those that are their defaults, are not checked.

    >>> halve = checked({"rate": "[0, 1]"})(lambda rate: rate / 2)
    >>> halve(2)
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected rate finite and in [0, 1], got 2.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        defaults = {name: p.default for name, p in signature.parameters.items()}

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind_partial(*args, **kwargs).arguments.items()
            values = {n: v for n, v in given if n in ranges and v is not defaults[n]}
            check_ranges(ranges, **values)
            return function(*args, **kwargs)

        return cast(F, call)

    return decorate


def ranges_by_name(names: Mapping[str, str]) -> dict[str, str]:
    """Invert a table of ranges -> names, separated by spaces, for `check_ranges`.

    >>> ranges_by_name({"[0, 1)": "b1 b2", "(0, inf)": "eps"})
    {'b1': '[0, 1)', 'b2': '[0, 1)', 'eps': '(0, inf)'}
    """
    return {name: text for text, listed in names.items() for name in listed.split()}


def check_key(argument: str, key: Any) -> None:
    """Check that ``key`` is one PRNG key, typed or legacy (uint32).

    >>> check_key("key", 0)
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected key to be one PRNG key, got 0 of type int. \
Pass jax.random.key(0).
    """
    is_array = isinstance(key, jax.Array | np.ndarray)
    actual = f"{key.dtype} of shape {key.shape}" if is_array else with_type(key)
    one = is_array and (key.ndim == 0 if _is_typed(key) else _is_key_of_integers(key))
    require_type(one, argument, "to be one PRNG key", actual, "Pass jax.random.key(0).")


def _is_typed(key: AnyArray) -> bool:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def _is_key_of_integers(key: AnyArray) -> bool:
    legacy = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0)))
    return (key.dtype, key.shape) == (legacy.dtype, legacy.shape)


def check_flags(**flags: Any) -> None:
    """Check that flags are booleans or None; the TypeError names the first that is not.

    A string such as ``"no"`` would count as true, and a traced value cannot select a program.

    >>> check_flags(nesterov="no")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected nesterov to be a boolean, \
got 'no' of type str.
    """
    for name, flag in flags.items():
        good = isinstance(flag, bool | np.bool_ | None)
        require_type(good, name, "to be a boolean", with_type(flag))


def check_function(argument: str, called: Any, remedy: str = "", *, takes: str = "") -> None:
    """Check that an argument is callable.

    Args:
        argument: its name.
        called: the function.
        remedy: what to do.
        takes: what it is called with, such as ``"params, x"``; nothing is checked without, or for
            a function whose signature Python does not know.

    >>> check_function("on_progress", 3, "Pass a function.")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected on_progress to be a function, got 3. \
Pass a function.
    >>> check_function("apply", lambda x: x, takes="params, x")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected apply to take (params, x), got one of (x).
    """
    require_type(callable(called), argument, "to be a function", repr(called), remedy)
    if not takes:
        return
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # some functions in C have none
        return
    try:
        signature.bind(*takes.split(", "))
    except TypeError:
        actual = f"one of ({', '.join(signature.parameters)})"
        raise invalid_type(argument, f"to take ({takes})", actual, remedy) from None


def check_instance(argument: str, value: Any, kind: Any, expected: str, remedy: str = "") -> None:
    """Check that an argument is an instance of a class.

    >>> check_instance("path", 3, str, "to be a string", "Pass a name.")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected path to be a string, got a int. Pass a name.
    """
    require_type(isinstance(value, kind), argument, expected, f"a {type(value).__name__}", remedy)


def check_arrays(**arrays: Any) -> None:
    """Check that arguments are arrays of JAX or NumPy; the TypeError names the first that is not.

    >>> check_arrays(outputs=np.zeros(2), targets=[1, 2])
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected targets to be an array, got a list. \
Pass jnp.asarray(targets).
    """
    for name, array in arrays.items():
        actual, remedy = f"a {type(array).__name__}", f"Pass jnp.asarray({name})."
        require_type(hasattr(array, "dtype"), name, "to be an array", actual, remedy)


def check_floating(argument: str, array: Any) -> None:
    """Check that an array or number is floating-point.

    >>> check_floating("z", np.array([1]))
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected z to be floating-point, got int64. \
z.astype(jnp.float32) converts.
    """
    if not isinstance(array, int | float):
        check_arrays(**{argument: array})
    dtype = getattr(array, "dtype", jnp.result_type(float if isinstance(array, float) else int))
    floating = jnp.issubdtype(dtype, jnp.floating)
    remedy = f"{argument}.astype(jnp.float32) converts."
    require_type(floating, argument, "to be floating-point", dtype, remedy)


def check_numbers(argument: str, array: Any) -> None:
    """Check that an array holds numbers or booleans."""
    good = jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool
    require_type(good, argument, "to hold numbers", array.dtype)


def check_real(argument: str, array: Any) -> None:
    """Check that an array is integer or floating-point.

    >>> check_real("targets", np.array([True]))
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected targets to be integer or floating-point, \
got bool. targets.astype(jnp.float32) converts.
    """
    check_arrays(**{argument: array})
    good = any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.integer, jnp.floating))
    remedy = f"{argument}.astype(jnp.float32) converts."
    require_type(good, argument, "to be integer or floating-point", array.dtype, remedy)


def check_shape(argument: str, array: Any, *shapes: tuple[int, ...], remedy: str = "") -> None:
    """Check that an array has one of several shapes.

    >>> check_shape("targets", np.zeros(3), (2,), (2, 1))
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected targets to have shape (2,) or (2, 1), got (3,).
    """
    expected = f"to have shape {' or '.join(map(str, shapes))}"
    require(array.shape in shapes, argument, expected, array.shape, remedy)


def check_batch(argument: str, array: Any, shape: tuple[int, ...]) -> None:
    """Check that an array is a batch of examples of a shape.

    >>> check_batch("x", np.zeros(3), (3,))
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected x of shape (batch, 3), got (3,). \
For one example use x[None].
    """
    expected = f"of shape ({', '.join(['batch', *map(str, shape)])})"
    fits = array.ndim and array.shape[1:] == shape
    require(fits, argument, expected, array.shape, f"For one example use {argument}[None].")


def check_entrywise(outputs: Any, targets: Any) -> None:
    """Check that targets are numbers, one per entry of the outputs.

    Targets without the last axis are valid where it has one entry: ``(n,)`` beside ``(n, 1)``.
    """
    check_arrays(outputs=outputs)
    check_real("targets", targets)
    shapes = [outputs.shape] + [outputs.shape[:-1]] * (outputs.shape[-1:] == (1,))
    remedy = "Pass one number per entry; the last axis of the outputs holds the entries."
    check_shape("targets", targets, *shapes, remedy=remedy)


def check_signs(argument: str, labels: Any) -> None:
    """Check that labels are in {0, 1}, or else in {-1, +1}, unless they are traced."""
    expected = "to be 0 or 1, or else -1 or +1"
    check_entries(argument, labels, lambda v: (v == 1) | (v == -int((v == -1).any())), expected)


def check_probabilities(argument: str, values: Any) -> None:
    """Check that values are in [0, 1], up to `TOLERANCE`, unless they are traced; NaN passes."""
    expected, remedy = "to be probabilities in [0, 1]", "Apply a sigmoid or softmax to logits."
    check_entries(argument, values, lambda v: ~(abs(v - 0.5) > 0.5 + TOLERANCE), expected, remedy)


def check_labels(argument: str, labels: Any, classes: int, least: int = 0) -> None:
    """Check that labels are integers in ``[least, classes)``; traced ones only by dtype."""
    integer = jnp.issubdtype(labels.dtype, jnp.integer)
    remedy = f"{argument}.astype(jnp.int32) converts."
    require_type(integer, argument, "of labels to be integer", labels.dtype, remedy)
    expected = f"of integer labels to be in [{least}, {classes})"
    remedy = "Number the classes from 0."
    check_entries(argument, labels, lambda v: (v >= least) & (v < classes), expected, remedy)


def check_finite(argument: str, values: np.ndarray, remedy: str = "") -> None:
    """Check that values are finite; the ValueError counts the others and locates the first."""
    if not jnp.issubdtype(values.dtype, jnp.inexact):  # covers bfloat16
        return
    bad = ~np.isfinite(values)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        actual = f"{int(bad.sum())} NaN or infinite values, the first at index {where}"
        raise invalid_value(argument, "to be finite everywhere", actual, remedy)


def check_entries(
    argument: str,
    values: Any,
    good: Callable[[np.ndarray], Any],
    expected: str,
    remedy: str = "",
) -> None:
    """Check entries by a predicate; the ValueError shows the first for which ``good`` is False.

    Tracers pass unchecked: their values are not known yet.

    >>> check_entries("x", np.array([1, -2]), lambda x: x > 0, "> 0", "Pass others.")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected x > 0, got -2 at index (1,). Pass others.
    """
    if isinstance(values, Tracer):
        return
    # NumPy: inside `jax.jit`, JAX would trace a comparison of constants
    known = np.asarray(values)
    bad = np.argwhere(np.logical_not(good(known)))
    if len(bad):
        first = tuple(bad[0].tolist())
        place = f" at index {first}" if first else ""
        actual = f"{known[first]}{place}" if hasattr(values, "dtype") else values
        raise invalid_value(argument, expected, actual, remedy)


def check_options(
    called: Callable[..., Any], options: Iterable[str], *, data: int, complete: bool = False
) -> None:
    """Check that options are parameters of ``called``, behind its first ``data`` arguments.

    ``complete``: those without a default must all be there.

    >>> check_options(round, ["digits"], data=1)
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected options of round to be among ndigits, \
got 'digits'. Did you mean 'ndigits'?
    """
    parameters = list(inspect.signature(called).parameters.values())[data:]
    known = [parameter.name for parameter in parameters]
    of = getattr(called, "__name__", type(called).__name__)
    for name in options:
        if name not in known:
            remedy = did_you_mean(name, known) or "Leave it out."
            expected = f"of {of} to be {'among ' + ', '.join(known) if known else 'none'}"
            raise invalid_value("options", expected, repr(name), remedy)
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    given = not complete or set(needed) <= set(options)
    expected = f"of {of} to include {', '.join(needed)}"
    require(given, "options", expected, ", ".join(options) or "none")


def check_names(argument: str, expected: Iterable[str], actual: Iterable[str], remedy: str) -> None:
    """Check names of arrays; the ValueError lists missing and unknown ones.

    >>> check_names("arrays", ["0.weight", "0.bias"], ["0.weight"], "Add them.")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected arrays to be those of the network, \
got arrays without 0.bias. Add them.
    """
    missing, unknown = sorted(set(expected) - set(actual)), sorted(set(actual) - set(expected))
    without = [f"arrays without {', '.join(missing)}"] if missing else []
    beside = [f"unknown arrays {', '.join(unknown)}"] if unknown else []
    actual = " and ".join(without + beside)
    require(not actual, argument, "to be those of the network", actual, remedy)


def check_kept(argument: str, before: Any, after: Any, *, dtypes: bool = True) -> None:
    """Check that a step keeps the structure, shapes and dtypes of a tree, which the next one needs.

    Args:
        argument: what returned the tree.
        before: the tree before the step; of a gradient or an update, the parameters.
        after: the tree after it.
        dtypes: whether dtypes must be the same; weak types need not.

    >>> check_kept("state of the optimizer", {"n": jnp.int32(0)}, {"n": jnp.float32(1)})
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidTypeError: expected state of the optimizer to have the tree, shapes \
and dtypes of before, got another: ['n'] is float32 of shape () in place of int32 of shape (). \
Return one leaf for each by jax.tree.map; new.astype(old.dtype) casts.
    """
    changed = difference(before, after, dtypes=dtypes)
    kept = "tree, shapes and dtypes of before" if dtypes else "tree and shapes of the parameters"
    remedy = "Return one leaf for each by jax.tree.map; new.astype(old.dtype) casts."
    require_type(not changed, argument, f"to have the {kept}", f"another: {changed}", remedy)


def check_like(argument: str, array: Any, like: Any, remedy: str, *, dtype: bool = True) -> None:
    """Check the shape and, unless told otherwise, the dtype of an array against another.

    Args:
        argument: the array's name.
        array: with ``shape`` and ``dtype``.
        like: of the shape and dtype expected.
        remedy: advice for another shape.
        dtype: whether the dtypes are compared.

    >>> check_like("0.bias", np.zeros(2), np.zeros(3), "Reshape it.")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected 0.bias of shape (3,), got (2,). Reshape it.
    """
    require(array.shape == like.shape, argument, f"of shape {like.shape}", array.shape, remedy)
    remedy = f"Cast it, or make the network with dtype={array.dtype}."
    good = array.dtype == like.dtype or not dtype
    require_type(good, argument, f"of dtype {like.dtype}", array.dtype, remedy)
