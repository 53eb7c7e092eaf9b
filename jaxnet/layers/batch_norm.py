"""Batch normalization: each feature standardized by its mini-batch, then scaled and shifted."""

import numbers
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_batch, check_choice, check_floating, check_ranges, require
from jaxnet.core.memory import cache_by_value
from jaxnet.core.precision import at_least_float32
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward
from jaxnet.layers.moving_moments import MovingMoments, PooledMoments, pool

Kept: TypeAlias = MovingMoments | PooledMoments
"""The statistics of batch normalization."""


class BatchNorm(NamedTuple):
    """Parameters of batch normalization.

    Attributes:
        scale: gamma, the standard deviation of the output, in the shape of one input; starts at 1.
        offset: beta, the mean of the output, likewise; starts at 0.
    """

    scale: Array
    offset: Array

    __repr__ = represent


class BatchNormResidual(NamedTuple):
    """Residual of the forward pass.

    Attributes:
        u: the standardized input.
        inverse_sigma: 1 / sqrt(variance + eps).
        from_batch: 1 if mean and variance were those of the mini-batch, which then depend on
            every input; 0 if they were the moving ones, which are constants.
    """

    u: Array
    inverse_sigma: Array
    from_batch: Array


class Convention(NamedTuple):
    """Convention of a library.

    Attributes:
        momentum: the default.
        weights_new: whether the momentum is the weight of the new value, or of the old one.
        unbiased: whether the moving variance averages the unbiased variance, with n - 1.
        eps: the default.
    """

    momentum: float
    weights_new: bool
    unbiased: bool
    eps: float


ConventionName: TypeAlias = Literal["lecture", "torch", "flax", "keras"]

CONVENTIONS: dict[str, Convention] = {
    "lecture": Convention(0.99, weights_new=False, unbiased=False, eps=1e-5),
    "torch": Convention(0.1, weights_new=True, unbiased=True, eps=1e-5),
    "flax": Convention(0.99, weights_new=False, unbiased=False, eps=1e-5),
    "keras": Convention(0.99, weights_new=False, unbiased=False, eps=1e-3),
}
"""Name -> convention, for each of `ConventionName`."""


