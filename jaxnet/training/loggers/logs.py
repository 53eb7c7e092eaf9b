"""Logs of a run, epoch by epoch: callbacks for `fit`, which calls them after each few epochs."""

import contextlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from jaxnet.core.checks import check_count
from jaxnet.core.errors import invalid_value
from jaxnet.core.files import (
    check_path,
    not_writable,
    open_regular,
    read_regular,
    write_atomically,
)
from jaxnet.core.optional_imports import import_package
from jaxnet.training.host_loop import Progress
from jaxnet.training.loggers.events import next_file, read_curves

Report: TypeAlias = Callable[[Progress], None]
"""What `fit` takes as ``on_progress``."""

REMEDY = "Make room, or choose another place."


def together(*reports: Report | None) -> Report | None:
    """Return one callback that calls several in turn.

    Args:
        reports: callbacks; each None is left out.

    Returns:
        The callback; None if there is none to call.

    >>> together(None) is None
    True
    """
    present = [report for report in reports if report is not None]

    def report(progress: Progress) -> None:
        for each in present:
            each(progress)

    return report if present else None


def json_lines_log(path: str | Path, *, start: int = 0) -> Report:
    """Return a callback that appends one line of JSON an epoch to a file.

    A line holds ``epoch`` from 1, ``seconds`` since the run's training started, as of when the
    epoch was reported, and ``train_NAME``, ``validation_NAME`` and ``instrument_NAME`` for each
    curve; null stands for NaN and infinity. The lines of a report are written at once and are on
    the disk before the training goes on, so a kill at any moment leaves whole lines. Until the
    first report the file stays as it is: a run that is refused loses nothing of the last one's.

    A run that goes on from a state goes on in the same log: lines of epochs after ``start``, which
    it will repeat, and a last line that is not whole are dropped first.

    Args:
        path: the file, or a symbolic link to one; a log that is there is gone on with, a new one
            is started otherwise.
        start: epochs finished before this run, ``state.epoch`` of the state that it goes on from;
            0 starts a log anew.

    Returns:
        The callback, good for one run.

    Raises:
        ValueError: for a file that is no such log, or one that cannot be read or written.
        TypeError: for what is no path.
    """
    check_count("start", start, minimum=0)
    path, written = check_path("path", path).absolute(), None
    _lines_up_to(path, start)
    with _saying_why(path):
        open_regular(path, "ab").close()
        _try_to_write(os.path.dirname(os.path.realpath(path)))

    def report(progress: Progress) -> None:
        nonlocal written
        rows = [_row(progress, index, start) for index in range(written or 0, progress.epoch)]
        content = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()
        if written is None:
            content = _lines_up_to(path, start) + content
            write_atomically(path, lambda file: file.write_bytes(content), remedy=REMEDY)
        else:
            with _saying_why(path):
                _append(path, content)
        written = progress.epoch

    return report


@contextlib.contextmanager
def tensorboard_log(directory: str | Path, *, start: int = 0) -> Iterator[Report]:
    """Yield a callback that writes the curves for TensorBoard, step = epoch.

    The tags are ``NAME/train`` and ``NAME/validation``, so that the two share a chart, and
    ``NAME/instrument``. Each run that reports anything new writes an event file of its own. What
    was reported is on the disk before the training goes on. Needs tensorboardX, and neither
    TensorFlow nor TensorBoard itself.

    What the folder already says of an epoch, with the same values, is not said again: a run that
    goes on from a checkpoint, which reports its first epochs once more, goes on in the log, too.
    From the first epoch on of which it says anything else, TensorBoard is told to forget it.

    Args:
        directory: where event files are collected; it is made if need be.
        start: epochs finished before this run, ``state.epoch`` of the state that it goes on from.

    Yields:
        The callback, good for one run.

    Raises:
        ValueError: if the folder or a file cannot be read or written; for an address such as
            ``s3://...``.
        TypeError: for what is no path.
        ImportError: if tensorboardX is not installed.
    """
    check_count("start", start, minimum=0)
    import_package("tensorboardX.record_writer")
    directory, written = check_path("directory", directory).absolute(), 0
    with _saying_why(directory):
        directory.mkdir(parents=True, exist_ok=True)
        _try_to_write(directory)
        board = _Board(directory)

    def report(progress: Progress) -> None:
        nonlocal written
        with _saying_why(directory):
            for index in range(written, progress.epoch):
                board.write(start + index + 1, _scalars(progress, index, "{name}/{split}"))
            board.flush()
        written = progress.epoch

    try:
        yield report
    finally:
        with _saying_why(directory):
            board.close(start + written if written else None)


