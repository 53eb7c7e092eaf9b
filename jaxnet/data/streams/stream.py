"""Streams: examples on a disk, read in chunks in the order of a key."""

import dataclasses
import mmap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from jaxnet.core.checks import check_count, check_function, check_range, require
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_lengths, count, named_arrays
from jaxnet.data.streams.chunks import Chunks, Read, epoch_order

Through: TypeAlias = Callable[[Chunks], Iterable[Examples]]
"""``chunks -> chunks``: what becomes of the chunks of an epoch before they are learnt from."""

MOST_MAPPED = 2**28
"""Bytes of rows that are read between two times that pages of mapped files are given back."""


@dataclasses.dataclass(frozen=True)
class Stream:
    """Examples that are read a chunk at a time, by `jaxnet.training.fit` in place of `Examples`.

    Attributes:
        read: ``indices -> Examples``, arrays of NumPy in the order of the indices, new ones in each
            call: the next chunk is read while the device uses this one.
        size: number of examples.
        chunk: examples a chunk, rounded to whole mini-batches; three are in memory at a time.
        block: neighbours that are read together. 1: the order of an epoch is that of examples in
            memory, `random_order`, and so are the results, in mini-batches of thousands to
            rounding. More reads a disk faster, and mixes less: the blocks are shuffled, and the
            examples of each chunk.
        through: ``chunks -> chunks`` of an epoch, such as a pipeline of grain; None for none.
            A run that resumes passes the chunks that are left.
        mean_weight: mean of the examples' weights, if they have any.

    >>> numbers = Stream(lambda rows: Examples(rows[:, None] / 10, rows % 2), size=10, chunk=4)
    >>> [chunk.targets.tolist() for chunk in numbers.chunks(None)]
    [[0, 1, 0, 1], [0, 1, 0, 1], [0, 1]]
    """

    read: Read
    size: int
    chunk: int = 8192
    block: int = 1
    through: Through | None = None
    mean_weight: float = 1.0

    def __post_init__(self) -> None:
        check_function("read", self.read)
        for name in ("size", "chunk", "block"):
            check_count(name, getattr(self, name))
        check_range("mean_weight", self.mean_weight, low=0, low_open=True)
        if self.through is not None:
            check_function("through", self.through)

    def in_words(self) -> str:
        """Return the size and the way of reading in words."""
        return f"a stream of {self.size} in chunks of {self.chunk}, blocks of {self.block}"

    def chunks(self, key: Key | None, *, batch_size: int = 1) -> Chunks:
        """Return the chunks of an epoch.

        Args:
            key: PRNG key of the order; None for the order of the source.
            batch_size: examples a mini-batch, of which a chunk has whole ones.
        """
        size = batch_size * max(1, round(self.chunk / batch_size))
        order = epoch_order(key, self.size, chunk=size, block=self.block)
        return Chunks(self.read, order, size)

    def epoch(self, key: Key | None, *, batch_size: int = 1, first: int = 0) -> Iterator[Examples]:
        """Yield the chunks of an epoch from one on, passed ``through``.

        Raises:
            ValueError: if ``through`` returns other numbers of chunks or examples than it is given.
        """
        chunks = self.chunks(key, batch_size=batch_size)
        left = chunks.since(first)
        found = iter(left if self.through is None else self.through(left))
        for index in range(first, len(chunks)):
            chunk = next(found, None)
            require(chunk is not None, "through", f"to return {len(left)} chunks", index - first)
            assert chunk is not None  # for the type checker
            size = len(chunks.order[index * chunks.size :][: chunks.size])
            require(count(chunk) == size, "through", f"to keep {size} examples", count(chunk))
            yield chunk


def stream(
    examples: Examples, *, chunk: int = 8192, block: int = 1, through: Through | None = None
) -> Stream:
    """Return the stream of arrays that lie in memory-mapped files.

    Pages of memory are given back whenever `MOST_MAPPED` bytes of rows were read.

    Args:
        examples: arrays of ``np.load(path, mmap_mode="r")``, ``np.memmap``, or others of NumPy.
        chunk: as for `Stream`.
        block: as for `Stream`.
        through: as for `Stream`.

    Raises:
        ValueError: for arrays of different lengths.

    >>> pair = Examples(np.arange(6)[:, None], np.arange(6))
    >>> [x.shape for x, _ in stream(pair, chunk=4).chunks(None)]
    [(4, 1), (2, 1)]
    """
    pair = check_lengths("examples", examples)
    arrays = list(named_arrays(pair).values())
    mapped = 0

    def read(indices: np.ndarray) -> Examples:
        nonlocal mapped
        rows = pair.take(indices)
        mapped += sum(array.nbytes for array in named_arrays(rows).values())
        if mapped > MOST_MAPPED:
            mapped = 0
            for array in arrays:
                _release(array)
        return rows

    mean = 1.0 if pair.weights is None else float(np.mean(pair.weights, dtype=np.float64))
    return Stream(read, count(pair), chunk, block, through, mean)


def _release(array: np.ndarray) -> None:
    """Give back the pages of a file mapped for reading, which the system may keep in its cache."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and not array.flags.writeable and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
