"""Losses: ``(outputs, targets) -> one value an example``; whoever trains takes the mean."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Num

from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import AnyArray, Array, ElementwiseLoss


def softmax_cross_entropy(
    logits: Float[Array, "*batch classes"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Cross-entropy between a target class, or distribution, and the softmax of ``logits``.

    ``L = - sum_i v_i log y_i`` with ``y = softmax(z)``, and ``v`` one-hot for an integer label.

    Args:
        logits: scores before the softmax, shape ``(..., classes)``.
        targets: integer labels in ``[0, classes)`` of shape ``(...)``, or floating-point one-hot
            or soft labels of the logits' shape, each row summing to 1.

    Returns:
        One loss in nats an example, shape ``(...)``, not averaged.

    Raises:
        TypeError: if the targets are neither integer nor floating-point.
        ValueError: if the targets' shape fits neither form, or, outside `jax.jit`, if a label is
            out of range. Inside `jax.jit` traced values cannot be checked; `jaxnet.training.fit`
            checks all labels before it starts.

    Numerics: finite for any finite logits: the largest is subtracted before the exponentials.

    Source: lecture 002; lecture 001 for the one-hot form.

    >>> float(softmax_cross_entropy(jnp.array([3.2, 5.1, -1.7]), jnp.array(0)).round(2))
    2.0399999618530273
    """
    v = one_hot_targets("softmax_cross_entropy", logits, targets)
    log_y = jax.nn.log_softmax(logits, axis=-1)
    # where v is 0, a log_y of minus infinity counts for nothing
    return -jnp.sum(jnp.where(v == 0, jnp.zeros_like(v), v * log_y), axis=-1)


def softmax_cross_entropy_backward(logits: Array, targets: AnyArray) -> Array:
    """``dL/dz = softmax(z) - v``, one row an example: the collapse of lecture 001.

    It holds for softmax followed by cross-entropy with targets whose rows sum to 1.
    """
    v = one_hot_targets("softmax_cross_entropy_backward", logits, targets)
    return jax.nn.softmax(logits, axis=-1) - v


def one_hot_targets(function: str, outputs: Array, targets: AnyArray) -> Array:
    """Return the targets as distributions of the outputs' shape and dtype."""
    if jnp.issubdtype(targets.dtype, jnp.integer):
        if targets.shape != outputs.shape[:-1]:
            expected = f"of integer labels to have shape {outputs.shape[:-1]}"
            remedy = "Pass one integer an example, or floating-point one-hot rows."
            raise invalid_value(function, "targets", expected, targets.shape, remedy)
        _check_labels(function, targets, outputs.shape[-1])
        labels = jnp.asarray(targets, jnp.int32)
        return jax.nn.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    if not jnp.issubdtype(targets.dtype, jnp.floating):
        remedy = "Pass integer labels or floating-point one-hot rows."
        expected = "to be integer or floating-point"
        raise invalid_type(function, "targets", expected, targets.dtype, remedy)
    if targets.shape != outputs.shape:
        remedy = "Pass one row of class probabilities an example, or integer labels."
        expected = f"of class probabilities to have shape {outputs.shape}"
        raise invalid_value(function, "targets", expected, targets.shape, remedy)
    return jnp.asarray(targets, outputs.dtype)


def _check_labels(function: str, labels: AnyArray, classes: int) -> None:
    if isinstance(labels, Tracer) or labels.size == 0:
        return
    # NumPy: inside `jax.jit`, JAX would trace the minimum of a constant
    values = np.asarray(labels)
    outside = np.argwhere((values < 0) | (values >= classes))
    if outside.size:
        first = tuple(outside[0].tolist())
        remedy = "Number the classes from 0, or give the network more outputs."
        expected = f"of integer labels to be in [0, {classes})"
        raise invalid_value(
            function, "targets", expected, f"{values[first]} at index {first}", remedy
        )


LOSSES: dict[str, ElementwiseLoss] = {"softmax_cross_entropy": softmax_cross_entropy}
"""Name -> loss."""
