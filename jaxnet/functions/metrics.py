"""Metrics: ``(outputs, targets) -> one value an example``; their mean is the metric."""

import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.types import Array, ElementwiseLoss


def accuracy(
    outputs: Float[Array, "*batch classes"], targets: Num[Array, "..."]
) -> Float[Array, "*batch"]:
    """1 where the largest output is that of the target class, else 0; the mean is the accuracy.

    Args:
        outputs: logits or probabilities, shape ``(..., classes)``.
        targets: integer labels of shape ``(...)``, or one-hot rows of the outputs' shape.

    Returns:
        0 or 1 an example, in the outputs' dtype. Ties go to the first of the largest outputs.

    >>> accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])).tolist()
    [1.0, 0.0]
    """
    labels = targets if targets.ndim < outputs.ndim else jnp.argmax(targets, axis=-1)
    guesses = jnp.argmax(outputs, axis=-1)
    return (guesses == labels.astype(guesses.dtype)).astype(outputs.dtype)


METRICS: dict[str, ElementwiseLoss] = {"accuracy": accuracy}
"""Name -> metric."""
