"""Weight sharing: a pool of layers that are used repeatedly."""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import jax

from jaxnet.core.checks import check_count, require
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
from jaxnet.layers.branches import add, common_shape
from jaxnet.layers.compose import Message, check_layers, fold_key, init_each

Uses: TypeAlias = tuple[tuple[int, ...], ...]
"""For each step, the indices of the layers whose outputs it sums."""


def shared(*layers: Layer, uses: Sequence[int | tuple[int, ...]]) -> Layer:
    """Return a network whose steps use layers of a pool, some of them repeatedly.

    A step applies one or several layers of the pool to the same ``x`` and sums their outputs,
    ``x <- sum_i layer_i(x)``; the next step goes on from there. By hand: through the steps in
    reverse, ``dx`` is the sum over the layers of a step, and ``dparams`` of a layer the sum over
    its uses. Parameters and statistics have one entry per layer of the pool, residuals one a use.
    Statistics pass through the uses in their order; use ``n`` draws from
    ``jax.random.fold_in(key, n)``, counted from 0.

    Args:
        layers: the pool, one or more.
        uses: one entry a step, the index of a layer or a tuple of indices; every layer of the
            pool must occur. A layer that occurs twice in one step counts twice.

    Raises:
        TypeError: if an index is not an integer.
        ValueError: for no layers, an index out of range, a step of none, a layer never used, a
            layer used for inputs of two shapes, or outputs of one step that differ in shape.

    Source: lecture 002; the loop over its ModuleList, ``x = linears[i // 2](x) + l(x)``, is
    ``uses=[(i // 2, i) for i in range(10)]``.

    >>> import jax.numpy as jnp
    >>> from jaxnet.layers import rescale
    >>> double = shared(rescale(2.0), uses=[0, 0, (0, 0)])
    >>> double.apply(((),), ((),), jnp.array([[1.0]]))[0].tolist()
    [[16.0]]
    """
    require(layers, "layers", "to be one or more", "none")
    check_layers(layers)
    steps = _as_steps(uses, len(layers))

    def init(key: Key, in_shape: Shape) -> tuple[Params, Statistics]:
        in_shapes, _ = shapes_of_pool(layers, steps, in_shape)
        return init_each(layers, key, in_shapes)

    return layer_from_forward(
        init=init,
        forward=functools.partial(_forward, layers, steps),
        backward=functools.partial(_backward, layers, steps),
        out_shape=lambda in_shape: shapes_of_pool(layers, steps, in_shape)[1],
        description=Description("shared", {"uses": steps}, layers),
    )


def _forward(
    layers: Sequence[Layer],
    steps: Uses,
    params: Params,
    statistics: Statistics,
    x: Array,
    *,
    key: Key | None,
    training: bool,
) -> tuple[Array, Residual, Statistics]:
    updated = list(statistics)
    residuals: list[Residual] = []
    for number, indices in enumerate(steps):
        ys = []
        for i in indices:
            use_key = fold_key(key, len(residuals))
            use = layers[i].forward(params[i], updated[i], x, key=use_key, training=training)
            y, residual, updated[i] = use
            ys.append(y)
            residuals.append(residual)
        _step_shape(number, [y.shape[1:] for y in ys])
        x = add(ys)
    return x, tuple(residuals), tuple(updated)


def _backward(
    layers: Sequence[Layer], steps: Uses, params: Params, residual: Residual, dy: Array
) -> tuple[Params, Array]:
    kept = list(residual)
    dparams: list[list[Params]] = [[] for _ in layers]
    for indices in reversed(steps):
        dxs = []
        for i in reversed(indices):
            message = Message(*layers[i].backward(params[i], kept.pop(), dy))
            dparams[i].append(message.dparams)
            dxs.append(message.dx)
        dy = add(dxs)
    return tuple(_add_trees(uses) for uses in dparams), dy


def shapes_of_pool(
    layers: Sequence[Layer], steps: Uses, in_shape: Shape
) -> tuple[tuple[Shape, ...], Shape]:
    """Return the input shape of each layer of the pool, and the shape after the last step."""
    in_shapes: dict[int, Shape] = {}
    for number, indices in enumerate(steps):
        for i in indices:
            first = in_shapes.setdefault(i, in_shape)
            actual = f"{first} and, in step {number}, {in_shape}"
            require(first == in_shape, "uses", f"to give layer {i} inputs of one shape", actual)
        in_shape = _step_shape(number, [layers[i].out_shape(in_shape) for i in indices])
    return tuple(in_shapes[i] for i in range(len(layers))), in_shape


def _as_steps(uses: Sequence[int | tuple[int, ...]], count: int) -> Uses:
    """Return the uses as tuples of indices, checked to be in range and to cover all layers."""
    steps = tuple(step if isinstance(step, tuple) else (step,) for step in uses)
    for number, indices in enumerate(steps):
        require(indices, f"uses[{number}]", "to name a layer", "none")
        for i in indices:
            index = check_count(f"uses[{number}]", i, minimum=0)
            require(index < count, f"uses[{number}]", f"< {count}, the number of layers", i)
    unused = sorted(set(range(count)) - {i for indices in steps for i in indices})
    require(not unused, "uses", "to name every layer", f"none of {unused}")
    return steps


def _step_shape(number: int, shapes: Sequence[Shape]) -> Shape:
    return common_shape(f"the layers of step {number}", shapes)


def _add_trees(trees: Sequence[Params]) -> Params:
    return jax.tree.map(lambda *leaves: add(leaves), *trees)
