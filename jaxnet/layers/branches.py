"""Parallel layers with a common input and combined outputs, and residual connections."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_choice, require
from jaxnet.core.types import (
    Array,
    Description,
    Key,
    Layer,
    Params,
    Residual,
    Shape,
    Statistics,
    layer_from_forward,
)
from jaxnet.layers.compose import Message, Step, check_layers, fold_key, init_each


def parallel(*layers: Layer, combine: str = "concatenate") -> Layer:
    """Return parallel layers: ``y = (y_1, ..., y_n)`` or ``y = y_1 + ... + y_n``.

    All layers have the input ``x``. By hand: each layer gets its own part of ``dy``, or all of it
    if the outputs are summed, and ``dx = sum_i dx_i``: a node with several children sums over
    them (lecture 000). Parameters, statistics and residuals have one entry per layer. Layer ``i``
    draws from ``jax.random.fold_in(key, i)``.

    Args:
        layers: one or more, whose outputs have one shape, but for the last axis if concatenated.
        combine: ``"concatenate"`` the outputs along the last axis, or ``"sum"`` them.

    Raises:
        ValueError: for no layers, an unknown way to combine, or outputs that do not fit together.

    >>> from jaxnet.layers import activation, rescale
    >>> both = parallel(activation("relu"), rescale(-1.0))
    >>> both.apply(((), ()), ((), ()), jnp.array([[-1.0, 2.0]]))[0].tolist()
    [[0.0, 2.0, 1.0, -2.0]]
    """
    require(layers, "layers", "to be one or more", "none")
    check_layers(layers)
    combination = check_choice("combine", combine, _COMBINATIONS)

    def out_shape(in_shape: Shape) -> Shape:
        return combination.out_shape([layer.out_shape(in_shape) for layer in layers])

    def init(key: Key, in_shape: Shape) -> tuple[Params, Statistics]:
        out_shape(in_shape)
        return init_each(layers, key, [in_shape] * len(layers))

    def forward(
        params: Params, statistics: Statistics, x: Array, *, key: Key | None, training: bool
    ) -> tuple[Array, Residual, Statistics]:
        steps = [
            Step(*layer.forward(p, s, x, key=fold_key(key, i), training=training))
            for i, (layer, p, s) in enumerate(zip(layers, params, statistics, strict=True))
        ]
        ys = [step.y for step in steps]
        combination.out_shape([y.shape[1:] for y in ys])
        # empty arrays store the widths of the outputs for the backward pass
        outlines = tuple(y[:0] for y in ys)
        residual = tuple(step.residual for step in steps), outlines
        return combination.join(ys), residual, tuple(step.statistics for step in steps)

    def backward(params: Params, residual: Residual, dy: Array) -> tuple[Params, Array]:
        residuals, outlines = residual
        dys = combination.split(dy, [outline.shape[-1] for outline in outlines])
        messages = [
            Message(*layer.backward(*rest))
            for layer, *rest in zip(layers, params, residuals, dys, strict=True)
        ]
        return tuple(message.dparams for message in messages), add(m.dx for m in messages)

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=out_shape,
        description=Description("parallel", {"combine": combine}, layers),
    )


def residual(layer: Layer) -> Layer:
    """Return the layer with a shortcut around it: ``y = x + layer(x)``.

    By hand: ``dx = dy + dx_layer``, so that the gradient reaches the layers below undiminished.
    The same as ``parallel(serial(), layer, combine="sum")``, but for the parameters, statistics
    and residual, which are tuples of the layer's alone.

    Args:
        layer: a layer, often a `serial` of several, whose output has the shape of its input.

    Raises:
        ValueError: if the layer changes the shape.

    Source: He et al. 2016, section 3.

    >>> from jaxnet.layers import activation
    >>> shortcut = residual(activation("relu"))
    >>> shortcut.apply(((),), ((),), jnp.array([[-1.0, 2.0]]))[0].tolist()
    [[-1.0, 4.0]]
    """
    check_layers([layer])

    def out_shape(in_shape: Shape) -> Shape:
        _check_kept(in_shape, layer.out_shape(in_shape))
        return in_shape

    def init(key: Key, in_shape: Shape) -> tuple[Params, Statistics]:
        out_shape(in_shape)
        return init_each((layer,), key, (in_shape,))

    def forward(
        params: Params, statistics: Statistics, x: Array, *, key: Key | None, training: bool
    ) -> tuple[Array, Residual, Statistics]:
        layer_key = fold_key(key, 0)
        step = Step(*layer.forward(params[0], statistics[0], x, key=layer_key, training=training))
        _check_kept(x.shape[1:], step.y.shape[1:])
        return x + step.y, (step.residual,), (step.statistics,)

    def backward(params: Params, residual: Residual, dy: Array) -> tuple[Params, Array]:
        message = Message(*layer.backward(params[0], residual[0], dy))
        return (message.dparams,), dy + message.dx

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=out_shape,
        description=Description("residual", parts=(layer,)),
    )


def add(arrays: Iterable[Array]) -> Array:
    """Return the sum of one or more arrays of one shape."""
    return functools.reduce(jnp.add, arrays)


def common_shape(argument: str, shapes: Sequence[Shape]) -> Shape:
    """Return the common shape; a ValueError for unequal shapes, as sums must not broadcast."""
    require(len(set(shapes)) == 1, argument, "to have one output shape", shapes)
    return shapes[0]


def _check_kept(in_shape: Shape, out_shape: Shape) -> None:
    require(in_shape == out_shape, "layer", f"to keep the shape {in_shape}", out_shape)


class _Combination(NamedTuple):
    """A combination of outputs, its backward rule and its output shape."""

    join: Callable[[Sequence[Array]], Array]
    split: Callable[[Array, Sequence[int]], Sequence[Array]]
    out_shape: Callable[[Sequence[Shape]], Shape]


def _concatenate(ys: Sequence[Array]) -> Array:
    return jnp.concatenate(ys, axis=-1)


def _split(dy: Array, widths: Sequence[int]) -> Sequence[Array]:
    return jnp.split(dy, np.cumsum(widths)[:-1].tolist(), axis=-1)


def _concatenated_shape(shapes: Sequence[Shape]) -> Shape:
    fits = all(shape and shape[:-1] == shapes[0][:-1] for shape in shapes)
    require(fits, "layers", "to have output shapes that differ in the last axis only", shapes)
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


_COMBINATIONS = {
    "concatenate": _Combination(_concatenate, _split, _concatenated_shape),
    "sum": _Combination(
        add,
        lambda dy, widths: [dy] * len(widths),
        functools.partial(common_shape, "layers"),
    ),
}
