"""Mini-batches one after the other, for loops written out in Python."""

from collections.abc import Iterator

import numpy as np

from jaxnet.core.checks import check_count, check_flags, check_key
from jaxnet.core.random import random_order
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_lengths, count


def mini_batches(
    examples: Examples, *, batch_size: int, key: Key | None = None, keep_last: bool = True
) -> Iterator[Examples]:
    """Yield the mini-batches of one epoch.

    Every example is in one of them. Arrays may be memory-mapped files: only the rows of a
    mini-batch are read. `jaxnet.training.fit` has them inside its compiled program.

    Args:
        examples: all of them.
        batch_size: examples a mini-batch, 1 or more.
        key: PRNG key of a random order, that of `random_order`; None for theirs.
        keep_last: whether a last mini-batch that is not full is yielded.

    Raises:
        ValueError: for none, or arrays of different lengths.

    Source: lecture 002, DataLoader.

    >>> examples = Examples(np.arange(5)[:, None], np.arange(5))
    >>> [batch.targets.tolist() for batch in mini_batches(examples, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """
    pair, size = check_lengths("examples", examples), check_count("batch_size", batch_size)
    check_flags(keep_last=keep_last)
    total = count(pair)
    if key is None:
        order = np.arange(total)
    else:
        check_key("key", key)
        order = np.asarray(random_order(key, total))
    end = total if keep_last else total - total % size
    return (pair.take(order[start : start + size]) for start in range(0, end, size))
