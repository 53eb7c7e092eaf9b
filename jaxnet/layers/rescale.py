"""The rescaling layer ``y = scale x + offset``."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_range
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward


@cache_by_value
def rescale(scale: float | Array, offset: float | Array = 0.0, *, dtype: Any = None) -> Layer:
    """Return a layer ``y = scale x + offset`` that also turns integers into floating-point.

    With it, pixels stay one byte each in memory and become numbers batch by batch. By hand:
    ``dx = scale dy``.

    Args:
        scale: factor; ``1 / 255`` maps pixels to [0, 1].
        offset: summand, after the factor.
        dtype: of the output; by default JAX's floating-point default.

    Raises:
        ValueError: if scale or offset is not finite.

    >>> rescale(1 / 255).apply((), (), jnp.array([[0, 255]], jnp.uint8))[0].tolist()
    [[0.0, 1.0]]
    """
    check_range("scale", scale)
    check_range("offset", offset)

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], Array, tuple[()]]:
        del params, key, training
        kind = jnp.result_type(float) if dtype is None else dtype
        y = x.astype(kind) * jnp.asarray(scale, kind) + jnp.asarray(offset, kind)
        return y, jnp.zeros((), x.dtype), statistics  # the residual holds the input's dtype

    def backward(params: tuple[()], residual: Array, dy: Array) -> tuple[tuple[()], Array]:
        dx = dy * jnp.asarray(scale, dy.dtype)
        floating = jnp.issubdtype(residual.dtype, jnp.floating)
        return params, dx.astype(residual.dtype) if floating else dx

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: in_shape,
        description=Description("rescale", {"scale": scale, "offset": offset}),
    )
