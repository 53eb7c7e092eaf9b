"""Reading ahead in a thread."""

import contextlib
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def prefetched(items: Iterable[T]) -> Generator[T]:
    """Iterate over items, of which a thread makes the next one while this one is used.

    Closing the iterator ends the thread, and closes the iterator of the items.

    >>> list(prefetched(range(3)))
    [0, 1, 2]
    """
    end: Any = object()
    with contextlib.ExitStack() as opened:
        iterator = iter(items)
        opened.callback(getattr(iterator, "close", lambda: None))
        pool = opened.enter_context(ThreadPoolExecutor(1, thread_name_prefix="prefetch"))
        coming = pool.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, iterator, end)
            yield item
