"""A folder of checkpoints: what it may hold, who may write to it, and what is said if it fails."""

import contextlib
import errno
import gc
import os
import re
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from jaxnet.core.errors import InvalidValueError, invalid_value
from jaxnet.training.checkpoints.lock import FolderLock

MARKS = {
    "a run of fit": "epoch_[0-9]*",
    "a sweep": "part_[0-9]*.safetensors",
    "the shares of several processes": "process_[0-9]*",
    "the stages of a search": "stage_[0-9]*",
}
"""What a folder may hold checkpoints of -> the names by which that is known."""

REMEDIES = {
    "writable": "Make room, or pass another folder.",
    "readable": "Let it be read, or pass another folder.",
}
"""What a folder was to be -> what to advise if it is not."""

MISSING = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
"""What the system says of a checkpoint that lacks a file; all else is the system's own trouble."""


def check_holds(folder: Path, what: str) -> None:
    """Raise a ValueError if a folder holds checkpoints of something else.

    Args:
        folder: which need not exist.
        what: one of `MARKS`.
    """
    for other, mark in MARKS.items():
        if other != what and any(folder.glob(mark)):
            remedy = "Pass another folder, or what that one was written by."
            expected = f"to be a folder of {what}"
            actual = f"one of {other}"
            raise invalid_value(f"checkpoint '{folder}'", expected, actual, remedy)


def prepare(folder: Path, unfinished: str) -> FolderLock:
    """Make a folder, try to write to it before a long run does, and remove unfinished writing.

    Args:
        folder: its parents are made, too.
        unfinished: the pattern of names that only what was not finished has.

    Returns:
        What keeps other processes from writing to it until it is released.

    Raises:
        OSError: if it cannot be written to.
        ValueError: if another process writes to it.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    lock = FolderLock(folder)
    remove_all(folder, unfinished)
    return lock


def remove_all(folder: Path, pattern: str) -> None:
    """Remove what has such a name; of a symbolic link the link alone."""
    for path in folder.glob(pattern):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def numbers(folder: Path, prefix: str, suffix: str = "") -> Sequence[int]:
    """Return, in order, the numbers of a folder's files whose names are written as ``prefix_12``.

    Args:
        folder: of checkpoints.
        prefix: before the number, without brackets, stars and question marks.
        suffix: after it, likewise.
    """
    names = (path.name for path in folder.glob(f"{prefix}*{suffix}"))
    found = (re.fullmatch(f"{prefix}(0|[1-9][0-9]*){re.escape(suffix)}", name) for name in names)
    return sorted(int(match[1]) for match in found if match)


@contextlib.contextmanager
def naming_errors(
    folder: Path, what: str, existing: Callable[[], Sequence[Path]]
) -> Iterator[None]:
    """Let what the system or Orbax complains about become an error about a folder.

    Args:
        folder: of checkpoints.
        what: it was to be, ``"writable"`` or ``"readable"``.
        existing: gives the checkpoints that are there, the last one last.

    Raises:
        ValueError: for any such complaint.
    """
    try:
        yield
    except (InvalidValueError, ImportError):
        raise
    except (OSError, ValueError, RuntimeError) as error:
        let_go(error)
        remedy = REMEDIES[what]
        before = existing() if what == "writable" else ()
        if before:
            remedy += f" The last good checkpoint is '{before[-1]}'."
        actual = f"'{folder}': {reason(error)}"
        expected = f"to be a {what} folder"
        raise invalid_value("checkpoint", expected, actual, remedy) from error


def reason(error: Exception) -> str:
    """Return what the system said, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    code = _code(error)
    if code is not None:
        return os.strerror(code)
    return (str(error) or type(error).__name__).splitlines()[0]


def is_damage(error: BaseException | None) -> bool:
    """Return whether what failed to be read is at fault, and not the system that reads it."""
    while error is not None:
        if isinstance(error, MemoryError) or _code(error) not in (None, *MISSING):
            return False
        error = error.__cause__ or error.__context__
    return True


def _code(error: BaseException) -> int | None:
    """Return the system's number of an error, if it is one."""
    if isinstance(error, OSError):
        return error.errno
    said = re.search(r"os_error_code='(\d+)'", str(error))  # TensorStore's way to say it
    return int(said[1]) if said else None


def let_go(error: BaseException | None) -> None:
    """Let go of the coroutines that a failure has left in Orbax's frames, and of their warnings."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was never awaited", RuntimeWarning)
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__
        gc.collect()