@cache_by_value
def batch_norm(
    *,
    like: ConventionName = "lecture",
    momentum: float | Array | None = None,
    eps: float | Array | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a layer that standardizes each feature over the mini-batch.

    ``y = scale u + offset`` with ``u = (x - mu) / sigma`` and ``sigma = sqrt(variance + eps)``.
    In training, ``mu`` and ``variance`` are those of the mini-batch, the variance over n, and
    their moving averages ``a old + (1 - a) new`` are kept; otherwise the moving averages serve.
    Put it before an activation, as its inventors did, or after.

    By hand (lecture 004, corrected), with means over the examples of the mini-batch::

        dx      = scale / sigma (dy - mean(dy) - u mean(dy u))
        dscale  = sum(dy u)
        doffset = sum(dy)

    With the moving averages the two means drop out of ``dx``.

    Args:
        like: whose details: ``"lecture"`` and ``"flax"`` average the variance over n, with
            ``momentum`` 0.99 the weight of the old value and eps 1e-5; ``"keras"`` the same with
            eps 1e-3; ``"torch"`` averages the unbiased variance over n - 1, with ``momentum`` 0.1
            the weight of the new value and eps 1e-5. The slide averages sigma; everyone else the
            variance, as here.
        momentum: in [0, 1], in the convention's own sense; by default the convention's.
        eps: added to the variance, above 0; by default the convention's.
        dtype: of the parameters; by default JAX's floating-point default. The statistics, and the
            moments of a mini-batch, have at least the precision of float32.

    Raises:
        ValueError: for an unknown convention, or a momentum or eps out of range; when called, for
            inputs of another shape than that of ``init``, or none while training.
        TypeError: when called, for inputs that are not floating-point.

    Numerics: a constant feature, or a mini-batch of one, has variance exactly 0 and gives
    ``u = 0``; the unbiased variance of one example, which is not defined, counts as 0 too. So a
    last mini-batch of one draws the moving variance towards 0, by one weight of a new value: with
    PyTorch's 0.1 the outputs are then 5 % too large (PyTorch refuses it); ``short_batch="drop"``
    leaves it out, and `jaxnet.training.recompute_statistics` recomputes all after training. Where
    the variance overflows, in float32 for inputs beyond 1e19, ``u`` and ``dx`` are 0; so they are
    for a constant feature without eps: where it is traced and 0, or too small for the precision.

    Source: lecture 004, "batch normalization"; Ioffe and Szegedy 2015, algorithms 1 and 2.

    >>> layer = batch_norm()
    >>> params, statistics = layer.init(jax.random.key(0), (1,))
    >>> x = jnp.array([[1.0], [3.0]])
    >>> y, statistics = layer.apply(params, statistics, x, training=True)
    >>> y.round(3).tolist(), round(float(statistics.mean[0]), 3)
    ([[-1.0], [1.0]], 0.02)
    """
    chosen = check_choice("like", like, CONVENTIONS)
    a = chosen.momentum if momentum is None else momentum
    eps = chosen.eps if eps is None else eps
    check_ranges({"momentum": "[0, 1]", "eps": "(0, inf)"}, momentum=a, eps=eps)
    old_weight = 1 - a if chosen.weights_new else a

    def init(key: Key, in_shape: Shape) -> tuple[BatchNorm, MovingMoments]:
        del key
        kind = jnp.result_type(float) if dtype is None else dtype
        wide = at_least_float32(kind)
        params = BatchNorm(jnp.ones(in_shape, kind), jnp.zeros(in_shape, kind))
        return params, MovingMoments(jnp.zeros(in_shape, wide), jnp.ones(in_shape, wide))

    def forward(
        params: BatchNorm, statistics: Kept, x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], BatchNormResidual, Kept]:
        del key
        pools = isinstance(statistics, PooledMoments)
        _check_input(params, x, measures=training or pools)
        wide = x.astype(at_least_float32(x.dtype))
        how = {"training": training, "old_weight": old_weight, "unbiased": chosen.unbiased}
        moments, statistics = _look(statistics, wide, **how)
        inverse_sigma = _inverse_sigma(moments.variance, eps)
        u = ((wide - moments.mean[None]) * inverse_sigma[None]).astype(x.dtype)
        y = params.scale[None] * u + params.offset[None]
        from_batch = jnp.asarray(training and not pools, x.dtype)
        return y, BatchNormResidual(u, inverse_sigma.astype(x.dtype), from_batch), statistics

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=_backward,
        out_shape=lambda in_shape: in_shape,
        description=Description("batch_norm", {"like": like, "momentum": a, "eps": eps}),
    )


def _backward(params: BatchNorm, residual: BatchNormResidual, dy: Array) -> tuple[BatchNorm, Array]:
    u, inverse_sigma, from_batch = residual
    dscale, doffset = jnp.sum(dy * u, axis=0), jnp.sum(dy, axis=0)
    through_moments = (doffset[None] + u * dscale[None]) * (from_batch / len(dy))
    dx = (params.scale * inverse_sigma)[None] * (dy - through_moments)
    return BatchNorm(dscale, doffset), dx


def _inverse_sigma(variance: Array, eps: float | Array) -> Array:
    """Return 1 / sqrt(variance + eps); 0 for a constant feature if eps is 0."""
    square = variance + jnp.asarray(eps, variance.dtype)
    if isinstance(eps, numbers.Real) and eps >= jnp.finfo(square.dtype).tiny:
        return jax.lax.rsqrt(square)
    positive = square > 0
    return jnp.where(positive, jax.lax.rsqrt(jnp.where(positive, square, 1.0)), 0.0)


def _moments(x: Array) -> MovingMoments:
    """Return mean and variance over the first axis, exact for constant features."""
    shift = jax.lax.stop_gradient(x[0])  # it cancels out, and so does its gradient
    mean = shift + jnp.mean(x - shift[None], axis=0)
    return MovingMoments(mean, jnp.mean(jnp.square(x - mean[None]), axis=0))


def _look(
    statistics: Kept, x: Array, *, training: bool, old_weight: Any, unbiased: bool
) -> tuple[MovingMoments, Kept]:
    """Return the moments for standardization, and the updated statistics."""
    if isinstance(statistics, PooledMoments):
        return statistics.moving, pool(statistics, _moments(x), len(x), unbiased=unbiased)
    if not training:
        return statistics, statistics
    moments = _moments(x)
    return moments, _move(statistics, moments, old_weight, len(x), unbiased=unbiased)


def _move(
    old: MovingMoments, new: MovingMoments, old_weight: Any, examples: int, *, unbiased: bool
) -> MovingMoments:
    if unbiased:
        new = new._replace(variance=new.variance * (examples / max(examples - 1, 1)))
    return jax.tree.map(lambda o, n: _average(o, n, old_weight), old, new)


def _average(old: Array, new: Array, old_weight: Any) -> Array:
    of_old, of_new = (jnp.asarray(weight, old.dtype) for weight in (old_weight, 1 - old_weight))
    return of_old * old + of_new * new


def _check_input(params: BatchNorm, x: Array, *, measures: bool) -> None:
    check_batch("x", x, params.scale.shape)
    check_floating("x", x)
    require(len(x) or not measures, "x", "to hold 1 example or more", x.shape)
