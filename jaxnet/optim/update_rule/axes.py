"""Input and output axes of weights, and weights as matrices."""

import math
from collections.abc import Callable
from typing import Any

import jax
from optax.contrib import MuonDimensionNumbers

from jaxnet.core.checks import require
from jaxnet.core.types import Array

OUT_IN = MuonDimensionNumbers(reduction_axis=1, output_axis=0)
"""The axes of a dense layer's weights here; optax's default is the other way round."""


def axes_of_leaves(given: Any, tree: Any) -> list[MuonDimensionNumbers | None]:
    """Return the axes of each leaf, None for a leaf that is not a matrix.

    Args:
        given: a tree of axes, None where a leaf is not a matrix, or a prefix of one, or a function
            of the parameters; None for `OUT_IN` in all leaves of two dimensions.
        tree: the parameters, or a tree of their shapes.

    >>> import jax.numpy as jnp
    >>> axes_of_leaves(None, {"b": jnp.zeros(2), "w": jnp.zeros((2, 3))})
    [None, MuonDimensionNumbers(reduction_axis=1, output_axis=0)]
    """
    if given is None:
        return [OUT_IN if leaf.ndim == 2 else None for leaf in jax.tree.leaves(tree)]
    prefix = given(tree) if callable(given) else given
    axes, structure = jax.tree.flatten(prefix, is_leaf=_is_axes)
    parts = structure.flatten_up_to(tree)
    return [one for one, part in zip(axes, parts, strict=True) for _ in jax.tree.leaves(part)]


def as_matrices(x: Array, axes: MuonDimensionNumbers) -> tuple[Array, Callable[[Array], Array]]:
    """Return an array as matrices ``(..., in, out)``, and the inverse function.

    Axes that are neither inputs nor outputs count the matrices.

    >>> import jax.numpy as jnp
    >>> kernel = jnp.zeros((3, 3, 16, 8))
    >>> stack, restore = as_matrices(kernel, MuonDimensionNumbers((0, 1, 2), 3))
    >>> stack.shape, restore(stack).shape
    ((144, 8), (3, 3, 16, 8))
    """
    inputs, outputs = _named(x.shape, axes)
    others = tuple(axis for axis in range(x.ndim) if axis not in inputs + outputs)
    order = others + inputs + outputs
    moved = x.transpose(order)
    fan_in, fan_out = fans(x.shape, axes)
    counts = tuple(x.shape[axis] for axis in others)

    def restore(stack: Array) -> Array:
        back = sorted(range(x.ndim), key=order.__getitem__)
        return stack.reshape(moved.shape).transpose(back)

    return moved.reshape(*counts, fan_in, fan_out), restore


def fans(shape: tuple[int, ...], axes: MuonDimensionNumbers) -> tuple[int, int]:
    """Return the numbers of inputs and of outputs.

    >>> fans((10, 784), OUT_IN)
    (784, 10)
    """
    inputs, outputs = _named(shape, axes)
    return math.prod(shape[axis] for axis in inputs), math.prod(shape[axis] for axis in outputs)


def _named(
    shape: tuple[int, ...], axes: MuonDimensionNumbers
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes of inputs and of outputs, counted from the front."""
    ranges = (axes.reduction_axis, axes.output_axis)
    flat = [(axis,) if isinstance(axis, int) else tuple(axis) for axis in ranges]
    named = [axis for group in flat for axis in group]
    rank = len(shape)
    in_range = all(-rank <= axis < rank for axis in named)
    good = in_range and len({axis % rank for axis in named}) == len(named)
    expected = f"to name axes of shape {shape}, each once, or to be None for no matrix"
    require(good, "muon_weight_dimension_numbers", expected, axes)
    inputs, outputs = (tuple(axis % rank for axis in group) for group in flat)
    return inputs, outputs


def _is_axes(node: Any) -> bool:
    return node is None or isinstance(node, MuonDimensionNumbers)
