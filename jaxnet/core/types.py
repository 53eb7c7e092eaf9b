"""Shared types: arrays, parameters, and the layer."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.representation import representation

Array: TypeAlias = jax.Array
AnyArray: TypeAlias = jax.Array | np.ndarray
"""An array on the device or on the host."""

Number: TypeAlias = float | Array
"""A Python number, or a 0-d array, which may be traced."""

Key: TypeAlias = jax.Array
"""A PRNG key as `jax.random.key` makes it."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of one example, without the batch dimension."""

Params: TypeAlias = Any
"""A pytree of arrays that the gradient is taken with respect to."""

Statistics: TypeAlias = Any
"""A pytree of arrays that a layer updates itself, such as moving averages; often empty."""

Residual: TypeAlias = Any
"""Values that a layer's forward pass keeps for its backward pass."""

ElementwiseLoss: TypeAlias = Callable[[Array, Array], Array]
"""``(outputs, targets) -> one value per example``: the form of every loss and metric."""


@dataclasses.dataclass(frozen=True, eq=False)
class Description:
    """Description of a layer, for the tape, the interchange and summaries.

    Equal only to itself, so that a layer can be hashed whatever its settings are.

    Attributes:
        kind: name of the function that made the layer, such as ``"dense"``.
        settings: the arguments of that function that others read.
        parts: the layers that a combinator is made of, in the order of its parameters.
        entrywise: whether it is an activation, each unit of which has a slope ``f'(z)``.
        facts: what a representation shows besides, such as the number of parameters.
    """

    kind: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parts: tuple["Layer", ...] = ()
    entrywise: bool = False
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        kinds = str | int | float | AnyArray
        plain = {name: v for name, v in self.settings.items() if isinstance(v, kinds)}
        values, fields = (plain.values(), {}) if len(plain) == 1 else ((), plain)
        return representation(self.kind, *values, *self.parts, **fields, **self.facts)


class Layer(NamedTuple):
    """A layer: five pure functions. A network is a layer too, made of layers by `serial`.

    The one law that each layer keeps: `backward` equals ``jax.vjp`` of `apply`.

    Attributes:
        init: ``(key, in_shape) -> (params, statistics)``. ``in_shape`` leaves out the batch.
        apply: ``(params, statistics, x, *, key, training) -> (y, statistics)``, where ``x`` is
            a batch. ``key`` is needed by random layers while ``training``, else None will do.
        forward: the same computation by hand, ``-> (y, residual, statistics)``.
        backward: ``(params, residual, dy) -> (dparams, dx)``, the hand-derived gradient:
            ``dy`` is the gradient of the risk with respect to the output.
        out_shape: ``in_shape -> out_shape``; raises ValueError where the layer does not fit.
        description: kind, settings and parts of the layer.
    """

    init: Callable[[Key, Shape], tuple[Params, Statistics]]
    apply: Callable[..., tuple[Array, Statistics]]
    forward: Callable[..., tuple[Array, Residual, Statistics]]
    backward: Callable[[Params, Residual, Array], tuple[Params, Array]]
    out_shape: Callable[[Shape], Shape]
    description: Description

    def __repr__(self) -> str:
        return repr(self.description)


def layer_from_forward(
    *,
    init: Callable[[Key, Shape], tuple[Params, Statistics]],
    forward: Callable[..., tuple[Array, Residual, Statistics]],
    backward: Callable[[Params, Residual, Array], tuple[Params, Array]],
    out_shape: Callable[[Shape], Shape],
    description: Description | None = None,
) -> Layer:
    """Build a layer whose `apply` is `forward` without the residual."""

    def apply(
        params: Params,
        statistics: Statistics,
        x: Array,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, Statistics]:
        y, _, statistics = forward(params, statistics, x, key=key, training=training)
        return y, statistics

    return Layer(init, apply, forward, backward, out_shape, description or Description("layer"))
