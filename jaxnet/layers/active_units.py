"""The layer that masks all but the first units: network width as a number."""

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Bool, Float

from jaxnet.core.checks import check_whole, require
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward


@cache_by_value
def active_units(count: int | Array) -> Layer:
    """Return a layer that masks all but ``count`` units: ``y_i = x_i`` for i < count, else 0.

    By hand: ``dx_i = dy_i`` for i < count, else 0. The shape is unchanged, so that one
    compiled program serves all smaller widths, as in a sweep. Masked units output zeros and receive
    no gradient: neither their incoming nor their outgoing weights are trained.

    Args:
        count: how many, 1 or more and at most the last axis of ``x``; may be a traced integer,
            whose range is not checked.

    Raises:
        ValueError: for a count out of range.
        TypeError: for other types than integers.

    >>> active_units(2).apply((), (), jnp.array([[5.0, 6.0, 7.0]]))[0].tolist()
    [[5.0, 6.0, 0.0]]
    """
    check_active("count", count)

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key
        out_shape(in_shape)
        return (), ()

    def out_shape(in_shape: Shape) -> Shape:
        check_active("count", count, width=in_shape[-1])
        return in_shape

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], Bool[Array, "..."], tuple[()]]:
        del params, key, training
        index = jax.lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        active = index < jnp.asarray(count, jnp.int32)
        return _let_through(active, x), active, statistics

    def backward(params: tuple[()], residual: Array, dy: Array) -> tuple[tuple[()], Array]:
        return params, _let_through(residual, dy)

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=out_shape,
        description=Description("active_units", {"count": count}),
    )


def check_active(argument: str, count: int | Array, *, width: int | None = None) -> None:
    """Check that a number of active units is an integer from 1 to the width, if known.

    Args:
        argument: how that names the number.
        count: the number; of a traced one only dtype and shape are looked at.
        width: how many units there are.

    Raises:
        ValueError: for a number out of range, or an array that is not a scalar.
        TypeError: if it is not an integer.
    """
    check_whole(argument, count)
    if width is not None and not isinstance(count, Tracer):
        require(int(count) <= width, argument, f"at most the width {width}", count)


def _let_through(active: Array, x: Array) -> Array:
    return jnp.where(active, x, jnp.zeros((), x.dtype))
