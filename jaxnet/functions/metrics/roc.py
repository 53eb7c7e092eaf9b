"""The ROC curve of scores of two classes, and the area under it."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Bool, Float, Num

from jaxnet.core.checks import check_arrays, check_labels, require
from jaxnet.core.masks import apply_weights, masses
from jaxnet.core.precision import at_least_float32
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array


class RocCurve(NamedTuple):
    """Receiver operating characteristic: a point for each threshold, from the highest down.

    Attributes:
        false_positive_rate: share of the examples of class 0 above the threshold, in [0, 1].
        true_positive_rate: share of those of class 1, the recall, in [0, 1].
        thresholds: infinity, then each example's score; equal scores are one point, repeated.
    """

    false_positive_rate: Float[Array, " points"]
    true_positive_rate: Float[Array, " points"]
    thresholds: Float[Array, " points"]

    __repr__ = represent


def roc_curve(
    outputs: Float[Array, "*batch scores"],
    targets: Num[AnyArray, "*batch"] | Num[AnyArray, "*batch scores"],
    *,
    where: Bool[AnyArray, "*batch"] | None = None,
    weights: Num[AnyArray, "*batch"] | None = None,
) -> RocCurve:
    """Receiver operating characteristic of two classes: points ``(FP / n_0, TP / n_1)``.

    ``TP`` and ``FP`` are the examples of class 1 and of class 0 at or above a threshold, of ``n_1``
    and ``n_0``.

    Args:
        outputs: scores or logits of class 1, shape ``(..., 1)``, or those of both classes, shape
            ``(..., 2)``, whose difference is the score.
        targets: labels 0 and 1, shape ``(...)``, or ``(..., 1)`` beside one score.
        where: which examples count, booleans of shape ``(...)``; None for all.
        weights: of the examples, 0 or more, shape ``(...)``: one of weight 2 counts as two; None
            for 1 each.

    Returns:
        Points from (0, 0) to (1, 1), one more than there are examples; a rate is NaN if no
        example of its class counts, or a score is NaN.

    Raises:
        TypeError: if labels are not integer, or ``where`` not boolean.
        ValueError: for more than two scores, no examples, another shape, or labels that are known
            not to be 0 or 1.

    Source: Fawcett 2006, "An introduction to ROC analysis", algorithm 2.

    >>> curve = roc_curve(jnp.array([[3.0], [2.0], [1.0]]), jnp.array([1, 0, 1]))
    >>> curve.false_positive_rate.tolist(), curve.true_positive_rate.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0])
    """
    scores, ones, zeros = _scores(outputs, targets, where, weights)
    scores = jnp.where((ones > 0) | (zeros > 0), scores, -jnp.inf)
    order = jnp.argsort(-scores)
    falling = scores[order]
    # of equal scores, the rates after the last
    last = jnp.searchsorted(-falling, -falling, side="right") - 1

    def rate(mass: Array) -> Array:
        total = jnp.cumsum(mass[order])
        rates = jnp.concatenate([jnp.zeros(1, scores.dtype), total[last]]) / total[-1]
        return jnp.where(jnp.any(jnp.isnan(scores)), jnp.nan, rates)

    thresholds = jnp.concatenate([jnp.full(1, jnp.inf, scores.dtype), falling])
    return RocCurve(rate(zeros), rate(ones), thresholds)


def roc_auc(
    outputs: Float[Array, "*batch scores"],
    targets: Num[AnyArray, "*batch"] | Num[AnyArray, "*batch scores"],
    *,
    where: Bool[AnyArray, "*batch"] | None = None,
    weights: Num[AnyArray, "*batch"] | None = None,
) -> Float[Array, ""]:
    """Area under the ROC curve: the probability that class 1 has the higher score.

    ``AUC = U / (n_1 n_0)``, where Mann and Whitney's ``U`` is the number of pairs of an example of
    class 1 and one of class 0, ``n_1`` and ``n_0`` of them, in which that of class 1 has the
    higher score; equal scores count half.

    Args:
        outputs: as for `roc_curve`.
        targets: as for `roc_curve`.
        where: as for `roc_curve`.
        weights: as for `roc_curve`.

    Returns:
        A scalar in [0, 1], 1/2 for scores that say nothing; NaN if a score is, or a class has no
        example that counts.

    Raises:
        TypeError: as `roc_curve`.
        ValueError: as `roc_curve`.

    Numerics: counts by sorting, in ``O(n log n)``; the result is in float32 at least.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".

    >>> roc_auc(jnp.array([[3.0], [2.0], [1.0]]), jnp.array([1, 0, 1])).tolist()
    0.5
    """
    scores, ones, zeros = _scores(outputs, targets, where, weights)
    others = jnp.where(zeros > 0, scores, jnp.inf)
    order = jnp.argsort(others)
    others = others[order]
    # mass of class 0 before each of its scores in order, and of all
    mass = jnp.concatenate([jnp.zeros(1, scores.dtype), jnp.cumsum(zeros[order])])
    below, up_to = (mass[jnp.searchsorted(others, scores, side=side)] for side in ("left", "right"))
    area = jnp.sum(ones * (below + up_to)) / (2 * mass[-1] * jnp.sum(ones))
    counted = (ones > 0) | (zeros > 0)
    return jnp.where(jnp.any(jnp.isnan(scores) & counted), jnp.nan, area)


def _scores(
    outputs: Array, targets: AnyArray, where: AnyArray | None, weights: AnyArray | None
) -> tuple[Array, Array, Array]:
    """Return scores, and the weight of each in class 1 and in class 0; flat."""
    check_arrays(outputs=outputs, targets=targets)
    outputs, targets, where = apply_weights(outputs, targets, where, weights)
    good = outputs.shape[-1:] in ((1,), (2,))
    remedy = "For more classes, score each against the others."
    require(good, "outputs", "to have 1 or 2 scores an example", f"shape {outputs.shape}", remedy)
    require(outputs.size, "outputs", "to hold 1 example or more", "none")
    batch = outputs.shape[:-1]
    good = targets.shape in (batch, (*batch, 1))
    require(good, "targets", f"to have shape {batch}", targets.shape)
    check_labels("targets", targets, 2)
    wide = outputs.astype(at_least_float32(outputs.dtype))
    scores = wide[..., 0] if wide.shape[-1] == 1 else wide[..., 1] - wide[..., 0]
    mass = masses(batch, where, weights, wide.dtype)
    positive = jnp.asarray(targets).reshape(-1) > 0
    zero = jnp.zeros_like(mass)
    return scores.reshape(-1), jnp.where(positive, mass, zero), jnp.where(positive, zero, mass)
