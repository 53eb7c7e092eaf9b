"""Dropout: units left out at random while training, so that none can rely on another."""

import numbers
from typing import Literal, NamedTuple, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from jaxnet.core.checks import check_choice, check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Description, Key, Layer, Shape, layer_from_forward

DropoutForm: TypeAlias = Literal["inverted", "lecture"]


class DropoutResidual(NamedTuple):
    """What the backward pass needs.

    Attributes:
        mask: which units were kept, in the shape of the input.
        factor: what the kept ones were multiplied by, a scalar.
    """

    mask: Array
    factor: Array


def dropout(drop_rate: float | Array, *, form: DropoutForm = "inverted") -> Layer:
    """Return a layer that sets each entry to 0 with probability ``drop_rate`` while training.

    With ``m`` the random mask of 0 and 1, and ``q = 1 - drop_rate`` the probability to be kept:
    the inverted form is ``y = m x / q`` in training and ``y = x`` otherwise; the lecture's form is
    ``y = m x`` in training and ``y = q x`` otherwise, which is the same as scaling the next
    layer's weights by q after training. In both, the expected output of training is the output
    otherwise. By hand: ``dx = m dy / q`` or ``dx = m dy``.

    Args:
        drop_rate: probability to drop a unit, in [0, 1); may be a traced number. Lecture 004 keeps
            0.8 of the inputs and 0.5 of the hidden units: drop rates 0.2 and 0.5.
        form: ``"inverted"``, as all libraries have it, or ``"lecture"``.

    Raises:
        ValueError: for an unknown form or a rate out of range; when called, if ``training`` comes
            without a key.

    Numerics: see `keep_mask` for how the probability is met exactly with a byte or two a unit.

    Source: lecture 004, "dropout"; Srivastava et al. 2014, sections 4 and 10.

    >>> layer = dropout(0.5)
    >>> x = jnp.ones((1, 8))
    >>> sorted(set(layer.apply((), (), x, key=jax.random.key(0), training=True)[0][0].tolist()))
    [0.0, 2.0]
    >>> layer.apply((), (), x)[0].tolist() == x.tolist()
    True
    """
    check_range("dropout", "drop_rate", drop_rate, low=0.0, high=1.0, high_open=True)
    check_choice("dropout", "form", form, dict.fromkeys(get_args(DropoutForm)))
    never = isinstance(drop_rate, numbers.Real) and drop_rate == 0
    keep = 1 - drop_rate

    def init(key: Key, in_shape: Shape) -> tuple[tuple[()], tuple[()]]:
        del key, in_shape
        return (), ()

    def forward(
        params: tuple[()], statistics: tuple[()], x: Array, *, key: Key | None, training: bool
    ) -> tuple[Float[Array, "..."], DropoutResidual, tuple[()]]:
        del params
        scaled = (form == "inverted") == training
        factor = (1 / keep if training else keep) if scaled else 1.0
        residual = DropoutResidual(
            _mask(key, x.shape, drop_rate) if training and not never else jnp.ones(x.shape, bool),
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
        description=Description("dropout", {"drop_rate": drop_rate, "form": form}),
    )


def _masked(residual: DropoutResidual, x: Array) -> Array:
    return jnp.where(residual.mask, x * residual.factor, jnp.zeros_like(x))


def _mask(key: Key | None, shape: Shape, drop_rate: float | Array) -> Array:
    if key is None:
        remedy = "Pass a PRNG key, or training=False to evaluate."
        raise invalid_value("dropout", "key", "while training", None, remedy)
    return keep_mask(key, shape, drop_rate)


def keep_mask(key: Key, shape: Shape, drop_rate: float | Array) -> Bool[Array, "..."]:
    """Draw a mask of the given shape, True with probability ``1 - drop_rate``.

    Random words are cut into fields of as few bits as the rate needs: one for 1/2, two for 1/4,
    eight for most others, sixteen for one near 0 or 1 or traced. A unit is kept if its field is
    at least ``2^bits drop_rate``; a threshold that is not whole is rounded up or down at random,
    row by row, so that each unit's probability is exact. The units of a row share the rounding,
    and with it a correlation below 1e-4; that is what a rate near 0 or 1 needs the bits for: with
    eight, a rate of 0.001 would drop four units of a thousand in every fourth row and none in
    the others.

    Args:
        key: PRNG key.
        shape: of the mask; its first axis are the rows.
        drop_rate: probability of False, in [0, 1).
    """
    bits = _field_bits(drop_rate)
    field_key, round_key = jax.random.split(key)
    fields = _random_fields(field_key, shape, bits)
    threshold = 2**bits * jnp.asarray(drop_rate, jnp.float32)
    if bits < 8:
        return fields >= threshold.astype(jnp.uint32)
    rows = (*shape[:1], *(1 for _ in shape[1:]))
    dither = jax.random.uniform(round_key, rows, jnp.float32)
    return fields >= jnp.floor(threshold + dither).astype(jnp.uint32)


def _field_bits(drop_rate: float | Array) -> int:
    """Return the fewest bits that the rate is a multiple of; else 8 or, near 0 or 1, 16."""
    if not isinstance(drop_rate, numbers.Real):
        return 16
    exact = (bits for bits in (1, 2, 4, 8) if float(drop_rate * 2**bits).is_integer())
    return next(exact, 8 if 1 / 16 <= drop_rate <= 15 / 16 else 16)


def _random_fields(key: Key, shape: Shape, bits: int) -> Array:
    """Draw whole numbers below ``2^bits``, ``32 / bits`` out of each random word."""
    size = 1
    for length in shape:
        size *= length
    words = jax.random.bits(key, (-(-size * bits // 32),), jnp.uint32)
    shifts = jnp.arange(0, 32, bits, dtype=jnp.uint32)
    fields = (words[:, None] >> shifts[None, :]) & jnp.uint32(2**bits - 1)
    return fields.reshape(-1)[:size].reshape(shape)
