"""The activation layer: a function without parameters, applied to what comes in."""

import jax
from jaxtyping import Float

from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.functions.activations import Activation, ActivationFunction, get_activation


def activation(function: str | ActivationFunction | Activation) -> Layer:
    """Return a layer ``y = f(z)``, shape for shape.

    By hand: ``dz = dy f'(z)`` entry by entry, ``dz = J^T dy`` for a vector activation
    (lecture 001).

    Args:
        function: a name in `jaxnet.activations.ACTIVATIONS`; an `Activation`, which brings its
            backward rule; or any differentiable function, whose rule autodiff derives.

    Raises:
        ValueError: for an unknown name; the known ones are listed.

    >>> import jax.numpy as jnp
    >>> activation("relu").apply((), (), jnp.array([[-1.0, 2.0]]))[0].tolist()
    [[0.0, 2.0]]
    """
    if isinstance(function, str):
        pair = get_activation(function)
    elif isinstance(function, Activation):
        pair = function
    else:
        pair = Activation(function, _autodiff_rule(function))

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
        description=Description("activation", {"function": name}),
    )


def _autodiff_rule(function: ActivationFunction):
    def rule(z: Array, y: Array, dy: Array) -> Array:
        del y
        return jax.vjp(function, z)[1](dy)[0]

    return rule
