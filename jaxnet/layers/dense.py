"""The dense (fully-connected, affine) layer ``z = x W^T + b``."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_batch, check_choice, check_count, require
from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.functions.initializers import INITIALIZERS, Initializer


class Dense(NamedTuple):
    """Parameters of a dense layer.

    Attributes:
        weights: shape ``(out, in)``, row ``i`` belongs to neuron ``i``, as in the lectures.
        bias: shape ``(out,)``; None in a layer without.
    """

    weights: Array
    bias: Array | None

    __repr__ = represent


@cache_by_value
def dense(
    features: int,
    *,
    in_features: int | None = None,
    initializer: str | Initializer = "he_normal",
    bias_initializer: str | Initializer | None = "zeros",
    dtype: Any = None,
) -> Layer:
    """Return a dense layer of ``features`` neurons: ``z = x W^T + b``.

    By hand (lecture 001, affine rule, summed over the batch): ``dW = dz^T x``, ``db = sum dz``,
    ``dx = dz W``.

    Args:
        features: number of neurons, the layer's width.
        in_features: required number of inputs; by default that of ``in_shape``.
        initializer: of the weights, a name in `INITIALIZERS` or a function
            ``(key, shape, dtype) -> weights``.
        bias_initializer: the same for the bias; None for a layer without one.
        dtype: of the parameters; by default JAX's floating-point default.

    Raises:
        ValueError: for an unknown initializer, no features, or an input that is not a vector.

    >>> layer = dense(3)
    >>> params, _ = layer.init(jax.random.key(0), (4,))
    >>> params.weights.shape, params.bias.shape
    ((3, 4), (3,))
    >>> layer.apply(params, (), jnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    check_count("features", features)
    if isinstance(initializer, str):
        initializer = check_choice("initializer", initializer, INITIALIZERS)
    if isinstance(bias_initializer, str):
        bias_initializer = check_choice("bias_initializer", bias_initializer, INITIALIZERS)

    def out_shape(in_shape: Shape) -> Shape:
        fits = len(in_shape) == 1 and in_features in (None, in_shape[0])
        expected = f"to be ({'n' if in_features is None else in_features},)"
        flat = "The first width of a network is that of its inputs."
        remedy = flat if len(in_shape) == 1 else "Flatten each example."
        require(fits, "in_shape", expected, in_shape, remedy)
        return (features,)

    def init(key: Key, in_shape: Shape) -> tuple[Dense, tuple[()]]:
        out_shape(in_shape)
        kind = jnp.result_type(float) if dtype is None else dtype
        weights_key, bias_key = jax.random.split(key)
        weights = initializer(weights_key, (features, in_shape[0]), kind)
        if bias_initializer is None:
            return Dense(weights, None), ()
        return Dense(weights, bias_initializer(bias_key, (features,), kind)), ()

    return layer_from_forward(
        init=init,
        forward=_forward,
        backward=_backward,
        out_shape=out_shape,
        description=Description("dense", {"features": features}),
    )


def folded(params: Dense) -> Float[Array, "out columns"]:
    """Return weights and bias as one matrix, the bias at column 0: ``z = A (1, x)``.

    The view of lecture 001: a constant 1 at index 0 of the input has the bias for its weight. A
    layer without a bias gets a column of zeros.

    Args:
        params: of a dense layer of ``in`` inputs and ``out`` neurons.

    Returns:
        The matrix ``A = [b | W]``, shape ``(out, in + 1)``.

    >>> folded(Dense(jnp.array([[1.0, 2.0]]), jnp.array([3.0]))).tolist()
    [[3.0, 1.0, 2.0]]
    """
    w, b = params
    b = jnp.zeros(w.shape[:1], w.dtype) if b is None else b
    return jnp.concatenate([b[:, None], w], axis=1)


def unfolded(matrix: Float[Array, "..."]) -> Dense:
    """Return weights and bias apart: the inverse of `folded`.

    Args:
        matrix: ``[b | W]``, shape ``(out, in + 1)``.

    Raises:
        ValueError: if it is not a matrix, or has no column for the bias.

    Source: lecture 001.

    >>> unfolded(jnp.array([[3.0, 1.0, 2.0]])).weights.tolist()
    [[1.0, 2.0]]
    """
    fits = matrix.ndim == 2 and matrix.shape[1]
    require(fits, "matrix", "of shape (out, in + 1)", matrix.shape)
    return Dense(matrix[:, 1:], matrix[:, 0])


def products(x: Array, w: Array) -> Float[Array, "batch out"]:
    """Matrix product ``x w^T``, of a single example ``w x``.

    For a batch of one, XLA on a CPU would copy the transposed weights and then sum in a loop: a
    step of 784-100-100-10 with SGD takes 27 μs in plain JAX so, 10 μs as here.
    """
    return (w @ x.T).T if x.shape[0] == 1 else x @ w.T


def _forward(
    params: Dense, statistics: tuple[()], x: Array, *, key: Key | None, training: bool
) -> tuple[Float[Array, "batch out"], Array, tuple[()]]:
    del key, training
    w, b = params
    check_batch("x", x, w.shape[1:])
    z = products(x, w)
    return z if b is None else z + b[None, :], x, statistics


def _backward(params: Dense, residual: Array, dy: Array) -> tuple[Dense, Array]:
    x, dz = residual, dy
    db = None if params.bias is None else dz.sum(axis=0)
    return Dense(dz.T @ x, db), dz @ params.weights
