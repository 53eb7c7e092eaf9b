"""Progress bars of loops, and what is said of a resumed run."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from experiments.harness.terminal import at_interrupt, is_watched
from jaxnet.training import Progress, SweepProgress, count_cores, progress_bar

S = TypeVar("S")
T = TypeVar("T")


def announce_resumption(
    folder: Any, show: Callable[[Any], None] | None = None
) -> Callable[[Any], None]:
    """Return ``show``, preceded by a printed line if a run or sweep resumes from a folder.

    If it is interrupted, the message says that the same command resumes from there.
    """
    if folder is not None:
        at_interrupt.append(lambda: f"the same command resumes from {folder}")

    def on_progress(progress: Progress | SweepProgress) -> None:
        if isinstance(progress, SweepProgress):
            unit, done, whole = "run", progress.done, progress.runs
        else:
            unit, done, whole = "epoch", progress.epoch, progress.epochs
        if 0 < progress.resumed == done:
            print(f"resumes from {unit} {done} of {whole}, found in {folder}")
        if show is not None:
            show(progress)

    return on_progress


def progress(label: str, items: Iterable[T], *, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a progress bar on standard error if that is a terminal."""
    with progress_bar(label, len(items) if isinstance(items, Sized) else total) as update:
        update(0)
        for done, item in enumerate(items, start=1):
            yield item
            update(done)


def side_by_side(label: str, function: Callable[[T], S], items: Sequence[T]) -> list[S]:
    """Return ``[function(item) for item in items]``, one thread a core, with a progress bar.

    For thread-safe functions that spend their time in XLA, which releases Python's lock.
    """
    with progress_bar(label, len(items)) as update, ThreadPoolExecutor(count_cores()) as pool:
        update(0)
        results = []
        for result in pool.map(function, items):
            results.append(result)
            update(len(results))
    return results


def show_status(text: Any) -> None:
    """Replace the status line at a terminal."""
    if is_watched():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
