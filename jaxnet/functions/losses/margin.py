"""Margin losses of classification by sign, and the zero-one loss.

The last three are functions of the margin ``m = y v`` of a score ``y`` with the label ``v`` in
{-1, +1}: positive where the sign is right. They are summed over the entries of an example.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.checks import check_arrays, check_range
from jaxnet.core.classes import predicted_class
from jaxnet.core.masks import maskable
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.losses.targets import binary_targets, one_hot_targets, signed_targets


@maskable
def zero_one(
    outputs: Float[Array, "*batch entries"],
    targets: Num[AnyArray, "..."],
    *,
    threshold: float | Array = 0.0,
) -> Float[Array, "*batch"]:
    """1 where the decision is wrong, else 0: the indicator ``1[decision != v]``.

    One output decides by whether it reaches the threshold, several by which is the largest.
    By hand: ``dy = 0``, which is why nothing learns from this loss (lecture 001).

    Args:
        outputs: scores or probabilities, shape ``(..., 1)`` or ``(..., classes)``.
        targets: beside one output, labels in {0, 1} or in {-1, +1}, shape ``(...)`` or
            ``(..., 1)``; beside several, integer labels ``(...)`` or rows ``(..., classes)``.
        threshold: of one output; several do without. 0 is for logits and scores; for
            probabilities pass ``functools.partial(zero_one, threshold=0.5)``.

    Returns:
        0 or 1 an example, shape ``(...)``, in the outputs' dtype, not averaged. An output on the
        threshold is positive, as in `step`; of equal outputs the first decides; NaN is wrong.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels that are known not to be such.

    Source: lecture 003, "Zero-One Loss"; lecture 001, indicator error.

    >>> zero_one(jnp.array([[2.0], [-2.0]]), jnp.array([1, 1])).tolist()
    [0.0, 1.0]
    """
    check_arrays(outputs=outputs)
    check_range("threshold", threshold)
    if outputs.shape[-1:] == (1,):
        positive = binary_targets(outputs, targets)
        t = jnp.asarray(threshold, outputs.dtype)
        right = jnp.where(positive, outputs >= t, outputs < t)  # of NaN neither holds
        return 1 - jnp.squeeze(right, axis=-1).astype(outputs.dtype)
    v = one_hot_targets(outputs, targets)
    wrong = predicted_class(outputs) != predicted_class(v)
    return wrong.astype(outputs.dtype)


@maskable
def zero_one_backward(
    outputs: Array, targets: AnyArray, *, threshold: float | Array = 0.0
) -> Array:
    """``dy = 0``."""
    zero_one(outputs, targets, threshold=threshold)  # for its checks
    return jnp.zeros_like(outputs)


@maskable
def hinge(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Hinge loss, ``L = sum_i max(0, 1 - m_i)``: what a support-vector machine minimizes.

    By hand: ``dy = -v`` where ``m < 1``, else 0: the subgradient at the kink ``m = 1`` is 0.

    Args:
        outputs: scores ``y``, shape ``(..., entries)``.
        targets: labels ``v`` in {-1, +1}, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels that are known not to be -1 or +1.

    Source: lecture 003, "Hinge Loss".

    >>> hinge(jnp.array([[0.5], [-0.5]]), jnp.array([1, 1])).tolist()
    [0.5, 1.5]
    """
    v = signed_targets(outputs, targets)
    return jnp.sum(jax.nn.relu(1 - outputs * v), axis=-1)


@maskable
def hinge_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = -v`` where ``m < 1``, else 0."""
    v = signed_targets(outputs, targets)
    return jnp.where(outputs * v < 1, -v, jnp.zeros_like(v))


@maskable
def squared_hinge(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Squared hinge loss, ``L = sum_i max(0, 1 - m_i)^2``, which has no kink.

    By hand: ``dy = -2 v max(0, 1 - m)``.

    Args:
        outputs: scores ``y``, shape ``(..., entries)``.
        targets: labels ``v`` in {-1, +1}, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels that are known not to be -1 or +1.

    >>> squared_hinge(jnp.array([[0.5], [-0.5]]), jnp.array([1, 1])).tolist()
    [0.25, 2.25]
    """
    v = signed_targets(outputs, targets)
    return jnp.sum(jnp.square(jax.nn.relu(1 - outputs * v)), axis=-1)


@maskable
def squared_hinge_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = -2 v max(0, 1 - m)``."""
    v = signed_targets(outputs, targets)
    return -2 * v * jax.nn.relu(1 - outputs * v)


@maskable
def perceptron(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Perceptron loss, ``L = sum_i max(0, -m_i)``.

    By hand: ``dy = -v`` where ``m <= 0``, else 0. With it, a step of gradient descent at rate 1 is
    Rosenblatt's rule. At the kink ``m = 0`` the subgradient is ``-v``, so that learning can start
    from weights of zero.

    Args:
        outputs: scores ``y``, shape ``(..., entries)``.
        targets: labels ``v`` in {-1, +1}, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or labels that are known not to be -1 or +1.

    Source: Rosenblatt 1958; lecture 003.

    >>> perceptron(jnp.array([[0.5], [-0.5]]), jnp.array([1, 1])).tolist()
    [0.0, 0.5]
    """
    v = signed_targets(outputs, targets)
    m = outputs * v
    return jnp.sum(jnp.where(m > 0, jnp.zeros_like(m), -m), axis=-1)


@maskable
def perceptron_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = -v`` where ``m <= 0``, else 0."""
    v = signed_targets(outputs, targets)
    return jnp.where(outputs * v > 0, jnp.zeros_like(v), -v)
