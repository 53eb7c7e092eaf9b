"""Labelled examples: a pair of arrays of inputs and targets."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_finite, check_instance, check_numbers, require
from jaxnet.core.errors import invalid_value
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
    check_instance(argument, examples, Examples, "to be Examples", "See jaxnet.data.Examples.")
    try:  # arrays on the device stay there: a copy of MNIST takes a tenth of an epoch
        fields = (f if isinstance(f, jax.Array) else np.asarray(f) for f in examples)
        return Examples(*fields)
    except ValueError as error:
        raise invalid_value(argument, "to hold arrays, rows of one length", error) from error


def check_examples(argument: str, examples: Examples) -> Examples:
    """Check examples for equal lengths, emptiness, dtypes and finite values.

    Raises:
        TypeError: for other types than examples, or arrays of other types than numbers.
        ValueError: otherwise, with the index of the first NaN or infinity.
    """
    examples = check_pair(argument, examples)
    inputs, targets = np.shape(examples.inputs), np.shape(examples.targets)
    paired = len(inputs) > 1 and len(targets) > 0 and inputs[0] == targets[0] > 0
    shapes = f"inputs of shape {inputs} and targets of shape {targets}"
    require(paired, argument, "to pair each of one or more inputs with a target", shapes)
    for name, field in examples._asdict().items():
        check_numbers(f"{argument}.{name}", field)
        check_finite(f"{argument}.{name}", np.asarray(field), "Remove or repair those examples.")
    return examples
