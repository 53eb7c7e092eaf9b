"""Files: read if they are regular and not too large, written whole or not at all."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Literal

from jaxnet.core.errors import InvalidValueError, invalid_type, invalid_value

IRREGULAR = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
"""What is no file, though it has the name of one, by what the system calls it."""

LARGEST = 2**36
"""Bytes of the largest file that is read, where there is no smaller limit: 64 GiB."""

NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Flags that open a pipe though nobody is at its other end, and take no terminal as one's own."""


def check_path(argument: str, path: Any) -> Path:
    """Return the path of a file or folder on this machine's disks.

    Args:
        argument: the argument's name.
        path: what was given.

    Raises:
        TypeError: if it is neither a string nor a path.
        ValueError: if it is empty, has a zero byte in it, or is an address such as ``s3://...``.

    >>> check_path("path", "s3://bucket/model")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected path to be on a disk, \
got 's3://bucket/model'. Write to a folder, and copy it there.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        actual = f"{path!r} of type {type(path).__name__}"
        remedy = "Pass a str or a pathlib.Path."
        raise invalid_type(argument, "to be a path", actual, remedy)
    if not name or "\0" in name:
        raise invalid_value(argument, "to be a path", repr(name), "Pass a name.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", name):  # pathlib makes one slash of two
        remedy = "Write to a folder, and copy it there."
        raise invalid_value(argument, "to be on a disk", repr(name), remedy)
    return Path(name)


def irregularity(file: Path | int) -> str | None:
    """Return what a path leads to, such as ``"a pipe"``, if it is neither a file nor a folder.

    Args:
        file: a path, or the number of an open file.
    """
    try:
        return IRREGULAR.get(stat.S_IFMT(os.stat(file).st_mode))
    except OSError:
        return None


def check_regular(path: Path, file: Path | int | None = None) -> None:
    """Raise a ValueError for a device or pipe: one cannot be replaced, and reading may never end.

    What is a folder or not there the system complains about itself.

    Args:
        path: of a file, or a symbolic link to one.
        file: the number that it is open by; by default it is not.
    """
    kind = irregularity(path if file is None else file)
    if kind is not None:
        actual, remedy = f"'{path}', {kind}", "Choose another place."
        raise invalid_value("file", "to be a regular file", actual, remedy)


def open_regular(path: Path, mode: Literal["rb", "ab"], *, limit: int = LARGEST) -> IO[bytes]:
    """Open a file for reading, or for appending without a buffer, and never wait for it.

    Args:
        path: of a file, or a symbolic link to one.
        mode: as for `open`.
        limit: the most bytes that it may hold.

    Raises:
        ValueError: for a device or pipe, even one that takes the file's place meanwhile; for a
            larger file.
        OSError: if it cannot be opened.
    """
    check_regular(path)  # before: opening a device may set it going

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | NO_WAITING, 0o666)

    file = open(path, mode, buffering=-1 if mode == "rb" else 0, opener=opener)  # noqa: SIM115
    try:
        check_regular(path, file.fileno())
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            actual, remedy = f"'{path}' of {size:,}", "Choose a smaller one."
            raise invalid_value("file", f"of at most {limit:,} bytes", actual, remedy)
    except InvalidValueError:
        file.close()
        raise
    return file


def read_regular(path: Path, *, limit: int = LARGEST) -> bytes:
    """Return what a file holds.

    Args:
        path: of a file, or a symbolic link to one.
        limit: the most bytes that it may hold.

    Raises:
        ValueError: for a device or pipe, or a larger file.
        OSError: if it cannot be read.
    """
    with open_regular(path, "rb", limit=limit) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def write_atomically(path: Path, write: Callable[[Path], Any], *, remedy: str) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then move it there in one step.

    Whoever reads ``path`` finds the old file or the new one, never a part of one, whether the
    process is killed, the disk is full or the power fails.

    Args:
        path: the file to be; if it is a symbolic link, what that leads to.
        write: is called with the temporary path, which has the same suffix and begins with a dot.
        remedy: what to advise if that fails.

    Returns:
        ``path``.

    Raises:
        ValueError: if the file cannot be written; the old one is then still there.
    """
    check_regular(path)
    real = Path(os.path.realpath(path))
    temporary = real.with_name(f".{real.stem}.{os.getpid()}{real.suffix}")
    try:
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())  # or the new name might outlive a power cut, empty
            os.replace(temporary, real)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(path, error, remedy) from error
    return path


def not_writable(
    path: Path, error: OSError, remedy: str, *, argument: str = "file"
) -> InvalidValueError:
    """Return, for the caller to raise, what says why a file or folder cannot be written."""
    actual = f"'{path}': {error.strerror or error}"
    return invalid_value(argument, "to be writable", actual, remedy)
