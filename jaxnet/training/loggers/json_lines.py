"""Log of a run as lines of JSON, one an epoch."""

import contextlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

from jaxnet.core.checks import check_count, require
from jaxnet.core.files import check_path, open_regular, read_regular, write_atomically
from jaxnet.training.host_loop import Progress
from jaxnet.training.loggers.report import (
    REMEDY,
    Report,
    check_new_file,
    epoch_values,
    naming_errors,
)


def json_lines_log(path: str | Path, *, start: int = 0) -> Report:
    """Return a callback that appends one line of JSON an epoch to a file.

    A line holds ``epoch`` from 1, ``seconds`` since the start of training, and ``train_NAME``,
    ``validation_NAME`` and ``instrument_NAME`` for each curve; null stands for NaN and infinity.
    The lines of a report are written at once and are on the disk before the training continues,
    so a kill at any moment leaves whole lines. The file changes with the first report only.

    A resumed run continues the log: the first report drops the lines of epochs after ``start``,
    which the run repeats, and an unfinished last line.

    Args:
        path: the file, or a symbolic link to one; a missing one is made.
        start: epochs finished before this run, ``state.epoch`` of the state that it resumes from;
            0 starts the log anew.

    Returns:
        The callback, good for one run.

    Raises:
        ValueError: for a file with other content, or one that cannot be read or written.
        TypeError: if ``path`` is not a path.
    """
    check_count("start", start, minimum=0)
    path, written = check_path("path", path).absolute(), None
    _lines_up_to(path, start)
    with naming_errors(path):
        open_regular(path, "ab").close()
        check_new_file(Path(os.path.realpath(path)).parent)

    def report(progress: Progress) -> None:
        nonlocal written
        rows = [_row(progress, index, start) for index in range(written or 0, progress.epoch)]
        content = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()
        if written is None:
            content = _lines_up_to(path, start) + content
            write_atomically(path, lambda file: file.write_bytes(content), remedy=REMEDY)
        else:
            with naming_errors(path):
                _append(path, content)
        written = progress.epoch

    return report


def _row(progress: Progress, index: int, start: int) -> dict[str, Any]:
    values = epoch_values(progress, index, "{split}_{name}")
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"epoch": start + index + 1, "seconds": round(progress.seconds, 6), **finite}


def _append(path: Path, content: bytes) -> None:
    """Append all of the content or nothing, and flush it to the disk."""
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
"""How each line begins, with its epoch for the 0: tells an unfinished line from foreign content."""

CURVES = ("train_", "validation_", "instrument_")
"""Prefixes of the other names in a line."""


def _lines_up_to(path: Path, start: int) -> bytes:
    """Return the whole lines of a log up to epoch ``start``."""
    content = b""
    with naming_errors(path), contextlib.suppress(FileNotFoundError):
        content = read_regular(path)
    *lines, rest = content.split(b"\n")
    epochs = [_epoch(line) for line in lines]
    good, actual = None not in epochs and _is_unfinished(rest), f"'{path}' with other content"
    require(good, "file", "to be a log of epochs or empty", actual)
    pairs = zip(lines, epochs, strict=True)
    return b"".join(line + b"\n" for line, epoch in pairs if epoch and epoch <= start)


def _epoch(line: bytes) -> int | None:
    """Return the epoch of a line; None for a line of another form."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or list(row)[:2] != ["epoch", "seconds"]:
        return None
    others = all(name.startswith(CURVES) for name in list(row)[2:])
    return row["epoch"] if others and type(row["epoch"]) is int else None


def _is_unfinished(rest: bytes) -> bool:
    """Return whether a log may end like this after a kill."""
    rest = re.sub(rb"\d+", b"0", rest, count=1)
    return rest.startswith(BEGINNING) or BEGINNING.startswith(rest)
