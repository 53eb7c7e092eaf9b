"""The confusion matrix, and precision, recall and F1 from it."""

from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Num

from jaxnet.core.checks import (
    check_arrays,
    check_choice,
    check_count,
    check_labels,
    check_real,
    check_shape,
    require,
)
from jaxnet.core.classes import predicted_class
from jaxnet.core.masks import apply_weights
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.metrics.labels import target_labels

Average: TypeAlias = Literal["macro", "micro"]
"""``"macro"``: the mean over classes. ``"micro"``: one ratio of the counts of all classes."""


def confusion_matrix(
    predictions: Num[Array, "..."],
    targets: Num[AnyArray, "..."],
    *,
    classes: int,
    where: Bool[AnyArray, "..."] | None = None,
    weights: Num[AnyArray, "..."] | None = None,
) -> Num[Array, "true predicted"]:
    """Count the examples by true class, in rows, and predicted class, in columns.

    ``c_ij = sum_n 1[v_n = i, y_n = j]``.

    Args:
        predictions: floating-point outputs of shape ``(..., classes)``, the largest of which
            decides, or integer labels of shape ``(...)``.
        targets: integer labels of shape ``(...)``, or, beside outputs, one-hot rows.
        classes: their number, 2 or more.
        where: which examples count, booleans of shape ``(...)``; None for all.
        weights: of the examples, 0 or more, shape ``(...)``: one of weight 2 counts as two; None
            for 1 each.

    Returns:
        Counts, int32, or sums of weights, floating-point, of shape ``(classes, classes)``: entry
        ``(i, j)`` is of class ``i`` taken for ``j``.
        An example with NaN among its outputs, or the prediction -1, is taken for no class and
        counted nowhere: precision, recall and F1 are those of the other examples.

    Raises:
        TypeError: if labels are not integer, or ``where`` not boolean.
        ValueError: for another shape, or labels, rows or weights known not to be such. Inside
            `jax.jit` traced ones cannot be checked.

    >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    check_count("classes", classes, minimum=2)
    check_arrays(predictions=predictions, targets=targets)
    scores = jnp.issubdtype(predictions.dtype, jnp.floating)
    batch = predictions.shape[:-1] if scores else predictions.shape
    predictions, targets, where = apply_weights(predictions, targets, where, weights, batch)
    if scores:
        check_shape("predictions", predictions, (*predictions.shape[:-1], classes))
        true = target_labels(predictions, targets)
        predicted = predicted_class(predictions)
    else:
        check_shape("targets", targets, predictions.shape)
        check_labels("targets", targets, classes)
        check_labels("predictions", predictions, classes, least=-1)
        true, predicted = (jnp.asarray(labels, jnp.int32) for labels in (targets, predictions))
    counted = predicted >= 0 if where is None else (predicted >= 0) & where
    if weights is None:
        mass = counted.astype(jnp.int32)
    else:
        mass = jnp.where(counted, jnp.asarray(weights, jnp.result_type(float)), 0)
    counts = jnp.zeros((classes, classes), mass.dtype)
    places = true.reshape(-1), predicted.reshape(-1)
    return counts.at[places].add(mass.reshape(-1))


def precision(
    confusion: Num[AnyArray, "classes classes"], *, average: Average | None = "macro"
) -> Float[Array, "..."]:
    """Precision per class: true positives over predicted positives, ``TP / predicted``.

    Args:
        confusion: counts ``(true, predicted)`` as `confusion_matrix` returns them.
        average: ``"macro"`` over the classes alike, ``"micro"`` over the examples alike (which is
            the accuracy), or None for one value per class.

    Returns:
        A scalar, or shape ``(classes,)``; 0 for a class that nothing was taken for, which a macro
        average includes.

    Raises:
        ValueError: for an unknown average, or counts that are not a square matrix.

    >>> precision(jnp.array([[1, 1], [0, 2]]), average=None).round(4).tolist()[0]
    1.0
    """
    hits, predicted, _ = _counts(confusion)
    return _ratio(hits, predicted, average)


def recall(
    confusion: Num[AnyArray, "classes classes"], *, average: Average | None = "macro"
) -> Float[Array, "..."]:
    """Recall per class: true positives over examples of the class, ``TP / true``.

    Args:
        confusion: counts ``(true, predicted)`` as `confusion_matrix` returns them.
        average: ``"macro"`` over the classes alike, ``"micro"`` over the examples alike (which is
            the accuracy), or None for one value per class.

    Returns:
        A scalar, or shape ``(classes,)``; 0 for a class without examples, which a macro average
        includes.

    Raises:
        ValueError: for an unknown average, or counts that are not a square matrix.

    >>> recall(jnp.array([[1, 1], [0, 2]])).tolist()
    0.75
    """
    hits, _, true = _counts(confusion)
    return _ratio(hits, true, average)


def f1(
    confusion: Num[AnyArray, "classes classes"], *, average: Average | None = "macro"
) -> Float[Array, "..."]:
    """Harmonic mean of precision and recall, ``2 TP / (predicted + true)``.

    Args:
        confusion: counts ``(true, predicted)`` as `confusion_matrix` returns them.
        average: ``"macro"`` over the classes alike, ``"micro"`` over the examples alike (which is
            the accuracy), or None for one value per class.

    Returns:
        A scalar, or shape ``(classes,)``; 0 for a class neither there nor predicted, which a
        macro average includes.

    Raises:
        ValueError: for an unknown average, or counts that are not a square matrix.

    >>> f1(jnp.array([[2, 0], [0, 1]])).tolist()
    1.0
    """
    hits, predicted, true = _counts(confusion)
    return _ratio(2 * hits, predicted + true, average)


def f1_score(
    outputs: Float[Array, "*batch outputs"],
    targets: Num[AnyArray, "..."],
    *,
    average: Average = "macro",
    where: Bool[AnyArray, "*batch"] | None = None,
    weights: Num[AnyArray, "*batch"] | None = None,
) -> Float[Array, ""]:
    """F1 of the predicted classes: ``2 TP / (predicted + true)``.

    Of one output it is that of class 1, of several an average over all classes.

    Args:
        outputs: logits or probabilities of the classes, shape ``(..., classes)``, of which the
            largest decides; or logits of class 1, shape ``(..., 1)``, 0 or more for class 1.
        targets: integer labels of shape ``(...)``, or one-hot rows beside several outputs.
        average: over several classes, as for `f1`.
        where: which examples count, booleans of shape ``(...)``; None for all.
        weights: of the examples, 0 or more, shape ``(...)``: one of weight 2 counts as two; None
            for 1 each.

    Returns:
        A scalar in [0, 1].

    Raises:
        TypeError: if labels are not integer, or ``where`` not boolean.
        ValueError: as `confusion_matrix` and `f1`.

    >>> f1_score(jnp.array([[2.0], [1.0], [-1.0]]), jnp.array([1, 0, 1])).tolist()
    0.5
    """
    check_arrays(outputs=outputs, targets=targets)
    counted = {"where": where, "weights": weights}
    if outputs.shape[-1:] != (1,):
        counts = confusion_matrix(outputs, targets, classes=outputs.shape[-1], **counted)
        return f1(counts, average=average)
    score = outputs[..., 0]
    predicted = jnp.where(jnp.isnan(score), -1, (score >= 0).astype(jnp.int32))
    labels = targets.reshape(score.shape) if targets.shape == outputs.shape else targets
    return f1(confusion_matrix(predicted, labels, classes=2, **counted), average=None)[1]


def _counts(confusion: AnyArray) -> tuple[Array, Array, Array]:
    check_real("confusion", confusion)
    square = confusion.ndim == 2 and len(confusion) == confusion.shape[1]
    require(square, "confusion", "to be a square matrix", f"shape {confusion.shape}")
    counts = jnp.asarray(confusion, jnp.result_type(float))
    return jnp.diagonal(counts), counts.sum(axis=0), counts.sum(axis=1)


def _ratio(part: Array, whole: Array, average: Average | None) -> Array:
    averages = {
        "macro": lambda: jnp.mean(_share(part, whole)),
        "micro": lambda: _share(part.sum(), whole.sum()),
    }
    if average is None:
        return _share(part, whole)
    return check_choice("average", average, averages)()


def _share(part: Array, whole: Array) -> Array:
    none = whole == 0
    return jax.lax.select(none, jnp.zeros_like(part), part / jnp.where(none, 1, whole))
