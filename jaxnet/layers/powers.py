"""The powers of a number: the features of a polynomial."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_count, check_floating, require
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward


@cache_by_value
def powers(degree: int) -> Layer:
    """Return a layer ``y = (x, x^2, ..., x^degree)`` of one number ``x``.

    By hand: ``dx = sum_k k x^(k-1) dy_k``. The power 0 is the next layer's bias.

    Args:
        degree: the highest power, 1 or more.

    Raises:
        ValueError: for a degree below 1, or an input that is not one number.
        TypeError: when called with integers.

    Source: lecture 004, the polynomial machine.

    >>> powers(3).apply((), (), jnp.array([[2.0], [-1.0]]))[0].tolist()
    [[2.0, 4.0, 8.0], [-1.0, 1.0, -1.0]]
    """
    check_count("degree", degree)

    def out_shape(in_shape: Shape) -> Shape:
        require(in_shape == (1,), "in_shape", "to be (1,)", in_shape)
        return (degree,)

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key
        out_shape(in_shape)
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "batch degree"], Float[Array, "batch 1"], tuple[()]]:
        del params, key, training
        check_floating("x", x)
        out_shape(x.shape[1:])
        return _powers(x, degree), x, statistics

    def backward(params: tuple[()], residual: Array, dy: Array) -> tuple[tuple[()], Array]:
        x = residual
        below = jnp.concatenate([jnp.ones_like(x), _powers(x, degree)[:, :-1]], axis=1)
        k = jnp.arange(1, degree + 1, dtype=dy.dtype)[None, :]
        return params, (k * below * dy).sum(axis=1, keepdims=True)

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=out_shape,
        description=Description("powers", {"degree": degree}),
    )


def _powers(x: Array, degree: int) -> Array:
    """Return the powers by integer exponents, whose derivative at 0 is finite."""
    return jnp.concatenate([jax.lax.integer_pow(x, k) for k in range(1, degree + 1)], axis=1)