class _Board:
    """An event file that goes on with what those beside it say; none until it has to say more."""

    def __init__(self, directory: Path):
        self._messages = import_package("tensorboardX.proto.event_pb2")
        self._library = import_package("tensorboardX.record_writer")
        self._directory, self._writer = directory, None
        self._there, self._tags = read_curves(directory), ()

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Write the values of one step, unless they are there."""
        self._tags = tuple(scalars)
        summary = self._messages.Event().summary
        for tag, value in scalars.items():
            summary.value.add(tag=tag, simple_value=value)
        # as rounded to float32, which is what a file holds
        if all(_same(self._there.get(v.tag, {}).get(step), v) for v in summary.value):
            return
        self._forget_from(step)
        self._write(step=step, summary=summary)

    def flush(self) -> None:
        """Let what was written be on the disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self, last: int | None) -> None:
        """Let go of the file, and forget what it does not say of steps after the last one."""
        if last is not None:
            self._forget_from(last + 1)
        if self._writer is not None:
            self._writer.flush()
            self._writer.close()

    def _forget_from(self, step: int) -> None:
        if any(max(self._there.get(tag, ()), default=0) >= step for tag in self._tags):
            log = self._messages.SessionLog(status=self._messages.SessionLog.START)
            self._write(step=step, session_log=log)
            self._there = {}

    def _write(self, **said: Any) -> None:
        if self._writer is None:
            self._writer = self._library.RecordWriter(str(next_file(self._directory)))
            self._write(file_version="brain.Event:2")
        event = self._messages.Event(wall_time=time.time(), **said)
        self._writer.write(event.SerializeToString())


def _same(there: float | None, here: Any) -> bool:
    return there == here.simple_value or (there != there and math.isnan(here.simple_value))


def _scalars(progress: Progress, index: int, form: str) -> dict[str, float]:
    """Return all values of one epoch of a run, by names of the given form."""
    history = progress.history
    curves = {"train": history.train, "validation": history.validation}
    curves["instrument"] = history.instruments
    return {
        form.format(split=split, name=name): float(values[index])
        for split, of_split in curves.items()
        for name, values in of_split.items()
    }


def _row(progress: Progress, index: int, start: int) -> dict[str, Any]:
    values = _scalars(progress, index, "{split}_{name}")
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"epoch": start + index + 1, "seconds": round(progress.seconds, 6), **finite}


def _try_to_write(directory: Path | str) -> None:
    """Raise an OSError, before a long run does, if there can be no new file in a folder."""
    with tempfile.TemporaryFile(dir=directory):
        pass


def _append(path: Path, content: bytes) -> None:
    """Append all of the content or nothing, and wait until it is on the disk."""
    with open_regular(path, "ab") as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(content) != len(content):
                raise OSError("only a part of the line could be written")
        except OSError:
            file.truncate(before)
            raise
        os.fsync(file.fileno())


BEGINNING = b'{"epoch": 0, "seconds": '
"""Of each line; it tells an unfinished line from a foreign file that must not be written over."""

CURVES = ("train_", "validation_", "instrument_")
"""How the names of all else in a line begin."""


def _lines_up_to(path: Path, start: int) -> bytes:
    """Return the whole lines of a log that are about the first epochs."""
    content = b""
    with _saying_why(path), contextlib.suppress(FileNotFoundError):
        content = read_regular(path)
    *lines, rest = content.split(b"\n")
    epochs = [_epoch(line) for line in lines]
    if None in epochs or not _is_unfinished(rest):
        remedy = "Choose another file: this one is not written over."
        actual = f"'{path}' with other content"
        expected = "to be a log of epochs or nothing yet"
        raise invalid_value("file", expected, actual, remedy)
    pairs = zip(lines, epochs, strict=True)
    return b"".join(line + b"\n" for line, epoch in pairs if epoch and epoch <= start)


def _epoch(line: bytes) -> int | None:
    """Return the epoch that a line of a log is about; None for a line of something else."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or list(row)[:2] != ["epoch", "seconds"]:
        return None
    others = all(name.startswith(CURVES) for name in list(row)[2:])
    return row["epoch"] if others and type(row["epoch"]) is int else None


def _is_unfinished(rest: bytes) -> bool:
    """Return whether a log may end like this, after a kill."""
    rest = re.sub(rb"\d+", b"0", rest, count=1)
    return rest.startswith(BEGINNING) or BEGINNING.startswith(rest)


@contextlib.contextmanager
def _saying_why(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_writable(path, error, REMEDY) from error
