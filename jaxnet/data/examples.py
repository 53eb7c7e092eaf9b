"""Labelled examples: inputs, targets and, if they do not count alike, weights."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import (
    check_entries,
    check_finite,
    check_instance,
    check_numbers,
    require,
)
from jaxnet.core.errors import invalid_value
from jaxnet.core.representation import representation
from jaxnet.core.types import AnyArray, Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """A batch of labelled examples, or a whole data set: a pytree of arrays.

    ``inputs, targets = examples`` unpacks it.

    Attributes:
        inputs: shape ``(examples, ...)``; pixels may stay integers.
        targets: shape ``(examples,)`` for labels, ``(examples, outputs)`` for vectors.
        weights: how much each example counts, 0 or more, shape ``(examples,)``; None for all
            alike. Means of losses and metrics are then weighted means: an example of weight 2
            counts as two of weight 1. Batch normalization counts each example once.

    >>> x, t = Examples(np.zeros((3, 2)), np.arange(3), weights=np.array([1.0, 1.0, 2.0]))
    >>> x.shape, t.shape
    ((3, 2), (3,))
    """

    inputs: Any
    targets: Any
    weights: Any = None

    def __repr__(self) -> str:
        labels = self.targets
        of_classes = isinstance(labels, np.ndarray) and labels.dtype.kind in "iu"
        classes = {"classes": len(np.unique(labels))} if of_classes and labels.ndim == 1 else {}
        return representation("Examples", **named_arrays(self), **classes)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.inputs, self.targets))

    def take(self, indices: AnyArray | slice) -> "Examples":
        """Return the examples at ``indices``, in that order."""
        return self.map(lambda array: array[indices])

    def map(self, function: Callable[[Any], Any]) -> "Examples":
        """Return the examples with a function applied to each of their arrays."""
        fields = (self.inputs, self.targets, self.weights)
        return Examples(*(None if field is None else function(field) for field in fields))

    def _replace(self, **fields: Any) -> "Examples":
        """Return the examples with other fields, as a named tuple does."""
        return dataclasses.replace(self, **fields)


def count(examples: Examples) -> int:
    """Return the number of examples."""
    return int(np.shape(examples.inputs)[0])


def total_weight(examples: Examples) -> int | Array:
    """Return the sum of the weights; without any, the number of examples."""
    return count(examples) if examples.weights is None else examples.weights.sum()


def check_pair(argument: str, examples: Any) -> Examples:
    """Return examples as arrays, of JAX's or NumPy's.

    Raises:
        TypeError: for other types, such as a plain pair of arrays.
        ValueError: for ragged lists.
    """
    remedy = "See jaxnet.data.Examples."
    if hasattr(examples, "train"):  # a whole data set
        others = "" if argument == "train" else ", dataset.test or a part of them"
        remedy = f"Pass dataset.train{others}."
    check_instance(argument, examples, Examples, "to be Examples", remedy)
    try:  # arrays on the device stay there: a copy of MNIST takes a tenth of an epoch
        return examples.map(lambda f: f if isinstance(f, jax.Array) else np.asarray(f))
    except ValueError as error:
        raise invalid_value(argument, "to hold arrays, rows of one length", error) from error


def check_lengths(argument: str, examples: Any) -> Examples:
    """Return examples as `check_pair` does; their arrays, of any content, must have one length.

    Raises:
        TypeError, ValueError: as `check_pair`.
        ValueError: also for other lengths, and for no examples.
    """
    examples = check_pair(argument, examples)
    lengths = [len(array) if np.ndim(array) else 0 for array in named_arrays(examples).values()]
    same = len(set(lengths)) == 1 and lengths[0]
    require(same, argument, "to be one or more, arrays of one length", f"lengths {lengths}")
    return examples


def check_examples(argument: str, examples: Examples) -> Examples:
    """Check examples for equal lengths, emptiness, dtypes, finite values and weights.

    Raises:
        TypeError: for other types than examples, or arrays of other types than numbers.
        ValueError: otherwise, with the index of the first NaN or infinity.
    """
    examples = check_pair(argument, examples)
    inputs, targets = np.shape(examples.inputs), np.shape(examples.targets)
    paired = len(inputs) > 1 and len(targets) > 0 and inputs[0] == targets[0] > 0
    shapes = f"inputs of shape {inputs} and targets of shape {targets}"
    require(paired, argument, "to pair each of one or more inputs with a target", shapes)
    examples = examples.map(native)
    for name, field in named_arrays(examples).items():
        check_numbers(f"{argument}.{name}", field)
        check_finite(f"{argument}.{name}", np.asarray(field), "Remove or repair those examples.")
    if (weights := examples.weights) is not None:
        name, expected = f"{argument}.weights", f"to be one an example, of shape {inputs[:1]}"
        require(weights.shape == inputs[:1], name, expected, weights.shape)
        check_entries(name, weights, lambda w: w >= 0, "0 or more")
    return examples


def check_device_numbers(argument: str, array: Any) -> None:
    """Check that integers are not wrapped on the device, which has 32 bits unless x64 is enabled.

    Raises:
        ValueError: for the first integer that is out of range.
    """
    there = jax.dtypes.canonicalize_dtype(array.dtype)
    if there == array.dtype or array.dtype.kind not in "iu" or not array.size:
        return
    range_there = np.iinfo(there)
    least, largest = int(range_there.min), int(range_there.max)
    if array.min() < least or array.max() > largest:
        remedy = "Pass floating-point numbers, such as .astype(np.float32), or standardize them."
        expected = f"to fit {range_there.dtype}, as the device has it"
        check_entries(argument, array, lambda v: (v >= least) & (v <= largest), expected, remedy)


def on_device(argument: str, examples: Examples) -> Examples:
    """Return checked examples as arrays of JAX, the weights in floating point.

    Sums of weights in few bits would overflow.

    Raises:
        ValueError: for integers beyond those of the device.
    """
    for name, array in named_arrays(examples).items():
        check_device_numbers(f"{argument}.{name}", array)
    made = examples.map(jax.device_put)
    if made.weights is None:
        return made
    return made._replace(weights=made.weights.astype(jnp.result_type(float)))


def check_some_weight(argument: str, examples: Examples) -> Examples:
    """Return examples whose weights, if they have any, are not all 0 and have a finite sum."""
    if examples.weights is not None:
        name, expected = f"the sum of {argument}.weights", "above 0 and finite"
        total = examples.weights.sum()
        check_entries(name, total, lambda total: (total > 0) & (total < np.inf), expected)
    return examples


def named_arrays(examples: Examples) -> dict[str, Any]:
    """Return name -> array of the fields that are there."""
    fields = dataclasses.fields(examples)
    named = {field.name: getattr(examples, field.name) for field in fields}
    return {name: array for name, array in named.items() if array is not None}


def native(array: Any) -> Any:
    """Return numbers as JAX takes them: in the machine's byte order, long doubles as float64."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iufc":
        return array
    kind = np.float64 if array.dtype == np.longdouble else array.dtype.newbyteorder("=")
    return array.astype(kind, copy=False)
