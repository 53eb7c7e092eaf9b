"""Chunks of one epoch: a sequence that reads each of its elements when it is asked for it."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxnet.core.random import random_order
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples

Read: TypeAlias = Callable[[np.ndarray], Examples]
"""``indices -> Examples``: the examples at indices from 0, shape ``(n,)``, in that order."""


@dataclasses.dataclass(frozen=True)
class Chunks:
    """The chunks of one epoch, in order.

    It has ``__len__`` and ``__getitem__``: it is a source for ``grain.MapDataset.source``, whose
    elements are then chunks.

    Attributes:
        read: reads examples.
        order: indices of the examples in the order of the epoch.
        size: examples a chunk; the last one may have fewer.
    """

    read: Read
    order: np.ndarray
    size: int

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    def __getitem__(self, index: Any) -> Examples:
        place = range(len(self))[index]
        return self.read(self.order[place * self.size : (place + 1) * self.size])

    def __iter__(self) -> Iterator[Examples]:
        return (self[index] for index in range(len(self)))

    def since(self, index: int) -> "Chunks":
        """Return the chunks from one on."""
        return dataclasses.replace(self, order=self.order[index * self.size :])


def epoch_order(key: Key | None, n: int, *, chunk: int, block: int) -> np.ndarray:
    """Return the indices of an epoch: at random, neighbours together.

    Args:
        key: PRNG key; None for the order of the source.
        n: number of examples.
        chunk: examples a chunk.
        block: neighbours that are read together: blocks are in the order `random_order` of them,
            and the examples of a chunk in a random order.

    >>> epoch_order(None, 4, chunk=2, block=1).tolist()
    [0, 1, 2, 3]
    >>> sorted(epoch_order(jax.random.key(0), 7, chunk=4, block=2).tolist())
    [0, 1, 2, 3, 4, 5, 6]
    """
    if key is None:
        return np.arange(n)
    if block == 1:
        return np.asarray(random_order(key, n))
    first, second = jax.random.split(key)
    starts = block * np.asarray(random_order(first, -(-n // block)))
    order = (starts[:, None] + np.arange(block)).ravel()
    order = order[order < n]
    return order[np.lexsort((jax.random.bits(second, (n,)), np.arange(n) // chunk))]
