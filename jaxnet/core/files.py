"""Reading of regular files up to a size, and atomic writing."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Literal

from jaxnet.core.checks import require, require_type
from jaxnet.core.errors import InvalidValueError, invalid_value, with_type

IRREGULAR = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
"""File type of the system -> name of what is not a regular file."""

LARGEST = 2**36
"""Bytes of the largest file that is read, where there is no smaller limit: 64 GiB."""

NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Flags with which opening a pipe or terminal does not block."""


def check_path(argument: str, path: Any) -> Path:
    """Return the path of a file or folder on this machine's disks.

    Args:
        argument: the argument's name.
        path: string or path object.

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
    remedy = "Pass a str or a pathlib.Path."
    require_type(isinstance(name, str), argument, "to be a path", with_type(path), remedy)
    require(name and "\0" not in name, argument, "to be a path", repr(name))
    address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", name)  # pathlib makes one slash of two
    remedy = "Write to a folder, and copy it there."
    require(not address, argument, "to be on a disk", repr(name), remedy)
    return Path(name)


def irregularity(file: Path | int) -> str | None:
    """Name the kind of a path, such as ``"a pipe"``; None for files, folders and missing paths.

    Args:
        file: a path, or the number of an open file.
    """
    try:
        return IRREGULAR.get(stat.S_IFMT(os.stat(file).st_mode))
    except OSError:
        return None


def check_regular(path: Path, file: Path | int | None = None) -> None:
    """Raise a ValueError for a device or pipe.

    They cannot be replaced, and reading them may never end. Folders and missing files pass: the
    system raises its own errors for them.

    Args:
        path: of a file, or a symbolic link to one.
        file: descriptor of the open file, if it is open.
    """
    kind = irregularity(path if file is None else file)
    require(kind is None, "file", "to be a regular file", f"'{path}', {kind}")


def open_regular(path: Path, mode: Literal["rb", "ab"], *, limit: int = LARGEST) -> IO[bytes]:
    """Open a file for reading or unbuffered appending, without blocking.

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
        require(size <= limit, "file", f"of at most {limit:,} bytes", f"'{path}' of {size:,}")
    except InvalidValueError:
        file.close()
        raise
    return file


def read_regular(path: Path, *, limit: int = LARGEST) -> bytes:
    """Return the bytes of a file.

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
    """Write a file atomically: fill a temporary file, then rename it.

    Readers of ``path`` find the old file or the new one, never a part of one, even after a kill, a
    full disk or a power failure.

    Args:
        path: the file to write; a symbolic link is followed.
        write: is called with the temporary path, which has the same suffix.
        remedy: advice if writing fails.

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
    """Return the error for a file or folder that cannot be written."""
    actual = f"'{path}': {error.strerror or error}"
    return invalid_value(argument, "to be writable", actual, remedy)


def user_cache() -> Path:
    """Return the folder of what can be made or fetched again: ``~/.cache/jaxnet``.

    ``$XDG_CACHE_HOME`` stands for ``~/.cache`` where it is set.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "jaxnet"
