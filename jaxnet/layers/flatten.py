"""The layer that makes a row of each example."""

import math

from jaxtyping import Float

from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward


@cache_by_value
def flatten() -> Layer:
    """Return a layer that makes one row of each example's entries, such as an image's pixels.

    From shape ``(batch, ...)`` to ``(batch, entries)``, the last axis fastest. By hand: ``dx`` is
    ``dy`` in the shape of ``x``.

    Source: lecture 002, ``torch.nn.Sequential``.

    >>> import jax.numpy as jnp
    >>> flatten().apply((), (), jnp.zeros((5, 28, 28)))[0].shape
    (5, 784)
    """

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "batch entries"], Array, tuple[()]]:
        del params, key, training
        # an array without entries stores the shape of an example
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), x[:0], statistics

    def backward(params: tuple[()], residual: Array, dy: Array) -> tuple[tuple[()], Array]:
        return params, dy.reshape(-1, *residual.shape[1:])

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: (math.prod(in_shape),),
        description=Description("flatten"),
    )
