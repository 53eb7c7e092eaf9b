"""Reports: callbacks of `fit`, and what the loggers share."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from jaxnet.core.files import not_writable
from jaxnet.training.host_loop import Progress

Report: TypeAlias = Callable[[Progress], None]
"""The type of ``on_progress`` in `fit`."""

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


def epoch_values(progress: Progress, index: int, form: str) -> dict[str, float]:
    """Return all values of one epoch by name.

    Args:
        progress: the run so far.
        index: the epoch's position in the history, from 0.
        form: pattern of the names, with ``{split}`` and ``{name}``.
    """
    history = progress.history
    curves = {"train": history.train, "validation": history.validation}
    curves["instrument"] = history.instruments
    return {
        form.format(split=split, name=name): float(values[index])
        for split, of_split in curves.items()
        for name, values in of_split.items()
    }


def check_new_file(directory: Path) -> None:
    """Raise an OSError if no file can be made in a folder."""
    with tempfile.TemporaryFile(dir=directory):
        pass


@contextlib.contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a ValueError that names the file or folder."""
    try:
        yield
    except OSError as error:
        raise not_writable(path, error, REMEDY) from error
