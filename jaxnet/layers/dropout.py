"""Dropout: random masking of units while training."""

import math
import numbers
from typing import Literal, NamedTuple, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from jaxnet.core.checks import check_choice, check_floating, check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward

DropoutForm: TypeAlias = Literal["inverted", "lecture"]


class DropoutResidual(NamedTuple):
    """Residual of the forward pass.

    Attributes:
        mask: which units were kept, in the shape of the input, or ``(batch, 1, ...)``.
        factor: of the kept entries, a scalar.
    """

    mask: Array
    factor: Array


@cache_by_value
def dropout(
    drop_rate: float | Array, *, like: DropoutForm = "inverted", whole_examples: bool = False
) -> Layer:
    """Return a layer that sets each entry to 0 with probability ``drop_rate`` while training.

    With ``m`` the random mask of 0 and 1, and ``q = 1 - drop_rate`` the probability to be kept:
    the inverted form is ``y = m x / q`` in training and ``y = x`` otherwise; the lecture's form is
    ``y = m x`` in training and ``y = q x`` otherwise, which is the same as scaling the next
    layer's weights by q after training. In both, the expected output of training is the output
    otherwise. By hand: ``dx = m dy / q`` or ``dx = m dy``.

    Args:
        drop_rate: probability to drop a unit, in [0, 1); may be a traced number, or an array.
            Lecture 004 keeps 0.8 of the inputs and 0.5 of the hidden units: drop rates 0.2 and
            0.5.
        like: ``"inverted"``, as all libraries have it, or ``"lecture"``.
        whole_examples: whether to drop all entries of an example together. At the end of a branch,
            ``residual(serial(..., dropout(0.2, whole_examples=True)))``, that is stochastic depth.

    Raises:
        ValueError: for an unknown form or a rate out of range; when called, if ``training`` comes
            without a key.

    Numerics: see `keep_mask` for how the mask is drawn, and how exact its probability is. An array
    or a traced number may be 1, as a sweep's end may be: all is dropped, and the gradient is 0.

    Source: lecture 004, "dropout"; Srivastava et al. 2014, sections 4 and 10; for whole examples
    lecture 002, "Beyond training error", and Huang et al. 2016, section 3.

    >>> layer = dropout(0.5)
    >>> x = jnp.ones((1, 8))
    >>> sorted(set(layer.apply((), (), x, key=jax.random.key(0), training=True)[0][0].tolist()))
    [0.0, 2.0]
    >>> layer.apply((), (), x)[0].tolist() == x.tolist()
    True
    """
    check_range("drop_rate", drop_rate, low=0.0, high=1.0, high_open=True)
    check_choice("like", like, dict.fromkeys(get_args(DropoutForm)))
    settings = {"drop_rate": drop_rate, "like": like}
    settings |= {"whole_examples": True} if whole_examples else {}
    never = isinstance(drop_rate, numbers.Real) and drop_rate == 0
    keep = 1 - drop_rate

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], DropoutResidual, tuple[()]]:
        del params
        check_floating("x", x)
        scaled = (like == "inverted") == training
        factor = (_inverse(keep) if training else keep) if scaled else 1.0
        shape = (x.shape[0], *(1 for _ in x.shape[1:])) if whole_examples else x.shape
        residual = DropoutResidual(
            _mask(key, shape, drop_rate) if training and not never else jnp.ones(shape, bool),
            jnp.asarray(factor, x.dtype),
        )
        return _masked(residual, x), residual, statistics

    def backward(
        params: tuple[()], residual: DropoutResidual, dy: Array
    ) -> tuple[tuple[()], Array]:
        return params, _masked(residual, dy)

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: in_shape,
        description=Description("dropout", settings),
    )


def _masked(residual: DropoutResidual, x: Array) -> Array:
    return jnp.where(residual.mask, x * residual.factor, jnp.zeros_like(x))


def _inverse(keep: float | Array) -> float | Array:
    """Return 1 / keep, and 0 for keep = 0."""
    if isinstance(keep, numbers.Real):
        return 1 / keep
    some = keep > 0
    return jnp.where(some, 1 / jnp.where(some, keep, 1), 0.0)  # no NaN in its derivative either


def _mask(key: Key | None, shape: Shape, drop_rate: float | Array) -> Array:
    return keep_mask(require_key(key), shape, drop_rate)


def require_key(key: Key | None) -> Key:
    """Return the key of a random layer; raise a ValueError for None."""
    if key is None:
        raise invalid_value("key", "while training", None, "Pass a PRNG key, or training=False.")
    return key


def keep_mask(key: Key, shape: Shape, drop_rate: float | Array) -> Bool[Array, "..."]:
    """Draw a mask of the given shape, True with probability ``1 - drop_rate``.

    Unit number ``i`` is kept if a hash of ``i`` and the key, 32 bits, is at least
    ``2^32 drop_rate``. The hash, two rounds of a finalizer whose every output bit changes with
    every input bit with probability 1/2, is arithmetic that XLA fuses with what the mask is for;
    random words drawn from the key, even a byte a unit, take several times as long. It is made
    for masks, not for statistics: the key must be used for nothing else.

    Args:
        key: PRNG key.
        shape: of the mask.
        drop_rate: probability of False, in [0, 1]; a traced one is rounded to float32.

    Source: C. Wellons, "Prospecting for hash functions", 2018: the constants of lowbias32.
    """
    hashed = jax.lax.iota(jnp.uint32, math.prod(shape)) * jnp.uint32(GOLDEN_RATIO)
    for word in jax.random.key_data(key):
        hashed = _finalize(hashed ^ word)
    kept = hashed.reshape(shape) >= _threshold(drop_rate)
    if isinstance(drop_rate, numbers.Real):
        return kept
    # the threshold of 1 would be 2^32, which is no 32-bit word
    return kept & (jnp.asarray(drop_rate, jnp.float32) < 1)


GOLDEN_RATIO = 0x9E3779B9
"""2^32 over the golden ratio: spreads consecutive numbers evenly over 32 bits."""


def _finalize(x: Array) -> Array:
    """Mix the bits of each 32-bit word, one to one."""
    x = (x ^ (x >> jnp.uint32(16))) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> jnp.uint32(15))) * jnp.uint32(0x846CA68B)
    return x ^ (x >> jnp.uint32(16))


def _threshold(drop_rate: float | Array) -> Array:
    """Return ``2^32 drop_rate`` as a 32-bit word."""
    if isinstance(drop_rate, numbers.Real):
        return jnp.asarray(int(drop_rate * 2**32), jnp.uint32)
    largest = 2**32 - 2**8  # the largest float32 that is a 32-bit word
    scaled = jnp.asarray(drop_rate, jnp.float32) * 2.0**32
    return jnp.minimum(scaled, jnp.float32(largest)).astype(jnp.uint32)
