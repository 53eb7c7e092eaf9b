"""The composition of layers: forward propagation and backpropagation through a network."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax

from jaxnet.core.checks import check_instance
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


def serial(*layers: Layer) -> Layer:
    """Return the composition of layers.

    `forward` is forward propagation, `backward` is backpropagation (lecture 001): from the last
    layer to the first, each turns the gradient with respect to its output into those with respect
    to its parameters and its input. Parameters, statistics and residuals are tuples, one entry a
    layer. Layer ``i`` draws from ``jax.random.fold_in(key, i)``.

    >>> from jaxnet.layers import activation, dense
    >>> network = serial(dense(3), activation("relu"), dense(2))
    >>> network.out_shape((5,))
    (2,)
    """
    check_layers(layers)

    def forward(
        params: Params, statistics: Statistics, x: Array, *, key: Key | None, training: bool
    ) -> tuple[Array, tuple[Residual, ...], tuple[Statistics, ...]]:
        steps = propagate(layers, params, statistics, x, key=key, training=training)
        y = steps[-1].y if steps else x
        return y, tuple(step.residual for step in steps), tuple(step.statistics for step in steps)

    def backward(
        params: Params, residual: tuple[Residual, ...], dy: Array
    ) -> tuple[tuple[Params, ...], Array]:
        messages = backpropagate(layers, params, residual, dy)
        dx = messages[0].dx if messages else dy
        return tuple(message.dparams for message in messages), dx

    return layer_from_forward(
        init=functools.partial(init_in_turn, layers),
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: shapes_in_turn(layers, in_shape)[-1],
        description=Description("serial", parts=layers),
    )


def check_layers(layers: Sequence[Layer]) -> None:
    """Raise a TypeError unless these are layers."""
    for number, layer in enumerate(layers):
        check_layer(f"layer {number}", layer)


def check_layer(argument: str, layer: Layer) -> None:
    """Raise a TypeError unless this is a layer."""
    remedy = "Call the function that makes it, or make one by jaxnet.layers.layer(init, apply)."
    check_instance(argument, layer, Layer, "to be a Layer", remedy)


class Step(NamedTuple):
    """Result of one layer in a forward pass.

    Attributes:
        y: its output.
        residual: values kept for the backward pass.
        statistics: its statistics after the pass.
    """

    y: Array
    residual: Residual
    statistics: Statistics


class Message(NamedTuple):
    """Result of one layer in a backward pass.

    Attributes:
        dparams: gradient with respect to its parameters.
        dx: gradient with respect to its input, the message to the layer before.
    """

    dparams: Params
    dx: Array


def propagate(
    layers: Sequence[Layer],
    params: Sequence[Params],
    statistics: Sequence[Statistics],
    x: Array,
    *,
    key: Key | None,
    training: bool,
) -> list[Step]:
    """Propagate forward and return one `Step` per layer (lecture 001)."""
    steps: list[Step] = []
    for i, layer in enumerate(layers):
        layer_key = fold_key(key, i)
        step = layer.forward(params[i], statistics[i], x, key=layer_key, training=training)
        steps.append(Step(*step))
        x = steps[-1].y
    return steps


def backpropagate(
    layers: Sequence[Layer], params: Sequence[Params], residual: Sequence[Residual], dy: Array
) -> list[Message]:
    """Propagate backward and return one `Message` per layer, first layer first.

    ``dy`` is the gradient with respect to the last layer's output; each layer's ``dx`` is the
    ``dy`` of the layer before it (lecture 001).
    """
    messages: list[Message] = []
    for i in reversed(range(len(layers))):
        message = Message(*layers[i].backward(params[i], residual[i], dy))
        messages.append(message)
        dy = message.dx
    return messages[::-1]


def init_in_turn(
    layers: Sequence[Layer], key: Key, in_shape: Shape
) -> tuple[tuple[Params, ...], tuple[Statistics, ...]]:
    """Initialize consecutive layers; layer ``i`` draws from ``fold_in(key, i)``."""
    return init_each(layers, key, shapes_in_turn(layers, in_shape)[:-1])


def init_each(
    layers: Sequence[Layer], key: Key, in_shapes: Sequence[Shape]
) -> tuple[tuple[Params, ...], tuple[Statistics, ...]]:
    """Initialize layer ``i`` for ``in_shapes[i]`` from ``fold_in(key, i)``."""
    pairs = [
        layer.init(jax.random.fold_in(key, i), in_shape)
        for i, (layer, in_shape) in enumerate(zip(layers, in_shapes, strict=True))
    ]
    return tuple(params for params, _ in pairs), tuple(statistics for _, statistics in pairs)


def fold_key(key: Key | None, number: int) -> Key | None:
    """Return ``fold_in(key, number)``, or None without a key."""
    return None if key is None else jax.random.fold_in(key, number)


def shapes_in_turn(layers: Sequence[Layer], in_shape: Shape) -> list[Shape]:
    """Return the shape of one example before the first layer, and after each."""
    shapes = [in_shape]
    for layer in layers:
        shapes.append(layer.out_shape(shapes[-1]))
    return shapes
