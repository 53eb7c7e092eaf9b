"""Files written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxnet.core.errors import InvalidValueError, invalid_value


def write_atomically(
    function: str, path: Path, write: Callable[[Path], Any], *, remedy: str
) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then move it there in one step.

    Whoever reads ``path`` finds the old file or the new one, never a part of one, whether the
    process is killed, the disk is full or the power fails.

    Args:
        function: name of the public function or option, for its errors.
        path: the file to be.
        write: is called with the temporary path, which has the same suffix.
        remedy: what to advise if that fails.

    Returns:
        ``path``.

    Raises:
        ValueError: if the file cannot be written; the old one is then still there.
    """
    try:
        replace(path, write)
    except OSError as error:
        raise not_writable(function, path, error, remedy) from error
    return path


def replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Do what `write_atomically` does, and let the system's own errors through.

    Args:
        path: the file to be.
        write: is called with the temporary path, which has the same suffix and begins with a dot.

    Raises:
        OSError: if the file cannot be written; the old one is then still there.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # or the new name might outlive a power cut, empty
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def not_writable(
    function: str, path: Path, error: OSError, remedy: str, *, argument: str = "file"
) -> InvalidValueError:
    """Return, for the caller to raise, what says why a file or folder cannot be written."""
    actual = f"'{path}': {error.strerror or error}"
    return invalid_value(function, argument, "to be writable", actual, remedy)
