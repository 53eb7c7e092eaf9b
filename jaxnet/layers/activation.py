"""The activation layer: a function without parameters."""

from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Float

from jaxnet.core.checks import require_type
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.functions.activations import Activation, ActivationFunction, get_activation


@cache_by_value
def activation(function: str | ActivationFunction | Activation, **options: Any) -> Layer:
    """Return a layer ``y = f(z)``, shape for shape.

    By hand: ``dz = dy f'(z)`` entry by entry, ``dz = J^T dy`` for a vector activation
    (lecture 001).

    Args:
        function: a name in `jaxnet.activations.ACTIVATIONS`; an `Activation`, which brings its
            backward rule; or any differentiable function, whose rule autodiff derives, and which
            counts as entrywise.
        options: keywords of a function given by name, such as ``alpha=0.5`` for
            ``"elu"``.

    Raises:
        ValueError: for an unknown name; the known ones are listed. For an option out of range.
        TypeError: for an option that the function does not have, or one without a name.

    >>> import jax.numpy as jnp
    >>> activation("relu").apply((), (), jnp.array([[-1.0, 2.0]]))[0].tolist()
    [[0.0, 2.0]]
    >>> leaky = activation("leaky_relu", negative_slope=0.25)
    >>> leaky.apply((), (), jnp.array([[-1.0, 2.0]]))[0].tolist()
    [[-0.25, 2.0]]
    """
    pair = _pair(function, options)

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], tuple[Array, Array], tuple[()]]:
        del params, key, training
        y = pair.function(x)
        return y, (x, y), statistics

    def backward(
        params: tuple[()], residual: tuple[Array, Array], dy: Array
    ) -> tuple[tuple[()], Array]:
        z, y = residual
        return params, pair.backward(z, y, dy)

    name = function if isinstance(function, str) else getattr(pair.function, "__name__", "function")
    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: in_shape,
        description=Description(
            "activation", {"function": name, **options}, entrywise=pair.entrywise
        ),
    )


def _pair(
    function: str | ActivationFunction | Activation, options: Mapping[str, Any]
) -> Activation:
    if isinstance(function, str):
        return get_activation(function, **options)
    remedy = "Bind them with functools.partial."
    require_type(not options, "options", "to come with a name", ", ".join(options), remedy)
    if isinstance(function, Activation):
        return function
    return Activation(function, _autodiff_rule(function))


def _autodiff_rule(function: ActivationFunction):
    def rule(z: Array, y: Array, dy: Array) -> Array:
        del y
        return jax.vjp(function, z)[1](dy)[0]

    return rule
