"""Progress bar in a terminal or a notebook, drawn by rich."""

import builtins
import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from time import monotonic
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax

from jaxnet.core.checks import require_type
from jaxnet.core.optional_imports import import_package
from jaxnet.training.distributed.devices import Device
from jaxnet.training.host_loop import Progress
from jaxnet.training.loggers.report import Report

ProgressArgument: TypeAlias = bool | str | None
"""The type of ``progress``: as for `fit`."""

_drawing = threading.Lock()
"""Held while a bar is drawn: two at a time would overwrite each other."""

_announced: list[str] = []
"""The devices, once a process has said them."""


@runtime_checkable
class Update(Protocol):
    """Update of a bar: units finished, what to say beside them, and how many there are in all."""

    def __call__(self, done: int, note: str = "", *, total: int | None = None) -> None:
        """Draw it."""
        ...


@contextlib.contextmanager
def progress_bar(
    label: str,
    total: int | None = None,
    *,
    progress: ProgressArgument = None,
    devices: Iterable[Device] = (),
) -> Iterator[Update]:
    """Draw a bar on standard error while the block runs, if that is a terminal, or in a notebook.

    One bar is drawn at a time: those within the block, and in other threads, are silent. So a loop
    over many runs of `fit` has one bar of its own. The bar says "compiling" until the first update.

    Args:
        label: what stands before the bar.
        total: units in all; None if unknown.
        progress: as for `fit`; a text replaces ``label``.
        devices: what trains; their kind is said above the first bar of a process.

    Yields:
        The function ``(done, note="", *, total=None)`` that updates it, or does nothing.

    Raises:
        ImportError: with ``progress=True``, if rich, or in a notebook ipywidgets, is missing.
        TypeError: if ``progress`` is none of these.

    >>> with progress_bar("seeds", 3, progress=False) as update:
    ...     for seed in range(3):
    ...         update(seed + 1, note=f"seed {seed}")
    """
    console, devices = _console(check_progress(progress)), list(devices)
    others = bool(devices) and jax.process_index() > 0  # the first process speaks for all
    if console is None or others or not _drawing.acquire(blocking=False):
        yield _ignore
        return
    try:
        if devices and not _announced:
            _announced.append(_describe(devices))
            console.print(_announced[0], markup=False, highlight=False)
        label = progress if isinstance(progress, str) else label
        with _rich_bar(console) as bar:
            task = bar.add_task(label, total=total, note="compiling", left=_Left(None))
            updates: list[tuple[float, int]] = []

            def update(done: int, note: str = "", *, total: int | None = None) -> None:
                updates.append((monotonic(), done))
                left = _time_left(updates[0], updates[-1], total or bar.tasks[0].total)
                bar.update(task, completed=done, note=note, total=total, left=left)
                del updates[1:]

            yield update
    finally:
        _drawing.release()


def check_progress(progress: Any) -> ProgressArgument:
    """Return ``progress``, or raise a TypeError."""
    good = progress is None or isinstance(progress, bool | str)
    require_type(good, "progress", "to be True, False, None or a label", repr(progress))
    return progress


def epochs_on(update: Update) -> Report:
    """Return a callback for `fit` that updates a bar of epochs."""

    def report(progress: Progress) -> None:
        curves = progress.history.validation or progress.history.train
        scalar = {name: each for name, each in curves.items() if each.ndim == 1 and len(each)}
        notes = [f"{name} {float(values[-1]):.4f}" for name, values in scalar.items()]
        notes += [f"step {progress.step}"] * bool(progress.step)
        update(progress.epoch, ", ".join(notes), total=progress.epochs)

    return report


class _Left(NamedTuple):
    """Time until an end, as text that counts down."""

    end: float | None

    def __str__(self) -> str:
        if self.end is None:
            return "-:--:--"
        return str(timedelta(seconds=max(0, round(self.end - monotonic()))))


def _time_left(first: tuple[float, int], now: tuple[float, int], total: int | None) -> _Left:
    """Extrapolate the mean time of a unit since the first update.

    Rich forgets what is older than 30 s and needs two units: most sweeps would have no estimate.

    Args:
        first: time and units done at the first update.
        now: those at the last one.
        total: units in all; None if unknown.

    >>> float(_time_left((0.0, 2), (50.0, 3), 6).end)
    200.0
    """
    seconds, units = now[0] - first[0], now[1] - first[1]
    if total is None or units <= 0:
        return _Left(None)
    return _Left(now[0] + seconds / units * (total - now[1]))


def _console(progress: ProgressArgument) -> Any:
    """Return rich's console on standard error; None where nobody watches."""
    if progress is False:
        return None
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if progress is not True and not terminal and not hasattr(builtins, "get_ipython"):
        return None
    remedy = "Or pass progress=False."
    try:
        console = import_package("rich.console", remedy=remedy).Console(stderr=True)
        if console.is_jupyter:
            import_package("ipywidgets", remedy=remedy)  # by which rich redraws there
    except ImportError:
        if progress is True:
            raise
        return None
    return console if terminal or console.is_jupyter else None


def _rich_bar(console: Any) -> Any:
    rich = import_package("rich.progress")
    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[note]}", markup=False),
        rich.TextColumn("{task.fields[left]}", style="progress.remaining"),
    )
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    # else what is printed meanwhile, which rich draws above the bar, would miss its file
    redirect = console.is_jupyter or to_terminal
    return rich.Progress(*columns, console=console, transient=True, redirect_stdout=redirect)


def _describe(devices: list[Device]) -> str:
    kind, platform = devices[0].device_kind, devices[0].platform
    name = platform if kind.lower() == platform else f"{kind} ({platform})"
    return f"on {name}, {len(devices)} device{'s' * (len(devices) > 1)}"


def _ignore(done: int, note: str = "", *, total: int | None = None) -> None:
    pass
