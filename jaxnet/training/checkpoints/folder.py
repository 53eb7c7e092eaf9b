"""A folder of checkpoints: numbered safetensors files, written by one process at a time."""

import contextlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from jaxnet.core.array_file import Content, FileKind, pack, storable, unpack
from jaxnet.core.checks import require
from jaxnet.core.errors import DamagedFileError, MissingFileError, invalid_value, message
from jaxnet.core.files import not_writable, write_atomically
from jaxnet.core.optional_imports import import_package
from jaxnet.training.checkpoints.fingerprint import Fingerprint, check_same_run

Folder: TypeAlias = str | os.PathLike[str]

FORMAT = 3
"""Version of the files; jaxnet 0.1.0 wrote 1 and 2."""

FILES = {
    "a run of fit": ("epoch_", FileKind("jaxnet run", FORMAT, "a checkpoint", "It is skipped.")),
    "a sweep": ("part_", FileKind("jaxnet sweep", FORMAT, "a part of a sweep", "It is skipped.")),
}
"""What a folder holds checkpoints of -> the prefix of their names, and their kind."""

MARKS = {
    "a run of fit": "epoch_[0-9]*.safetensors",
    "a sweep": "part_[0-9]*.safetensors",
    "the shares of several processes": "process_[0-9]*",
    "the stages of a search": "stage_[0-9]*",
    "a run of jaxnet 0.1.0": "epoch_[0-9]*/_CHECKPOINT_METADATA",
}
"""What a folder holds checkpoints of -> a pattern of names by which that is known."""

ROOM = "Make room, or pass another folder."


def check_holds(folder: Path, what: str) -> None:
    """Raise a ValueError if a folder, which need not exist, holds anything else of `MARKS`."""
    for other, mark in MARKS.items():
        good = other == what or not any(folder.glob(mark))
        argument, actual = f"checkpoint '{folder}'", f"one of {other}"
        require(good, argument, f"to be a folder of {what}", actual)


class CheckpointFolder:
    """The checkpoints of one run or sweep, a file each.

    A file is written beside its place and renamed: a process killed at any moment leaves whole
    ones, and its lock is released.
    """

    def __init__(self, folder: Folder, what: str, fingerprint: Fingerprint | None = None):
        """Open a folder.

        Args:
            folder: made with its parents if there is none.
            what: it holds checkpoints of, one of `FILES`.
            fingerprint: of the run that starts; without one the folder is only read.

        Raises:
            ValueError: if it holds something else, cannot be written, or is in use.
            ImportError: if safetensors or filelock is not installed.
        """
        self._folder, self._fingerprint = Path(folder).absolute(), fingerprint
        self._prefix, self._kind = FILES[what]
        self._lock: Any = None
        check_holds(self._folder, what)
        if fingerprint is not None:
            advice = {"remedy": "pip install -e '.[checkpoint]' installs all for checkpoints."}
            import_package("safetensors.numpy", **advice)
            self._open(import_package("filelock", **advice))

    def read(self, *, every: bool = False) -> list[Content]:
        """Return the last whole checkpoint, or every one, last first; an empty list if none is.

        Damaged ones are skipped with a warning, and renamed once the others are known to be of
        this run, so that nothing overwrites them. An error closes the folder.

        Raises:
            TypeError: if one is of another network, optimizer, rule or precision.
            ValueError: if one is of another run for another reason, or the system does not let
                it be read; if all are damaged and one is needed.
        """
        found, damaged = list[Content](), list[Path]()
        with self._closing_on_error():
            for path in reversed(self.paths()):
                try:
                    found.append(self._read(path))
                except (DamagedFileError, MissingFileError) as error:
                    warnings.warn(str(error), stacklevel=2)
                    damaged.append(path)
                    continue
                if self._fingerprint is not None:
                    there = Fingerprint(**found[-1].description["fingerprint"])
                    check_same_run(self._fingerprint, there, path)
                if not every:
                    break
            where, expected = f"checkpoint '{self._folder}'", "to hold one that can be read"
            actual = f"only damaged ones, {', '.join(path.name for path in damaged)}"
            require(found or every or not damaged, where, expected, actual)
            for path in damaged if self._lock else ():
                aside = path
                while os.path.lexists(aside := aside.with_name(f"damaged_{aside.name}")):
                    pass
                path.rename(aside)
        return found

    def write(
        self,
        number: int,
        description: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        *,
        kept: int | None = None,
    ) -> None:
        """Write a checkpoint, whole or not at all, and keep the last ones, or all.

        Raises:
            ValueError: if it cannot be written; those before stay.
        """
        before = self.paths()
        own = {"number": number, "fingerprint": self._fingerprint and self._fingerprint._asdict()}
        text = json.dumps({**own, **description})
        content = pack(self._kind, text, {name: storable(name, a) for name, a in arrays.items()})
        remedy = " ".join([ROOM, *(f"The last good checkpoint is '{p}'." for p in before[-1:])])
        write_atomically(self._path(number), lambda path: path.write_bytes(content), remedy=remedy)
        for path in self.paths()[:-kept] if kept else ():
            with contextlib.suppress(OSError):  # what cannot be removed stays
                path.unlink()

    def paths(self) -> Sequence[Path]:
        """Return the paths of all checkpoints, by number."""
        name = re.compile(rf"{self._prefix}(0|[1-9][0-9]*)\.safetensors")
        found = (name.fullmatch(path.name) for path in self._folder.glob(f"{self._prefix}*"))
        return [self._path(number) for number in sorted(int(match[1]) for match in found if match)]

    def close(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            self._lock.release()

    def _open(self, filelock: Any) -> None:
        with self._closing_on_error():
            self._folder.mkdir(parents=True, exist_ok=True)
            # not bound to a thread: the garbage collector may run in any
            self._lock = filelock.FileLock(self._folder / ".lock", thread_local=False)
            try:
                self._lock.acquire(blocking=False)
            except filelock.Timeout as error:
                where, expected = (
                    f"checkpoint '{self._folder}'",
                    "to be written by one run at a time",
                )
                raise invalid_value(where, expected, "one in use") from error
            for unfinished in self._folder.glob(f".{self._prefix}*.safetensors"):
                unfinished.unlink()

    def _read(self, path: Path) -> Content:
        content = unpack(self._kind, path)
        written = self._path(content.description["number"]).name
        if written != path.name:
            expected = "to have the name that it was written by"
            raise DamagedFileError(message(str(path), expected, written, self._kind.remedy))
        return content

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._prefix}{number}.safetensors"

    @contextlib.contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        """Release the folder if anything fails, and say of the system's errors where."""
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise not_writable(self._folder, error, ROOM, argument="checkpoint") from error
            raise
