"""Combinators: layers made of layers."""

import functools
from typing import Any

import jax

from jaxnet.core.types import Array, Key, Layer, Shape, layer_from_forward


def serial(*layers: Layer) -> Layer:
    """Return the composition of layers, each fed with the output of the one before.

    `forward` is forward propagation, `backward` is backpropagation (lecture 001): from the last
    layer to the first, each turns the gradient with respect to its output into those with respect
    to its parameters and its input. Parameters, statistics and residuals are tuples, one entry a
    layer. Layer ``i`` draws from ``jax.random.fold_in(key, i)``.

    >>> import jax.numpy as jnp
    >>> from jaxnet.layers import activation, dense
    >>> network = serial(dense(3), activation("relu"), dense(2))
    >>> network.out_shape((5,))
    (2,)
    """

    def out_shape(in_shape: Shape) -> Shape:
        return functools.reduce(lambda shape, layer: layer.out_shape(shape), layers, in_shape)

    def init(key: Key, in_shape: Shape) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        params, statistics = [], []
        for i, layer in enumerate(layers):
            layer_params, layer_statistics = layer.init(jax.random.fold_in(key, i), in_shape)
            params.append(layer_params)
            statistics.append(layer_statistics)
            in_shape = layer.out_shape(in_shape)
        return tuple(params), tuple(statistics)

    def forward(
        params: tuple[Any, ...],
        statistics: tuple[Any, ...],
        x: Array,
        *,
        key: Key | None,
        training: bool,
    ) -> tuple[Array, tuple[Any, ...], tuple[Any, ...]]:
        residuals, updated = [], []
        for i, layer in enumerate(layers):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            x, residual, layer_statistics = layer.forward(
                params[i], statistics[i], x, key=layer_key, training=training
            )
            residuals.append(residual)
            updated.append(layer_statistics)
        return x, tuple(residuals), tuple(updated)

    def backward(
        params: tuple[Any, ...], residual: tuple[Any, ...], dy: Array
    ) -> tuple[tuple[Any, ...], Array]:
        dparams = []
        for i in reversed(range(len(layers))):
            layer_dparams, dy = layers[i].backward(params[i], residual[i], dy)
            dparams.append(layer_dparams)
        return tuple(reversed(dparams)), dy

    return layer_from_forward(init=init, forward=forward, backward=backward, out_shape=out_shape)
