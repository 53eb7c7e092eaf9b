"""Progress bars at a terminal, silence for a pipe."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from experiments.harness.terminal import is_watched
from jaxnet.training import Progress, SweepProgress, count_cores

S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def progress_bar(label: str, epochs: int) -> Iterator[Callable[[Progress], None] | None]:
    """Yield a callback for `jaxnet.training.fit` that draws a bar; None without a terminal.

    The terminal is that of standard error.
    """
    with _bar(label, epochs) as update:

        def advance(progress: Progress) -> None:
            curves = progress.history.validation or progress.history.train
            measured = ", ".join(f"{name} {values[-1]:.4f}" for name, values in curves.items())
            update(completed=progress.epoch, measured=measured)

        yield advance if update else None


@contextmanager
def sweep_bar(label: str) -> Iterator[Callable[[SweepProgress], None] | None]:
    """Yield the same for `jaxnet.training.sweep`, a bar of its runs."""
    with _bar(label, None) as update:

        def advance(progress: SweepProgress) -> None:
            update(completed=progress.done, total=progress.runs, measured="")

        yield advance if update else None


@contextmanager
def _bar(label: str, total: int | None) -> Iterator[Any]:
    """Yield a function that updates the fields of a bar; None without a terminal."""
    if not is_watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[measured]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, measured="compiling")
        yield functools.partial(bar.update, task)


def announce_resumption(folder: Any, show: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """Return ``show``, preceded by a printed line if a run or sweep resumes from a folder."""

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


def progress(label: str, items: Iterable[T], *, total: int | None = None) -> Iterable[T]:
    """Return the items, with a progress bar on standard error if that is a terminal."""
    if not is_watched():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, label, total, console=Console(stderr=True), transient=True)


def side_by_side(label: str, function: Callable[[T], S], items: Sequence[T]) -> list[S]:
    """Return ``[function(item) for item in items]``, one thread a core, with a progress bar.

    For thread-safe functions that spend their time in XLA, which releases Python's lock.
    """
    with ThreadPoolExecutor(count_cores()) as pool:
        return list(progress(label, pool.map(function, items), total=len(items)))


def show_status(text: Any) -> None:
    """Replace the status line at a terminal."""
    if is_watched():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
