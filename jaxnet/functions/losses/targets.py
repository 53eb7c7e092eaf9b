"""Conversion of targets to the shape and dtype of the outputs, with checks.

Shapes and dtypes are always checked. Values are checked wherever they are known: outside
`jax.jit`, and inside it as far as they are constants of the program.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Float, Num

from jaxnet.core.checks import (
    TOLERANCE,
    check_count,
    check_entries,
    check_entrywise,
    check_floating,
    check_labels,
    check_probabilities,
    check_range,
    check_real,
    check_shape,
    check_signs,
    require,
)
from jaxnet.core.types import AnyArray, Array


def entrywise_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return one finite number per entry, in the outputs' shape and dtype.

    Targets without the last axis are taken where it has one entry: ``(n,)`` beside ``(n, 1)``,
    which subtraction would broadcast to ``(n, n)``.
    """
    _check_outputs(outputs)
    check_entrywise(outputs, targets)
    check_entries("targets", targets, np.isfinite, "to be finite")
    return jnp.asarray(targets, outputs.dtype).reshape(outputs.shape)


def signed_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return labels that are -1 or +1, one per entry, in the outputs' shape and dtype."""
    v = entrywise_targets(outputs, targets)
    remedy = "For labels in {0, 1} pass 2 * targets - 1."
    check_entries("targets", targets, lambda v: abs(v) == 1, "to be -1 or +1", remedy)
    return v


def binary_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return a mask of the positive class: label 1, not 0 or -1."""
    v = entrywise_targets(outputs, targets)
    check_signs("targets", targets)
    return v > 0


def probability_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return probabilities of the positive class in the outputs' shape and dtype."""
    v = entrywise_targets(outputs, targets)
    remedy = "For labels in {-1, +1} pass (targets + 1) / 2."
    check_entries("targets", targets, lambda v: (v >= 0) & (v <= 1), "to be in [0, 1]", remedy)
    return v


def one_hot_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return the targets as distributions of the outputs' shape and dtype."""
    _check_outputs(outputs)
    check_real("targets", targets)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        remedy = "Pass one integer per example, or floating-point one-hot rows."
        check_shape("targets", targets, outputs.shape[:-1], remedy=remedy)
        return _one_hot(targets, outputs.shape[-1], outputs.dtype)
    remedy = "Pass one row of class probabilities per example, or integer labels."
    check_shape("targets", targets, outputs.shape, remedy=remedy)
    _check_distributions(targets)
    return jnp.asarray(targets, outputs.dtype)


def smooth_labels(
    targets: Num[AnyArray, "..."], smoothing: float | Array, *, classes: int | None = None
) -> Float[Array, "*batch classes"]:
    """Distribute a share of each label's probability uniformly over all classes.

    ``(1 - s) v + s / K`` with ``K`` classes and ``v`` one-hot.

    Args:
        targets: integer labels of shape ``(...)``, or floating-point one-hot rows of shape
            ``(..., classes)``; smoothing twice is an error.
        smoothing: the share ``s``, in [0, 1].
        classes: their number; needed for integer labels.

    Returns:
        Rows that sum to 1, shape ``(..., classes)``, in the rows' dtype; JAX's floating-point
        default for integer labels.

    Raises:
        TypeError: if the targets are neither integer nor floating-point.
        ValueError: for labels out of range, rows that are not one-hot, or classes that are
            missing or do not fit; values only where they are known, outside `jax.jit`.

    Source: Szegedy et al. 2016, section 7.

    >>> smooth_labels(jnp.array([1, 0]), 0.5, classes=2).tolist()
    [[0.25, 0.75], [0.75, 0.25]]
    """
    check_range("smoothing", smoothing, low=0.0, high=1.0)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        count = check_count("classes", classes)
        v = _one_hot(targets, count, jnp.result_type(float))
        return smooth(v, smoothing)
    check_real("targets", targets)
    if classes is not None:
        check_shape("targets", targets, (*targets.shape[:-1], classes))
    v = one_hot_targets(jnp.asarray(targets), targets)
    check_entries("targets", targets, lambda v: v * (1 - v) == 0, "of one-hot rows to be 0 or 1")
    return smooth(v, smoothing)


def smooth(v: Array, smoothing: float | Array) -> Array:
    """``(1 - s) v + s / K`` for distributions over ``K`` classes."""
    s = jnp.asarray(smoothing, v.dtype)
    return (1 - s) * v + s / v.shape[-1]


def as_probabilities(outputs: Array) -> Array:
    """Return outputs that are in [0, 1], or traced; NaN passes."""
    _check_outputs(outputs)
    check_probabilities("outputs", outputs)
    return outputs


def _check_outputs(outputs: Array) -> None:
    check_floating("outputs", outputs)
    require(outputs.ndim, "outputs", "to have an axis of entries", "shape ()")


def _one_hot(labels: AnyArray, classes: int, dtype: DTypeLike) -> Array:
    check_labels("targets", labels, classes)
    return jax.nn.one_hot(jnp.asarray(labels, jnp.int32), classes, dtype=dtype)


def _check_distributions(rows: AnyArray) -> None:
    check_entries("targets", rows, lambda v: v >= 0, "of class probabilities to be 0 or more")
    if isinstance(rows, Tracer):
        return
    sums = np.asarray(np.sum(np.asarray(rows), axis=-1, dtype=np.float64))
    # rows rounded to bfloat16 sum to 1 only up to its precision
    tolerance = max(TOLERANCE, float(jnp.finfo(rows.dtype).eps))
    expected = "of class probabilities to sum to 1 a row"
    check_entries("targets", sums, lambda v: abs(v - 1) <= tolerance, expected)
