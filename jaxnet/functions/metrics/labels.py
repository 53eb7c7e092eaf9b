"""Checks of labels and outputs, by value where they are not traced."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import (
    check_arrays,
    check_entries,
    check_labels,
    check_real,
    check_shape,
    require,
)
from jaxnet.core.types import AnyArray, Array


def target_labels(outputs: Array, targets: AnyArray) -> Array:
    """Return one label per example, from integer labels or from one-hot rows."""
    check_arrays(outputs=outputs, targets=targets)
    expected, remedy = "to have 2 or more classes on the last axis", "See binary_accuracy for one."
    some = outputs.shape[-1:] not in ((), (0,), (1,))
    require(some, "outputs", expected, f"shape {outputs.shape}", remedy)
    if targets.shape == outputs.shape:
        check_real("targets", targets)
        expected = "of one-hot rows to have one 1 each, else 0"
        check_entries("targets", targets, _one_hot_entries, expected)
        return jnp.argmax(jnp.asarray(targets), axis=-1).astype(jnp.int32)
    check_shape("targets", targets, outputs.shape[:-1], outputs.shape)
    check_labels("targets", targets, outputs.shape[-1])
    return jnp.asarray(targets, jnp.int32)


def _one_hot_entries(rows: np.ndarray) -> Any:
    good = (np.sum(rows == 1, axis=-1) == 1) & (np.sum(rows != 0, axis=-1) == 1)
    return np.broadcast_to(good[..., None], rows.shape)
