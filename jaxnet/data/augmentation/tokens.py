"""Transforms of sequences of tokens: integers of shape ``(n, length)``, padded at their end."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_range, require
from jaxnet.core.types import AnyArray, Array, Key, Number
from jaxnet.data.augmentation.compose import Transform


def replace_tokens(rate: Number, synonyms: AnyArray) -> Transform:
    """Replace tokens by one of their synonyms, each token with a probability.

    Args:
        rate: the probability, in [0, 1].
        synonyms: row ``t`` has those of token ``t``, filled up with -1; shape
            ``(vocabulary, most)``. A token without any, or outside the vocabulary, stays.

    Source: lecture 004, text data.

    >>> table = jnp.array([[-1], [2], [1]])
    >>> replace_tokens(1.0, table)(jax.random.key(0), jnp.array([[1, 2, 0]])).tolist()
    [[2, 1, 0]]
    """
    check_range("rate", rate, low=0, high=1)
    table: Any = jnp.asarray(synonyms)
    require(table.ndim == 2, "synonyms", "of shape (vocabulary, most)", table.shape)
    number = jnp.sum(table >= 0, axis=1)

    def transform(key: Key, tokens: Array) -> Array:
        keys = jax.random.split(key)
        known = (tokens >= 0) & (tokens < len(table))
        there = jnp.where(known, number[tokens], 0)
        pick = jax.random.randint(keys[0], tokens.shape, 0, jnp.maximum(there, 1))
        drawn = jax.random.uniform(keys[1], tokens.shape) < rate
        new = table[tokens, pick].astype(tokens.dtype)
        return jnp.where(drawn & (there > 0), new, tokens)

    return transform


def delete_tokens(rate: Number, *, padding: int = 0) -> Transform:
    """Delete tokens, each with a probability; those behind move up, and padding follows.

    Args:
        rate: the probability, in [0, 1].
        padding: token of the padding, which is not deleted.

    >>> delete_tokens(1.0)(jax.random.key(0), jnp.array([[5, 6, 0]])).tolist()
    [[0, 0, 0]]
    """
    check_range("rate", rate, low=0, high=1)

    def transform(key: Key, tokens: Array) -> Array:
        gone = (jax.random.uniform(key, tokens.shape) < rate) | (tokens == padding)
        order = jnp.argsort(gone, axis=1, stable=True)
        left = jnp.where(gone, jnp.asarray(padding, tokens.dtype), tokens)
        return jnp.take_along_axis(left, order, axis=1)

    return transform


def insert_tokens(rate: Number, candidates: AnyArray, *, padding: int = 0) -> Transform:
    """Insert a random token before others, each with a probability; the last ones fall off.

    Args:
        rate: the probability, in [0, 1].
        candidates: tokens to insert, such as filler words, shape ``(m,)``.
        padding: token of the padding, before which nothing is inserted.

    >>> insert_tokens(1.0, jnp.array([9]))(jax.random.key(0), jnp.array([[5, 6, 0, 0]])).tolist()
    [[9, 5, 9, 6]]
    """
    check_range("rate", rate, low=0, high=1)
    pool: Any = jnp.asarray(candidates)
    require(pool.ndim == 1 and pool.size, "candidates", "one or more tokens", pool.shape)

    def transform(key: Key, tokens: Array) -> Array:
        n, length = tokens.shape
        keys = jax.random.split(key)
        drawn = jax.random.uniform(keys[0], tokens.shape) < rate
        new = pool[jax.random.randint(keys[1], tokens.shape, 0, len(pool))].astype(tokens.dtype)
        both = jnp.stack([new, tokens], axis=2).reshape(n, 2 * length)
        there = jnp.stack([drawn & (tokens != padding), jnp.ones_like(drawn)], axis=2)
        order = jnp.argsort(~there.reshape(n, 2 * length), axis=1, stable=True)
        return jnp.take_along_axis(both, order, axis=1)[:, :length]

    return transform


def swap_tokens(rate: Number, *, padding: int = 0) -> Transform:
    """Swap neighbours, each pair ``(2 i, 2 i + 1)`` or ``(2 i + 1, 2 i + 2)`` with a probability.

    Args:
        rate: the probability, in [0, 1].
        padding: token of the padding, which stays where it is.

    >>> sorted(swap_tokens(1.0)(jax.random.key(0), jnp.array([[5, 6, 7, 0]])).ravel().tolist())
    [0, 5, 6, 7]
    """
    check_range("rate", rate, low=0, high=1)

    def transform(key: Key, tokens: Array) -> Array:
        keys = jax.random.split(key)
        n, length = tokens.shape
        first = jax.random.randint(keys[0], (n, 1), 0, 2)
        place = jnp.arange(length)[None]
        starts = (place % 2 == first) & (place < length - 1)
        following = jnp.roll(tokens, -1, axis=1)
        words = (tokens != padding) & (following != padding)
        chosen = starts & words & (jax.random.uniform(keys[1], tokens.shape) < rate)
        before = jnp.roll(chosen, 1, axis=1).at[:, 0].set(False)
        swapped = jnp.where(before, jnp.roll(tokens, 1, axis=1), tokens)
        return jnp.where(chosen, following, swapped)

    return transform
