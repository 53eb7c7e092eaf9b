"""The layer that lets the first so many units through, and no others: width as a number."""

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Bool, Float

from jaxnet.core.checks import check_whole
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward


def active_units(count: int | Array) -> Layer:
    """Return a layer that lets ``count`` units through: ``y_i = x_i`` for i < count, else 0.

    By hand: ``dx_i = dy_i`` for i < count, else 0. The shape stays what it is, so that one
    compiled program serves all widths up to its own: a sweep can go over them. What follows sees
    zeros, and no gradient comes back for the units that are off: neither their own weights nor
    those that lead on from them are trained.

    Args:
        count: how many, 1 or more and at most the last axis of ``x``; may be a traced integer,
            whose range is not checked.

    Raises:
        ValueError: for a count out of range.
        TypeError: for one that is no integer.

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
    """Raise unless a number of active units is an integer, and if known, from 1 to the width.

    Args:
        argument: how that names the number.
        count: the number; of a traced one only dtype and shape are looked at.
        width: how many units there are.

    Raises:
        ValueError: for a number out of range, or an array that is no scalar.
        TypeError: if it is no integer.
    """
    check_whole(argument, count)
    if width is not None and not isinstance(count, Tracer) and count > width:
        remedy = "Make the network as wide as the widest of the settings."
        raise invalid_value(argument, f"at most the width {width}", count, remedy)


def _let_through(active: Array, x: Array) -> Array:
    return jnp.where(active, x, jnp.zeros((), x.dtype))
