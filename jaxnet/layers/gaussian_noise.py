"""The noise layer: additive normal noise while training."""

import numbers

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_floating, check_scalar
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.layers.dropout import require_key


@cache_by_value
def gaussian_noise(stddev: float | Array) -> Layer:
    """Return a layer that adds normal noise while training: ``y = x + stddev n``.

    ``n`` is standard normal, drawn for every entry and step, the same in all precisions but
    for rounding; without training ``y = x``. By hand: ``dx = dy``. On the inputs of a linear
    regression it adds ``stddev^2 |w|^2`` to the expected squared error: it is an L2 penalty.

    Args:
        stddev: standard deviation of the noise, 0 or more, in the unit of ``x``; may be a traced
            number.

    Raises:
        ValueError: for one out of range; when called, if ``training`` comes without a key.
        TypeError: when called with integers.

    Source: lecture 004, augmentation by noise; Bishop 1995, "Training with noise is equivalent
    to Tikhonov regularization".

    >>> x = jnp.ones((1000, 10))
    >>> noisy, _ = gaussian_noise(0.5).apply((), (), x, key=jax.random.key(0), training=True)
    >>> round(float(noisy.std()), 1), bool((gaussian_noise(0.5).apply((), (), x)[0] == x).all())
    (0.5, True)
    """
    check_scalar("stddev", stddev, low=0.0)
    never = isinstance(stddev, numbers.Real) and stddev == 0

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], tuple[()], tuple[()]]:
        del params
        check_floating("x", x)
        if not training or never:
            return x, (), statistics
        # drawn in float32 always: the same noise in every precision
        noise = jax.random.normal(require_key(key), x.shape, jnp.float32)
        return x + jnp.asarray(stddev, x.dtype) * noise.astype(x.dtype), (), statistics

    def backward(params: tuple[()], residual: tuple[()], dy: Array) -> tuple[tuple[()], Array]:
        del residual
        return params, dy

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: in_shape,
        description=Description("gaussian_noise", {"stddev": stddev}),
    )
