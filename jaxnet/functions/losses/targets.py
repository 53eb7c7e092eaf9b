"""Conversion of targets to the shape and dtype of the outputs, with checks.

Shapes and dtypes are always checked. Values are checked wherever they are known: outside
`jax.jit`, and inside it as far as they are constants of the program.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Float, Num

from jaxnet.core.checks import check_arrays, check_count, check_entries, check_floating, check_range
from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import AnyArray, Array

SUM_TOLERANCE = 1e-3
"""Tolerance of row sums of probabilities around 1, and of probabilities outside [0, 1]."""


def entrywise_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return one finite number per entry, in the outputs' shape and dtype.

    Targets without the last axis are taken where it has one entry: ``(n,)`` beside ``(n, 1)``,
    which subtraction would broadcast to ``(n, n)``.
    """
    _check_outputs(outputs)
    check_arrays(targets=targets)
    remedy = "Pass integers or floating-point numbers, such as targets.astype(jnp.float32)."
    _check_real(targets, remedy)
    shapes = [outputs.shape] + [outputs.shape[:-1]] * (outputs.shape[-1] == 1)
    if targets.shape not in shapes:
        expected = f"to have shape {' or '.join(map(str, shapes))}"
        remedy = "Pass one number per entry; the last axis of the outputs holds the entries."
        raise invalid_value("targets", expected, targets.shape, remedy)
    remedy = "Leave these examples out, or fill in their targets."
    check_entries("targets", targets, np.isfinite, "to be finite", remedy)
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
    expected, remedy = "to be 0 or 1, or else -1 or +1", "Pass one label per entry."

    def known(v: np.ndarray) -> Any:
        return (v == 1) | (v == (-1 if (v == -1).any() else 0))

    check_entries("targets", targets, known, expected, remedy)
    return v > 0


def probability_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return probabilities of the positive class in the outputs' shape and dtype."""
    v = entrywise_targets(outputs, targets)
    remedy = "For labels in {-1, +1} pass (targets + 1) / 2."
    inside = "to be in [0, 1]"
    check_entries("targets", targets, lambda v: (v >= 0) & (v <= 1), inside, remedy)
    return v


def one_hot_targets(outputs: Array, targets: AnyArray) -> Array:
    """Return the targets as distributions of the outputs' shape and dtype."""
    _check_outputs(outputs)
    check_arrays(targets=targets)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        if targets.shape != outputs.shape[:-1]:
            expected = f"of integer labels to have shape {outputs.shape[:-1]}"
            remedy = "Pass one integer per example, or floating-point one-hot rows."
            raise invalid_value("targets", expected, targets.shape, remedy)
        return _one_hot(targets, outputs.shape[-1], outputs.dtype)
    _check_real(targets, "Pass integer labels or floating-point one-hot rows.")
    if targets.shape != outputs.shape:
        remedy = "Pass one row of class probabilities per example, or integer labels."
        expected = f"of class probabilities to have shape {outputs.shape}"
        raise invalid_value("targets", expected, targets.shape, remedy)
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
    _check_real(targets, "Pass integer labels or floating-point one-hot rows.")
    if classes is not None and targets.shape[-1:] != (classes,):
        expected = f"of one-hot rows to have {classes} entries each"
        remedy = "Leave classes out, or pass as many as the rows have entries."
        raise invalid_value("targets", expected, targets.shape, remedy)
    v = one_hot_targets(jnp.asarray(targets), targets)
    remedy = "Pass integer labels, or rows not smoothed before."
    expected = "of one-hot rows to be 0 or 1"
    check_entries("targets", targets, lambda v: v * (1 - v) == 0, expected, remedy)
    return smooth(v, smoothing)


def smooth(v: Array, smoothing: float | Array) -> Array:
    """``(1 - s) v + s / K`` for distributions over ``K`` classes."""
    s = jnp.asarray(smoothing, v.dtype)
    return (1 - s) * v + s / v.shape[-1]


def check_probabilities(outputs: Array) -> Array:
    """Check that outputs are in [0, 1] unless they are traced; NaN passes."""
    _check_outputs(outputs)

    def inside(y: np.ndarray) -> Any:
        return ~((y < -SUM_TOLERANCE) | (y > 1 + SUM_TOLERANCE))

    remedy = "Apply a sigmoid or softmax first, or take the loss of that name for logits."
    check_entries("outputs", outputs, inside, "to be probabilities in [0, 1]", remedy)
    return outputs


def _check_outputs(outputs: Array) -> None:
    check_floating("outputs", outputs)
    if outputs.ndim == 0:
        remedy = "The last axis holds an example's entries: pass outputs[None] for one."
        raise invalid_value("outputs", "to have an axis of entries", "shape ()", remedy)


def _check_real(targets: AnyArray, remedy: str) -> None:
    if not any(jnp.issubdtype(targets.dtype, kind) for kind in (jnp.integer, jnp.floating)):
        expected = "to be integer or floating-point"
        raise invalid_type("targets", expected, targets.dtype, remedy)


def _one_hot(labels: AnyArray, classes: int, dtype: DTypeLike) -> Array:
    expected = f"of integer labels to be in [0, {classes})"
    remedy = "Number the classes from 0, or give the network more outputs."

    def inside(v: np.ndarray) -> Any:
        return (v >= 0) & (v < classes)

    check_entries("targets", labels, inside, expected, remedy)
    return jax.nn.one_hot(jnp.asarray(labels, jnp.int32), classes, dtype=dtype)


def _check_distributions(rows: AnyArray) -> None:
    expected, remedy = (
        "of class probabilities to be 0 or more",
        "Pass one distribution per example.",
    )
    check_entries("targets", rows, lambda v: v >= 0, expected, remedy)
    if isinstance(rows, Tracer):
        return
    sums = np.asarray(np.sum(np.asarray(rows), axis=-1, dtype=np.float64))
    # rows rounded to bfloat16 sum to 1 only up to its precision
    tolerance = max(SUM_TOLERANCE, float(jnp.finfo(rows.dtype).eps))
    expected, remedy = "of class probabilities to sum to 1 a row", "Divide each row by its sum."
    check_entries("targets", sums, lambda v: abs(v - 1) <= tolerance, expected, remedy)
