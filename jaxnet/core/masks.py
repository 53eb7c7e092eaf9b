"""Masks of examples for functions of outputs and targets."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import (
    check_arrays,
    check_entries,
    check_real,
    check_shape,
    require,
    require_type,
)
from jaxnet.core.types import AnyArray, Array, Shape

_ARGUMENT = """
    where: which examples count: booleans of shape ``(...)``; None for all. The others have the
        value 0 and the gradient 0, whatever their outputs and targets hold. The mean over those
        that count is ``jnp.mean(values, where=where)``."""


def maskable(function: Callable[..., Array]) -> Callable[..., Array]:
    """Add the keyword ``where``, a mask of examples, to a loss, backward rule or metric.

    Args:
        function: ``(outputs, targets, **options) -> array`` that begins with the batch's
            dimensions, each example's part from that example alone.

    >>> @maskable
    ... def error(outputs, targets):
    ...     return jnp.abs(outputs - targets)[..., 0]
    >>> y, v = jnp.array([[3.0], [jnp.nan]]), jnp.array([[1.0], [2.0]])
    >>> error(y, v, where=jnp.array([True, False])).tolist()
    [2.0, 0.0]
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())

    @functools.wraps(function)
    @jax.named_scope(function.__name__)  # for profiles and computation graphs
    def masked(*args: Any, where: AnyArray | None = None, **options: Any) -> Array:
        if where is None:
            return function(*args, **options)
        (outputs, targets), rest = _split(signature.bind(*args, **options))
        call = functools.partial(function, **rest)
        outputs, targets = apply_mask(outputs, targets, where)
        if _known(where) and not np.any(where):  # nor are there targets to check
            kind = jax.eval_shape(call, outputs, targets)
            return jnp.zeros(kind.shape, kind.dtype)
        values = call(outputs, targets)
        return jnp.where(spread(where, values.ndim), values, jnp.zeros((), values.dtype))

    where = inspect.Parameter("where", inspect.Parameter.KEYWORD_ONLY, default=None)
    changed: Any = masked
    changed.__signature__ = signature.replace(parameters=[*parameters, where])
    changed.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(
        "\n\nReturns:", f"{_ARGUMENT}\n\nReturns:"
    )
    return masked


def apply_mask(
    outputs: AnyArray, targets: AnyArray, where: AnyArray, batch: Shape | None = None
) -> tuple[Array, AnyArray]:
    """Replace masked outputs and targets by harmless values.

    There outputs become 0, and targets those of the first example that counts, or class 0 if it is
    known that none does: NaN among them reaches no gradient, and labels such as -1 pass the checks
    of those that count.

    Args:
        outputs: begins with the batch's dimensions.
        targets: likewise; invalid targets are returned unchanged, for later checks.
        where: booleans, one per example.
        batch: the batch's shape; by default the outputs' without their last axis.

    Raises:
        TypeError: if ``where`` is not an array of booleans.
        ValueError: if it has another shape.
    """
    check_arrays(outputs=outputs, targets=targets, where=where)
    batch = outputs.shape[:-1] if batch is None else batch
    require_type(where.dtype == bool, "where", "to be boolean", where.dtype, "Pass where > 0.")
    require(where.shape == batch, "where", f"to have shape {batch}", where.shape)
    harmless = jnp.where(
        spread(where, outputs.ndim), jnp.asarray(outputs), jnp.zeros((), outputs.dtype)
    )
    if targets.shape[: len(batch)] != batch or not where.size:
        return harmless, targets
    # by NumPy what is known, which checks can see
    numpy: Any = np if _known(where) and _known(targets) else jnp
    first = numpy.argmax(numpy.reshape(where, -1))
    rows = numpy.asarray(targets).reshape(where.size, *targets.shape[len(batch) :])
    none = _known(where) and not np.any(where)
    kept = numpy.broadcast_to(_class_0(rows) if none else rows[first], targets.shape)
    return harmless, numpy.where(spread(where, targets.ndim), targets, kept)


def apply_weights(
    outputs: Array,
    targets: AnyArray,
    where: AnyArray | None,
    weights: AnyArray | None,
    batch: Shape | None = None,
) -> tuple[Array, AnyArray, AnyArray | None]:
    """Replace outputs and targets that are masked or weigh 0, as `apply_mask` does.

    Args:
        outputs: as for `apply_mask`.
        targets: as for `apply_mask`.
        where: as for `apply_mask`; None for all.
        weights: of the examples, 0 or more; None for 1 each.
        batch: as for `apply_mask`.

    Returns:
        Outputs, targets, and which examples count; None for all.

    Raises:
        TypeError: if ``where`` is not boolean, or ``weights`` are no real numbers.
        ValueError: for another shape, or weights known to be negative or not finite.
    """
    if where is not None:
        outputs, targets = apply_mask(outputs, targets, where, batch)
    if weights is None:
        return outputs, targets, where
    check_real("weights", weights)
    check_shape("weights", weights, outputs.shape[:-1] if batch is None else batch)
    check_entries("weights", weights, lambda w: (w >= 0) & np.isfinite(w), "finite and 0 or more")
    some = weights > 0
    outputs, targets = apply_mask(outputs, targets, some, batch)
    return outputs, targets, some if where is None else where & some


def masses(shape: Shape, where: AnyArray | None, weights: AnyArray | None, dtype: Any) -> Array:
    """Return the weight of each example, 0 where it does not count, at most 1 and flat."""
    if weights is None:
        counted = np.ones(shape, bool) if where is None else where
        return jnp.asarray(counted).astype(dtype).reshape(-1)
    known = jnp.asarray(weights).astype(dtype)
    known = known if where is None else jnp.where(where, known, 0)
    largest = jnp.max(known, initial=0)  # sums of large weights would overflow
    return (known / jnp.where(largest > 0, largest, 1)).reshape(-1)


def _class_0(rows: AnyArray) -> np.ndarray:
    """Return the label 0, or its one-hot row."""
    shape = rows.shape[1:]
    return np.broadcast_to(np.eye(1, shape[-1])[0] if shape else 0, shape).astype(rows.dtype)


def _split(bound: inspect.BoundArguments) -> tuple[list[Any], dict[str, Any]]:
    named = list(bound.arguments.items())
    return [value for _, value in named[:2]], dict(named[2:])


def _known(array: AnyArray) -> bool:
    return not isinstance(array, Tracer)


def spread(values: AnyArray, ndim: int) -> Any:
    """Append axes of size 1 to one value an example, so that it has ``ndim`` axes."""
    return values.reshape(values.shape + (1,) * (ndim - values.ndim))
