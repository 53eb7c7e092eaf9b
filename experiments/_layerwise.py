"""Backpropagation through a network, layer by layer, as the lectures' slides show it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Layer
from jaxnet.functions.losses import softmax_cross_entropy_backward
from jaxnet.layers.compose import backpropagate, propagate


class Row(NamedTuple):
    """One layer, between its input and its output.

    Attributes:
        layer: what it is.
        output: its forward value.
        message: gradient of the loss with respect to its output.
    """

    layer: str
    output: Array
    message: Array


class Walk(NamedTuple):
    """A forward and a backward pass, all of it.

    Attributes:
        rows: the input, then the layers in order.
        loss: cross-entropy of the sample.
        dparams: its gradient with respect to the parameters.
    """

    rows: list[Row]
    loss: Array
    dparams: tuple[Any, ...]


def walk(network: Layer, params: Any, statistics: Any, x: Array, target: Array) -> Walk:
    """Return what each layer computes forward and sends back, for a batch of one sample."""
    layers = network.description.parts
    steps = propagate(layers, params, statistics, x, key=None, training=False)
    logits = steps[-1].y
    dy = softmax_cross_entropy_backward(logits, target)
    back = backpropagate(layers, params, [step.residual for step in steps], dy)
    names = ["input", *[_name(layer) for layer in layers]]
    outputs = [x, *[step.y for step in steps]]
    messages = [*[message.dx for message in back], dy]
    rows = [Row(*row) for row in zip(names, outputs, messages, strict=True)]
    loss = jaxnet.losses.softmax_cross_entropy(logits, target).sum()
    return Walk(rows, loss, tuple(message.dparams for message in back))


def autodiff(network: Layer, params: Any, statistics: Any, x: Array, target: Array) -> Any:
    """Return the gradient with respect to the parameters as `jax.grad` computes it."""

    def loss(params: Any) -> Array:
        logits, _ = network.apply(params, statistics, x)
        return jaxnet.losses.softmax_cross_entropy(logits, target).sum()

    return jax.grad(loss)(params)


def gap(dparams: Any, expected: Any) -> float:
    """Return the distance of two gradients relative to the norm of the second."""
    pairs = zip(jax.tree.leaves(dparams), jax.tree.leaves(expected), strict=True)
    errors = sum(float(jnp.sum((a - b) ** 2)) for a, b in pairs)
    return float(np.sqrt(errors / sum(float(jnp.sum(b**2)) for b in jax.tree.leaves(expected))))


def tabulate(found: Walk) -> str:
    """Return the passes as a table: forward values down, messages of the way back beside them."""
    lines = ["\nlecture 002: one sample through a network; read up for the way back"]
    for row in found.rows:
        lines.append(f"  {row.layer:<10} forward {_vector(row.output)}")
        lines.append(f"  {'':<10} back    {_vector(row.message)}")
    return "\n".join(lines)


def _name(layer: Layer) -> str:
    settings = layer.description.settings
    return str(settings.get("function", layer.description.kind))


def _vector(values: Array) -> str:
    return "".join(f"{value:9.4f}" for value in np.ravel(values))
