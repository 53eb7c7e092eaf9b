"""Metrics of one value per example, 0 or 1; their mean is a rate.

An example with NaN among its outputs is right about nothing.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.checks import check_count, check_entrywise, check_range, check_signs, require
from jaxnet.core.classes import predicted_class
from jaxnet.core.masks import maskable
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.metrics.labels import target_labels


@maskable
def accuracy(
    outputs: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """1 where the largest output is that of the target class, else 0; the mean is the accuracy.

    ``1[argmax y = v]``.

    Args:
        outputs: logits or probabilities, shape ``(..., classes)``, of two or more classes.
        targets: integer labels of shape ``(...)``, or one-hot rows of the outputs' shape.

    Returns:
        0 or 1 an example, in the outputs' dtype. Ties go to the first of the largest outputs;
        beside NaN the guess is wrong.

    Raises:
        TypeError: if labels are not integer.
        ValueError: for a single output, another shape, or labels or rows known not to be such.

    >>> accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])).tolist()
    [1.0, 0.0]
    """
    labels = target_labels(outputs, targets)
    return (predicted_class(outputs) == labels).astype(outputs.dtype)


@maskable
def error_rate(
    outputs: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """1 where the largest output is not that of the target class, else 0: ``1 - accuracy``.

    Args:
        outputs: logits or probabilities, shape ``(..., classes)``, of two or more classes.
        targets: integer labels of shape ``(...)``, or one-hot rows of the outputs' shape.

    Returns:
        0 or 1 an example, in the outputs' dtype. Ties go to the first of the largest outputs;
        beside NaN the guess is wrong.

    Raises:
        TypeError: if labels are not integer.
        ValueError: for a single output, another shape, or labels or rows known not to be such.

    >>> error_rate(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])).tolist()
    [0.0, 1.0]
    """
    labels = target_labels(outputs, targets)
    return (predicted_class(outputs) != labels).astype(outputs.dtype)


@maskable
def top_k_accuracy(
    outputs: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."], *, k: int = 5
) -> Float[Array, "*batch"]:
    """1 where the target class is among the ``k`` largest outputs, else 0.

    ``1[rank_v(y) <= k]``.

    Args:
        outputs: logits or probabilities, shape ``(..., classes)``.
        targets: integer labels of shape ``(...)``, or one-hot rows of the outputs' shape.
        k: how many guesses there are, from 1 to the number of classes; 1 is `accuracy`.

    Returns:
        0 or 1 an example, in the outputs' dtype. Of equal outputs the first counts as larger;
        beside NaN all guesses are wrong.

    Raises:
        TypeError: if labels or ``k`` are not integer.
        ValueError: for more guesses than classes, a single output, another shape, or labels or
            rows known not to be such.

    >>> top_k_accuracy(jnp.array([[3.0, 2.0, 1.0]] * 3), jnp.array([0, 1, 2]), k=2).tolist()
    [1.0, 1.0, 0.0]
    """
    labels = target_labels(outputs, targets)
    classes = outputs.shape[-1]
    require(check_count("k", k) <= classes, "k", f"<= the {classes} classes", k)
    guesses = jax.lax.top_k(outputs, k)[1]
    hits = jnp.any(guesses == labels.astype(guesses.dtype)[..., None], axis=-1)
    return (hits & (predicted_class(outputs) >= 0)).astype(outputs.dtype)


@maskable
def binary_accuracy(
    outputs: Float[Array, "*batch entries"],
    targets: Num[AnyArray, "..."],
    *,
    threshold: float | Array = 0.0,
) -> Float[Array, "*batch"]:
    """1 where the output is on the target's side of the threshold, else 0.

    ``1[step(y - threshold) = v]`` for labels in {0, 1}.

    Args:
        outputs: logits, scores or probabilities, shape ``(..., entries)``, mostly of one entry.
        targets: labels in {0, 1} or in {-1, +1}, shape ``(..., entries)``, or ``(...)`` beside
            one entry.
        threshold: on it an output is positive. 0 is for logits and scores; for probabilities
            pass ``functools.partial(binary_accuracy, threshold=0.5)``.

    Returns:
        0 or 1 an example, in the outputs' dtype, 0 for NaN; the mean over its entries if there
        are several.

    Raises:
        TypeError: if the targets are neither integer nor floating-point.
        ValueError: for another shape, or labels that are known not to be such.

    Source: lecture 000, output heads.

    >>> binary_accuracy(jnp.array([[2.0], [-1.0]]), jnp.array([1, 1])).tolist()
    [1.0, 0.0]
    """
    check_range("threshold", threshold)
    positive = _positive(outputs, targets)
    t = jnp.asarray(threshold, outputs.dtype)
    right = jnp.where(positive, outputs >= t, outputs < t)  # of NaN neither holds
    return jnp.mean(right.astype(outputs.dtype), axis=-1)


def _positive(outputs: Array, targets: AnyArray) -> Array:
    check_entrywise(outputs, targets)
    check_signs("targets", targets)
    return jnp.asarray(targets).reshape(outputs.shape) > 0
