"""Metrics of a set of examples that are not means over examples."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Num

from jaxnet.core.checks import (
    check_arrays,
    check_choice,
    check_count,
    check_entries,
    check_entrywise,
    check_probabilities,
    require,
)
from jaxnet.core.classes import predicted_class
from jaxnet.core.masks import apply_weights, masses
from jaxnet.core.norms import unit_scale
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.metrics.labels import target_labels


def r_squared(
    outputs: Float[Array, "*batch entries"],
    targets: Num[AnyArray, "..."],
    *,
    average: Literal["uniform"] | None = "uniform",
    where: Bool[AnyArray, "*batch"] | None = None,
    weights: Num[AnyArray, "*batch"] | None = None,
) -> Float[Array, "..."]:
    """Coefficient of determination, ``R^2 = 1 - sum (v - y)^2 / sum (v - mean v)^2``.

    The share of the targets' variance that the outputs explain: 1 for perfect outputs, 0 for the
    targets' mean, below 0 for worse than that.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.
        average: ``"uniform"`` for the mean over the entries, None for one value per entry.
        where: which examples count, booleans of shape ``(...)``; None for all.
        weights: of the examples, 0 or more, shape ``(...)``: one of weight 2 counts as two; None
            for 1 each.

    Returns:
        A scalar, or shape ``(entries,)``, over the examples that count; NaN if one of their
        outputs is, or none counts. An entry whose target is constant has 1 if it is met exactly,
        else 0, as in scikit-learn.

    Raises:
        TypeError: if the targets are neither integer nor floating-point, or ``where`` not boolean.
        ValueError: for an unknown average, no examples, another shape, or targets known not to be
            finite.

    Numerics: the mean is taken off before squaring, so that a large one does no harm. Sums and
    result are in float32 at least, whatever the outputs' dtype.

    >>> r_squared(jnp.array([[1.0], [2.0], [2.0]]), jnp.array([1.0, 2.0, 3.0])).tolist()
    0.5
    """
    check_arrays(outputs=outputs, targets=targets)
    outputs, targets, where = apply_weights(outputs, targets, where, weights)
    check_entrywise(outputs, targets)
    require(outputs.size, "outputs", "to hold 1 example or more", "none")
    check_entries("targets", targets, np.isfinite, "to be finite")
    wide = at_least_float32(outputs.dtype)
    y = outputs.reshape(-1, outputs.shape[-1]).astype(wide)
    v = jnp.asarray(targets, wide).reshape(y.shape)
    mass = masses(outputs.shape[:-1], where, weights, wide)
    scores = _determination(y, v, mass[:, None])
    if average is None:
        return scores
    return check_choice("average", average, {"uniform": jnp.mean})(scores)


def _determination(y: Array, v: Array, mass: Array) -> Array:
    # by the extremes: a mean that is rounded would leave a constant some variance
    constant = jnp.max(v, axis=0) == jnp.min(v, axis=0)
    mean = jnp.sum(mass * v, axis=0, keepdims=True) / jnp.sum(mass)
    deviations = jnp.where(mass > 0, v - mean, 0)
    scale = unit_scale(jnp.max(jnp.abs(deviations), axis=0, keepdims=True))
    residual = jnp.sum(mass * jnp.square(scale * (v - y)), axis=0, where=mass > 0)
    total = jnp.sum(mass * jnp.square(scale * deviations), axis=0)
    explained = 1 - residual / jnp.where(constant, jnp.ones_like(total), total)
    known = jnp.any(mass > 0) & ~jnp.isnan(residual)
    met = jnp.where(constant, (residual == 0).astype(y.dtype), explained)
    return jnp.where(known, met, jnp.nan)


def expected_calibration_error(
    probabilities: Float[Array, "*batch classes"],
    targets: Num[AnyArray, "..."],
    *,
    bins: int = 15,
    where: Bool[AnyArray, "*batch"] | None = None,
    weights: Num[AnyArray, "*batch"] | None = None,
) -> Float[Array, ""]:
    """Expected calibration error: mean distance of confidence from accuracy, over bins.

    ``ECE = sum_b (n_b / n) |accuracy_b - confidence_b|`` over bins ``(i / B, (i + 1) / B]`` of the
    confidence, the largest probability; empty bins count nothing.

    Args:
        probabilities: shape ``(..., classes)``; of two classes pass both probabilities.
        targets: integer labels of shape ``(...)``, or one-hot rows of the same shape.
        bins: ``B``, their number, all of one width.
        where: which examples count, booleans of shape ``(...)``; None for all.
        weights: of the examples, 0 or more, shape ``(...)``: one of weight 2 counts as two; None
            for 1 each.

    Returns:
        A scalar in [0, 1], 0 for perfect calibration; NaN if a probability is, or no example
        counts.

    Raises:
        TypeError: if labels are not integer, or ``where`` not boolean.
        ValueError: for no examples, a single probability, another shape, or probabilities, labels
            or rows known not to be such.

    Numerics: sums and result are in float32 at least, whatever the probabilities' dtype.

    Source: Guo et al. 2017, section 2, equation 3.

    >>> expected_calibration_error(jnp.array([[0.75, 0.25]] * 2), jnp.array([0, 1])).tolist()
    0.25
    """
    probabilities, targets, where = apply_weights(probabilities, targets, where, weights)
    labels = target_labels(probabilities, targets).reshape(-1)
    check_count("bins", bins)
    require(labels.size, "targets", "to hold 1 example or more", "none")
    check_probabilities("probabilities", probabilities)
    p = probabilities.reshape(-1, probabilities.shape[-1])
    p = p.astype(at_least_float32(p.dtype))
    confidence = jnp.max(p, axis=-1)
    right = (predicted_class(p) == labels).astype(p.dtype)
    mass = masses(probabilities.shape[:-1], where, weights, p.dtype)
    upper = jnp.arange(1, bins, dtype=p.dtype) / bins  # of all bins but the last
    index = jnp.searchsorted(upper, confidence, method="compare_all")
    gaps = jnp.zeros(bins, p.dtype).at[index].add(mass * (right - confidence))
    return jnp.sum(jnp.abs(gaps)) / jnp.sum(mass)
