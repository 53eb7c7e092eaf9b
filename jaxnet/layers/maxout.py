"""The maxout layer: the maximum of several affine functions per neuron."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Float, Int

from jaxnet.core.checks import check_count
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.functions.initializers import Initializer
from jaxnet.layers.dense import Dense, dense


@cache_by_value
def maxout(
    features: int,
    pieces: int,
    *,
    in_features: int | None = None,
    initializer: str | Initializer = "he_normal",
    bias_initializer: str | Initializer | None = "zeros",
    dtype: Any = None,
) -> Layer:
    """Return a layer of maxout neurons: ``y_j = max_k z_jk`` with ``z_jk = w_jk x + b_jk``.

    It learns its activation: a convex, piecewise linear function of ``pieces`` pieces. By hand:
    ``dz_jk = dy_j`` for the largest piece, the first of them if several are equal, and 0 for the
    others; from ``z`` to ``x`` it is a dense layer.

    Its parameters are a `Dense` of ``features * pieces`` rows, of which row ``j * pieces + k``
    is piece ``k`` of neuron ``j``: weights ``(features * pieces, in)``, bias
    ``(features * pieces,)``.

    Args:
        features: number of neurons.
        pieces: number of affine functions for each; a maxout layer of 1 is a dense layer.
        in_features: as for `dense`.
        initializer: of the weights, as for `dense`, whose shape is that of all pieces.
        bias_initializer: of the bias, as for `dense`.
        dtype: of the parameters, as for `dense`.

    Raises:
        ValueError: for no features or no pieces; otherwise as `dense`, which also signs for it.

    Numerics: NaN in a piece comes out as NaN.

    Source: Goodfellow et al. 2013, section 2.

    >>> magnitude = Dense(jnp.array([[1.0], [-1.0]]), jnp.zeros(2))
    >>> maxout(1, 2).apply(magnitude, (), jnp.array([[-3.0], [2.0]]))[0].tolist()
    [[3.0], [2.0]]
    """
    features, pieces = check_count("features", features), check_count("pieces", pieces)
    affine = dense(
        features * pieces,
        in_features=in_features,
        initializer=initializer,
        bias_initializer=bias_initializer,
        dtype=dtype,
    )

    def out_shape(in_shape: Shape) -> Shape:
        affine.out_shape(in_shape)
        return (features,)

    def forward(
        params: Dense, statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "batch out"], tuple[Array, Int[Array, "batch out 1"]], tuple[()]]:
        z, kept, statistics = affine.forward(params, statistics, x, key=key, training=training)
        z = z.reshape(-1, features, pieces)
        # through the index, so that autodiff gives ties to the first, too: max would share them
        largest = jnp.argmax(z, axis=-1, keepdims=True)
        return jnp.take_along_axis(z, largest, axis=-1)[..., 0], (kept, largest), statistics

    def backward(
        params: Dense, residual: tuple[Array, Array], dy: Array
    ) -> tuple[Dense, Float[Array, "batch in"]]:
        kept, largest = residual
        wins = largest == jnp.arange(pieces, dtype=largest.dtype)[None, None, :]
        dz = jnp.where(wins, dy[:, :, None], jnp.zeros((), dy.dtype))
        return affine.backward(params, kept, dz.reshape(len(dy), features * pieces))

    return layer_from_forward(
        init=affine.init,
        forward=forward,
        backward=backward,
        out_shape=out_shape,
        description=Description("maxout", {"features": features, "pieces": pieces}),
    )
