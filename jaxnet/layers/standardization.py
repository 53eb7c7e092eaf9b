"""Input standardization to mean 0 and standard deviation 1 over the training examples."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxnet.core.checks import check_count, check_finite, require, require_type
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array, Description, Key, Layer, Shape, layer_from_forward


class Moments(NamedTuple):
    """Mean and standard deviation of each feature.

    Attributes:
        mean: shape ``in_shape``.
        std: shape ``in_shape``, above 0: 1 for a constant feature.
    """

    mean: AnyArray
    std: AnyArray

    __repr__ = represent


def moments(examples: AnyArray, *, ddof: int = 0) -> Moments:
    """Return each feature's mean and standard deviation over the examples.

    ``mean = sum_n x_n / N``, ``std = sqrt(sum_n (x_n - mean)^2 / (N - ddof))``. A feature that is
    the same in all examples gets that value for its mean and 1 for its std, so that it
    standardizes to 0 and nothing is divided by zero.

    Args:
        examples: shape ``(N, *in_shape)``, with one axis or more after the first; real numbers.
        ddof: delta degrees of freedom: 0 for the variance over N (lecture 004), 1 for N - 1
            (lecture 002).

    Returns:
        Arrays of NumPy in float64, of shape ``in_shape``.

    Raises:
        TypeError: if the examples are not real numbers.
        ValueError: if they have no axis of features, hold NaN or infinities, or are not more than
            ``ddof``.

    >>> mean, std = moments(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> mean.tolist(), std.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    ddof = check_count("ddof", ddof, minimum=0)
    values = np.asarray(examples)
    real = any(jnp.issubdtype(values.dtype, kind) for kind in (jnp.floating, jnp.integer, bool))
    require_type(real, "examples", "to be real numbers", values.dtype)
    remedy = "For one feature per example use x[:, None]."
    require(values.ndim > 1, "examples", "of shape (examples, *in_shape)", values.shape, remedy)
    require(len(values) > ddof, "examples", f"to be more than ddof = {ddof}", len(values))
    check_finite("examples", values)
    constant = values.min(axis=0) == values.max(axis=0)
    mean = np.where(constant, values[0], values.mean(axis=0, dtype=np.float64))
    std = np.where(constant, 1.0, values.std(axis=0, dtype=np.float64, ddof=ddof))
    return Moments(mean.astype(np.float64), std)


def standardize(examples: AnyArray, *, ddof: int = 0, dtype: Any = None) -> Layer:
    """Return a layer ``y = (x - mean) / std`` with the moments of the training examples.

    Each feature by itself: over the training examples ``y`` has mean 0 and standard deviation 1.
    By hand: ``dx = dy / std``. The moments are the layer's statistics, so that they are saved
    with the network and evaluation uses them, too; no pass changes them. Integers, such as
    pixels of one byte, become floating-point.

    Args:
        examples: of the training split alone, shape ``(N, *in_shape)``: moments that have seen
            the test split leak it.
        ddof: as for `moments`: 0 divides the variance by N, 1 by N - 1.
        dtype: of the output; by default JAX's floating-point default.

    Raises:
        TypeError: if the examples are not real numbers.
        ValueError: as `moments`, or for inputs of another shape than ``in_shape``.

    Numerics: the moments are computed in float64 and rounded to ``dtype``; a feature whose mean
    exceeds its std 10^n times loses n of the digits that ``dtype`` has. A feature constant in the
    training examples gives ``y = x - mean``: 0 as long as it is constant.

    Source: lecture 004 (N), lecture 002 (N - 1).

    >>> import jax
    >>> layer = standardize(np.array([[1, 5], [3, 5]]))
    >>> _, statistics = layer.init(jax.random.key(0), (2,))
    >>> layer.apply((), statistics, jnp.array([[1, 5], [4, 5]]))[0].tolist()
    [[-1.0, 0.0], [2.0, 0.0]]
    """
    mean, std = moments(examples, ddof=ddof)

    def out_shape(in_shape: Shape) -> Shape:
        require(in_shape == mean.shape, "in_shape", f"to be {mean.shape}", in_shape)
        return in_shape

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], Moments]:
        del key
        out_shape(in_shape)
        kind = jnp.result_type(float) if dtype is None else dtype
        rounded = jnp.asarray(std, kind)
        # what is constant in this dtype only, its std too small for it, is as constant
        safe = jnp.where(rounded == 0, jnp.ones_like(rounded), rounded)
        return (), Moments(jnp.asarray(mean, kind), safe)

    def forward(
        params: tuple[()], statistics: Moments, x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], tuple[Array, Array], Moments]:
        del params, key, training
        out_shape(x.shape[1:])
        mean, std = statistics
        y = (x.astype(mean.dtype) - mean[None]) / std[None]
        return y, (jnp.asarray(std), jnp.zeros((), x.dtype)), statistics

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=_backward,
        out_shape=out_shape,
        description=Description("standardize", {"ddof": ddof, "in_shape": mean.shape}),
    )


def _backward(
    params: tuple[()], residual: tuple[Array, Array], dy: Array
) -> tuple[tuple[()], Array]:
    std, like_x = residual
    dx = dy / std[None]
    floating = jnp.issubdtype(like_x.dtype, jnp.floating)
    return params, dx.astype(like_x.dtype) if floating else dx
