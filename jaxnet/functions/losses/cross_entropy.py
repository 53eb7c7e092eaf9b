"""Losses between distributions, in nats: from probabilities, and stably from logits.

Probabilities may be exactly 0 or 1: inside a logarithm they are kept from falling below the
smallest normal number of their dtype (1.2e-38 in float32), and where that happens the gradient
is 0. Outputs that are NaN give losses that are NaN.
"""

import math

import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.checks import check_range
from jaxnet.core.classes import balanced, label_cross_entropy, log_softmax, softmax
from jaxnet.core.masks import maskable
from jaxnet.core.precision import at_least_float32
from jaxnet.core.sigmoids import sigmoid, softplus
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.losses.targets import (
    as_probabilities,
    one_hot_targets,
    probability_targets,
    smooth,
)


@maskable
def binary_cross_entropy(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Cross-entropy of independent yes-no questions, from their probabilities.

    ``L = - sum_i (v_i log y_i + (1 - v_i) log(1 - y_i))``. By hand:
    ``dy = (1 - v) / (1 - y) - v / y``, each term 0 where its logarithm is clipped.

    Args:
        outputs: probabilities ``y`` in [0, 1], shape ``(..., entries)``.
        targets: probabilities or labels ``v`` in [0, 1], shape ``(..., entries)``, or ``(...)``
            beside one entry.

    Returns:
        One loss in nats an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or outputs or targets known to be outside [0, 1].

    Numerics: a wrong certainty costs -log of the smallest normal number, 87.3 in float32. Prefer
    `sigmoid_binary_cross_entropy`, which goes on growing and keeps its gradient.

    Source: lecture 001, binary classification.

    >>> binary_cross_entropy(jnp.array([[1.0], [0.0]]), jnp.array([1, 0])).tolist()
    [0.0, 0.0]
    """
    v = probability_targets(outputs, targets)
    y = as_probabilities(outputs)
    return jnp.sum(-v * _log(y) - (1 - v) * _log_complement(y), axis=-1)


@maskable
def binary_cross_entropy_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = (1 - v) / (1 - y) - v / y``, each term 0 where its logarithm is clipped."""
    v = probability_targets(outputs, targets)
    y = as_probabilities(outputs)
    return (1 - v) * _slope(1 - y) - v * _slope(y)


@maskable
def sigmoid_binary_cross_entropy(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Cross-entropy of independent yes-no questions, from their logits.

    ``L = sum_i (v_i log(1 + e^-z_i) + (1 - v_i) log(1 + e^z_i))``: `binary_cross_entropy` of
    ``y = sigmoid(z)``. By hand: ``dz = sigmoid(z) - v``, the collapse of sigmoid and logarithm.

    Args:
        outputs: logits ``z``, shape ``(..., entries)``.
        targets: probabilities or labels ``v`` in [0, 1], shape ``(..., entries)``, or ``(...)``
            beside one entry.

    Returns:
        One loss in nats an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets known to be outside [0, 1].

    Numerics: finite for any finite logits, and accurate where the loss is small.

    Source: lecture 001, binary classification.

    >>> sigmoid_binary_cross_entropy(jnp.array([[1e4], [1e4]]), jnp.array([1, 0])).tolist()
    [0.0, 10000.0]
    """
    v = probability_targets(outputs, targets)
    return jnp.sum(v * softplus(-outputs) + (1 - v) * softplus(outputs), axis=-1)


@maskable
def sigmoid_binary_cross_entropy_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dz = sigmoid(z) - v = (1 - v) sigmoid(z) - v sigmoid(-z)``; the last form cannot cancel."""
    v = probability_targets(outputs, targets)
    return (1 - v) * sigmoid(outputs) - v * sigmoid(-outputs)


@maskable
def categorical_cross_entropy(
    outputs: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Cross-entropy between a target class, or distribution, and predicted probabilities.

    ``L = - sum_i v_i log y_i`` with ``v`` one-hot for an integer label. By hand:
    ``dy_i = - v_i / y_i``, 0 where the logarithm is clipped.

    Args:
        outputs: probabilities ``y``, shape ``(..., classes)``, each row summing to 1, which is
            not checked.
        targets: integer labels in ``[0, classes)`` of shape ``(...)``, or floating-point one-hot
            or soft labels of the outputs' shape, each row summing to 1.

    Returns:
        One loss in nats an example, shape ``(...)``, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels, rows or outputs known not to be such.

    Numerics: a wrong certainty costs -log of the smallest normal number, 87.3 in float32. Prefer
    `softmax_cross_entropy`, which goes on growing and keeps its gradient.

    Source: lecture 002.

    >>> categorical_cross_entropy(jnp.array([[0.0, 1.0]]), jnp.array([1])).tolist()
    [0.0]
    """
    v = one_hot_targets(outputs, targets)
    y = as_probabilities(outputs)
    return jnp.sum(-v * _log(y), axis=-1)


@maskable
def categorical_cross_entropy_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = - v / y``, 0 where the logarithm is clipped."""
    v = one_hot_targets(outputs, targets)
    return -v * _slope(as_probabilities(outputs))


@maskable
def softmax_cross_entropy(
    logits: Float[Array, "*batch classes"],
    targets: Num[AnyArray, "..."],
    *,
    label_smoothing: float | Array = 0.0,
) -> Float[Array, "*batch"]:
    """Cross-entropy between a target class, or distribution, and the softmax of ``logits``.

    ``L = - sum_i v_i log y_i`` with ``y = softmax(z)``, and ``v`` one-hot for an integer label.
    By hand: ``dz = y - v`` where ``v`` sums to 1; of a class that is nearly certain, minus the
    sum of the others.

    Args:
        logits: scores before the softmax, shape ``(..., classes)``.
        targets: integer labels in ``[0, classes)`` of shape ``(...)``, or floating-point one-hot
            or soft labels of the logits' shape, each row summing to 1.
        label_smoothing: share ``s`` in [0, 1] of the targets that goes to all ``K`` classes
            alike: ``(1 - s) v + s / K`` takes the place of ``v``, as in PyTorch and Keras.

    Returns:
        One loss in nats an example, shape ``(...)``, not averaged.

    Raises:
        TypeError: if the targets are neither integer nor floating-point.
        ValueError: if the targets' shape fits neither form, or, outside `jax.jit`, if a label is
            out of range or a row is not a distribution. Inside `jax.jit` traced values cannot be
            checked; `jaxnet.training.fit` checks all targets before it starts.

    Numerics: finite for any finite logits: the largest is subtracted before the exponentials.
    Loss and gradient are accurate where they are small, in at least float32 within.

    Source: lecture 002; lecture 001 for the one-hot form.

    >>> round(softmax_cross_entropy(jnp.array([3.2, 5.1, -1.7]), jnp.array(0)).item(), 2)
    2.04
    """
    check_range("label_smoothing", label_smoothing, low=0.0, high=1.0)
    v = one_hot_targets(logits, targets)
    z = _wide(logits)
    plain = isinstance(label_smoothing, float | int) and label_smoothing == 0
    if plain and jnp.issubdtype(targets.dtype, jnp.integer):
        losses = label_cross_entropy(z, jnp.asarray(targets, jnp.int32))
    else:
        v = smooth(_wide(v), label_smoothing)
        # where v is 0, a logarithm of minus infinity counts for nothing
        losses = jnp.sum(jnp.where(v == 0, jnp.zeros_like(v), -v * log_softmax(z)), axis=-1)
    return losses.astype(logits.dtype)


@maskable
def softmax_cross_entropy_backward(
    logits: Array, targets: AnyArray, *, label_smoothing: float | Array = 0.0
) -> Array:
    """``dL/dz = softmax(z) - v``, one row per example: the collapse of lecture 001.

    It holds for softmax followed by cross-entropy with targets whose rows sum to 1; in general it
    is ``softmax(z) sum_i v_i - v``, which rows of zeros, as of padding, make 0.
    """
    check_range("label_smoothing", label_smoothing, low=0.0, high=1.0)
    v = one_hot_targets(logits, targets)
    return _collapse(logits, smooth(_wide(v), label_smoothing))


@maskable
def kl_divergence(
    outputs: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Kullback-Leibler divergence of predicted probabilities from the target distribution.

    ``KL(p || q) = sum_i p_i log(p_i / q_i) = CE(p, q) - H(p)`` with targets ``p`` and outputs
    ``q``: 0 only where they agree, while the cross-entropy is at least the entropy `entropy`.
    By hand: ``dq = - p / q``, 0 where the logarithm is clipped: that of the cross-entropy.

    Args:
        outputs: probabilities ``q``, shape ``(..., classes)``, each row summing to 1, which is
            not checked.
        targets: distributions ``p`` of the outputs' shape, each row summing to 1, or integer
            labels in ``[0, classes)`` of shape ``(...)``.

    Returns:
        One divergence in nats an example, shape ``(...)``, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels, rows or outputs known not to be such.

    Numerics: ``0 log 0 = 0``.

    Source: lecture 001.

    >>> kl_divergence(jnp.array([[0.5, 0.5]]), jnp.array([[0.5, 0.5]])).tolist()
    [0.0]
    """
    p = one_hot_targets(outputs, targets)
    q = as_probabilities(outputs)
    return jnp.sum(p * (_log(p) - _log(q)), axis=-1)


@maskable
def kl_divergence_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dq = - p / q``, 0 where the logarithm is clipped."""
    p = one_hot_targets(outputs, targets)
    return -p * _slope(as_probabilities(outputs))


@maskable
def softmax_kl_divergence(
    logits: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Kullback-Leibler divergence of the softmax of ``logits`` from the target distribution.

    ``L = KL(p || q)`` with targets ``p`` and ``q = softmax(z)``; see `kl_divergence`. By hand:
    ``dz = q - p`` where ``p`` sums to 1: that of the cross-entropy.

    Args:
        logits: scores before the softmax, shape ``(..., classes)``.
        targets: distributions ``p`` of the logits' shape, each row summing to 1, or integer
            labels in ``[0, classes)`` of shape ``(...)``.

    Returns:
        One divergence in nats an example, shape ``(...)``, not averaged.

    Raises:
        TypeError: if logits are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels or rows known not to be such.

    Numerics: finite for any finite logits; ``0 log 0 = 0``.

    Source: lecture 001.

    >>> softmax_kl_divergence(jnp.array([[7.0, 7.0]]), jnp.array([[0.5, 0.5]])).tolist()
    [0.0]
    """
    p = _wide(one_hot_targets(logits, targets))
    log_ratio = _log(p) - log_softmax(_wide(logits))
    terms = jnp.where(p == 0, jnp.zeros_like(p), p * log_ratio)
    return jnp.sum(terms, axis=-1).astype(logits.dtype)


@maskable
def softmax_kl_divergence_backward(logits: Array, targets: AnyArray) -> Array:
    """``dz = softmax(z) - p``, where ``p`` sums to 1."""
    p = one_hot_targets(logits, targets)
    return _collapse(logits, _wide(p))


def entropy(probabilities: Float[Array, "*batch classes"]) -> Float[Array, "*batch"]:
    """Entropy of distributions over the last axis, ``H(p) = - sum_i p_i log p_i``, in nats.

    From 0, all on one class, to ``log K``, the same for ``K`` classes; ``0 log 0 = 0``.
    Source: lecture 001.

    >>> entropy(jnp.array([[0.0, 1.0]])).tolist()
    [0.0]
    """
    p = as_probabilities(probabilities)
    return jnp.sum(-p * _log(p), axis=-1)


def _log(y: Array) -> Array:
    tiny = jnp.finfo(y.dtype).tiny
    return jnp.log(jnp.where(y < tiny, jnp.full_like(y, tiny), y))


def _log_complement(y: Array) -> Array:
    """``log(1 - y)``, exact for small ``y`` too; only ``y = 1`` leaves less than ``tiny``."""
    clipped = jnp.full_like(y, math.log(jnp.finfo(y.dtype).tiny))
    certain = y >= 1
    return jnp.where(certain, clipped, jnp.log1p(-jnp.where(certain, jnp.zeros_like(y), y)))


def _slope(y: Array) -> Array:
    """Differentiate `_log`: ``1 / y``, 0 where it is clipped."""
    clipped = y < jnp.finfo(y.dtype).tiny
    return jnp.where(clipped, jnp.zeros_like(y), 1 / jnp.where(clipped, jnp.ones_like(y), y))


def _collapse(z: Array, v: Array) -> Array:
    y = softmax(_wide(z))
    return balanced(y, y * jnp.sum(v, axis=-1, keepdims=True) - v).astype(z.dtype)


def _wide(values: Array) -> Array:
    return values.astype(at_least_float32(values.dtype))
