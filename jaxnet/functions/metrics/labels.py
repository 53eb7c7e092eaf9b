"""Checks of labels and outputs, by value where they are not traced."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_arrays, check_entries
from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import AnyArray, Array


def target_labels(outputs: Array, targets: AnyArray) -> Array:
    """Return one label per example, from integer labels or from one-hot rows."""
    check_arrays(outputs=outputs, targets=targets)
    check_classes(outputs)
    if targets.shape == outputs.shape:
        check_real("targets", targets)
        expected, remedy = "of one-hot rows to have one 1 each, else 0", "Pass integer labels."
        check_entries("targets", targets, _one_hot_entries, expected, remedy)
        return jnp.argmax(jnp.asarray(targets), axis=-1).astype(jnp.int32)
    if targets.shape != outputs.shape[:-1]:
        expected = f"to have shape {outputs.shape[:-1]} or {outputs.shape}"
        remedy = "Pass one integer label per example, or one one-hot row."
        raise invalid_value("targets", expected, targets.shape, remedy)
    return check_labels("targets", targets, outputs.shape[-1])


def check_labels(argument: str, labels: AnyArray, classes: int, least: int = 0) -> Array:
    """Check that labels are integers in ``[least, classes)``; traced values are not checked."""
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        remedy = "Pass one integer label per example, such as labels.astype(jnp.int32)."
        raise invalid_type(argument, "of labels to be integer", labels.dtype, remedy)
    expected = f"of integer labels to be in [{least}, {classes})"
    remedy = "Number the classes from 0."

    def inside(v: np.ndarray) -> Any:
        return (v >= least) & (v < classes)

    check_entries(argument, labels, inside, expected, remedy)
    return jnp.asarray(labels, jnp.int32)


def check_classes(outputs: Array) -> None:
    """Check that outputs have scores of two or more classes."""
    if outputs.shape[-1:] in ((), (0,), (1,)):
        remedy = "The largest of one is always the first: take binary_accuracy for one output."
        expected = "to have 2 or more classes on the last axis"
        raise invalid_value("outputs", expected, f"shape {outputs.shape}", remedy)


def check_real(argument: str, values: AnyArray) -> None:
    """Check that values are integer or floating-point."""
    if not any(jnp.issubdtype(values.dtype, kind) for kind in (jnp.integer, jnp.floating)):
        expected, remedy = "to be integer or floating-point", "Convert them by astype."
        raise invalid_type(argument, expected, values.dtype, remedy)


def _one_hot_entries(rows: np.ndarray) -> Any:
    good = (np.sum(rows == 1, axis=-1) == 1) & (np.sum(rows != 0, axis=-1) == 1)
    return np.broadcast_to(good[..., None], rows.shape)
