"""A lock: one process at a time writes to a folder of checkpoints."""

import contextlib
import errno
import os
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from jaxnet.core.errors import invalid_value
from jaxnet.core.files import open_regular

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None

NAME = ".lock"
"""The file that is locked; it lies in the folder for as long."""

WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""What file systems say that know no locks: there, as on Windows, each is trusted to be alone."""


_taken: ContextVar[list["FolderLock"] | None] = ContextVar("_taken", default=None)


class FolderLock:
    """Keeps other runs from writing to a folder, until it is released or gone.

    The system releases it when the process ends, in whatever way.
    """

    def __init__(self, folder: Path):
        """Lock a folder.

        Args:
            folder: it exists.

        Raises:
            ValueError: if it is locked already, or a pipe or device lies where the lock would.
            OSError: if there can be no such file in it.
        """
        path = folder / NAME
        file = _locked(path)
        if file is None:
            expected = "to be written to by one run at a time"
            remedy = "Wait until that one ends, or pass another folder."
            where = f"checkpoint '{folder}'"
            raise invalid_value(where, expected, "one that writes to it now", remedy)
        self.release = weakref.finalize(self, _release, file, path, os.getpid())
        within = _taken.get()
        if within is not None:
            within.append(self)


@contextlib.contextmanager
def releasing_locks() -> Iterator[None]:
    """Release at the end of a function, or of a block, all folders that are locked within.

    An error's traceback may outlive it for long, and with it whoever holds a lock.
    """
    before = _taken.set([])
    try:
        yield
    finally:
        taken = _taken.get() or ()
        _taken.reset(before)
        for lock in taken:
            lock.release()


def _locked(path: Path) -> IO[bytes] | None:
    """Return the file, locked; None if another has locked it."""
    while True:
        file = open_regular(path, "ab")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in WITHOUT:
                file.close()
                if isinstance(error, BlockingIOError):
                    return None
                raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # of one that has released it meanwhile, which removed the file


def _release(file: IO[bytes], path: Path, process: int) -> None:
    """Remove the file and let go of it; a fork of the process that has it only lets go."""
    if fcntl is None:
        file.close()  # what is open cannot be removed on Windows
    try:
        if os.getpid() == process:
            with contextlib.suppress(OSError):  # an empty file more does no harm
                path.unlink()
    finally:
        file.close()
