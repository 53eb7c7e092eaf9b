"""Labelled examples: a pair of arrays of inputs and targets."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_finite, check_instance
from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import AnyArray


class Examples(NamedTuple):
    """A batch of labelled examples, or a whole data set: a pytree of two arrays.

    Attributes:
        inputs: shape ``(examples, ...)``; pixels may stay integers.
        targets: shape ``(examples,)`` for labels, ``(examples, outputs)`` for vectors.
    """

    inputs: Any
    targets: Any

    def take(self, indices: AnyArray | slice) -> "Examples":
        """Return the examples at ``indices``, in that order."""
        return Examples(self.inputs[indices], self.targets[indices])


def count(examples: Examples) -> int:
    """Return the number of examples."""
    return int(np.shape(examples.inputs)[0])


def check_pair(argument: str, examples: Any) -> Examples:
    """Return examples as arrays, of JAX's or NumPy's.

    Raises:
        TypeError: for other types, such as a plain pair of arrays.
        ValueError: for ragged lists.
    """
    remedy = "Pass jaxnet.data.Examples(inputs, targets)."
    check_instance(argument, examples, Examples, "to be Examples", remedy)
    try:  # arrays on the device stay there: a copy of MNIST takes a tenth of an epoch
        fields = (f if isinstance(f, jax.Array) else np.asarray(f) for f in examples)
        return Examples(*fields)
    except ValueError as error:
        remedy = "Give rows of one length."
        raise invalid_value(argument, "to hold arrays", error, remedy) from error


def check_examples(argument: str, examples: Examples) -> Examples:
    """Check examples for equal lengths, emptiness, dtypes and finite values.

    Raises:
        TypeError: for other types than examples, or arrays of other types than numbers.
        ValueError: otherwise, with the index of the first NaN or infinity.
    """
    examples = check_pair(argument, examples)
    inputs, targets = np.shape(examples.inputs), np.shape(examples.targets)
    if len(inputs) < 2 or len(targets) < 1 or inputs[0] != targets[0] or inputs[0] < 1:
        raise invalid_value(
            argument,
            "to pair each of one or more inputs with a target",
            f"inputs of shape {inputs} and targets of shape {targets}",
            "Give both arrays the same first dimension, one row per example.",
        )
    for name, field in examples._asdict().items():
        if not (jnp.issubdtype(field.dtype, jnp.number) or field.dtype == bool):
            given, remedy = f"{argument}.{name}", "Give numbers; labels count from 0."
            raise invalid_type(given, "to hold numbers", field.dtype, remedy)
    remedy = "Remove or repair those examples first."
    check_finite(f"{argument}.inputs", np.asarray(examples.inputs), remedy)
    check_finite(f"{argument}.targets", np.asarray(examples.targets), remedy)
    return examples
