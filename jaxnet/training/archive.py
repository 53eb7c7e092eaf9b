"""An archive: the folder of a run's checkpoints, which Orbax writes whole or not at all."""

import contextlib
import errno
import gc
import logging
import os
import re
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.errors import InvalidValueError, invalid_value, missing_package
from jaxnet.core.trees import digest

FORMAT = 1
"""Of what a checkpoint holds; another one is refused."""

KEPT = 2
"""Checkpoints kept, so that there is one to go back to if the last is damaged."""

PREFIX = "epoch"
"""A checkpoint's folder is ``epoch_12``: no other folder can be taken for one, and be pruned."""


UNFINISHED = ".orbax-checkpoint-tmp"
"""What Orbax adds to the name of a folder until all is on the disk."""

MARKS = {
    "a run of fit": f"{PREFIX}_[0-9]*",
    "a sweep": "part_[0-9]*.safetensors",
    "the shares of several processes": "process_[0-9]*",
    "the stages of a search": "stage_[0-9]*",
}
"""What a folder may hold checkpoints of -> the names by which that is known."""


class Entry(NamedTuple):
    """What one checkpoint holds.

    Attributes:
        arrays: path -> array.
        description: all else, in JSON's own types.
        path: its folder.
    """

    arrays: Mapping[str, np.ndarray]
    description: Mapping[str, Any]
    path: Path


class Archive:
    """The checkpoints in a folder, of which the last ones are kept.

    Orbax writes each into a temporary folder, which it renames when all is on the disk: a process
    killed at any moment leaves the last complete ones and maybe a temporary folder, which the
    next one removes. One process at a time may write to a folder. Of processes that are joined by
    `jax.distributed` the first one writes, and waits for no other.
    """

    def __init__(self, function: str, folder: str | os.PathLike[str], *, create: bool = True):
        """Open a folder.

        Args:
            function: who complains.
            folder: the folder; its parents are made, too.
            create: whether to make it and try to write to it.

        Raises:
            ValueError: if it cannot be opened or written to, or this is not the first process.
            ImportError: if Orbax is not installed.
        """
        self.function = function
        self.folder = Path(folder).absolute()
        if create:
            _check_first(function)
            _check_plain(function, self.folder)
        with self._named("writable" if create else "readable"), _quiet():
            if create:
                check_holds(function, self.folder, "a run of fit")
                prepare(self.folder, f"{PREFIX}_*{UNFINISHED}*")
            self._manager = _manager(function, self.folder)

    def read(self) -> Entry | None:
        """Return the last checkpoint that is whole; None if there is none at all.

        Those after it are damaged; they are removed, with a warning.

        Raises:
            ValueError: if all are damaged, or the last is of another format.
        """
        damage = {}
        for epoch in sorted(self._manager.all_steps(), reverse=True):
            path = self.path(epoch)
            try:
                entry = self._read(epoch)
            except Exception as error:  # whatever Orbax makes of a damaged file
                damage[epoch] = f"'{path}' is damaged ({_reason(error)})"
                _let_go(error)
                continue
            self._check_format(entry)
            for damaged, text in damage.items():
                warnings.warn(f"{self.function}: {text}: '{path}' is used instead", stacklevel=2)
                self._remove(damaged)
            return entry
        if damage:
            remedy = "Copy a whole one back, or begin in an empty folder."
            expected, actual = "to hold one that can be read", "; ".join(damage.values())
            raise invalid_value(
                self.function, f"checkpoint '{self.folder}'", expected, actual, remedy
            )
        return None

    def write(
        self, epoch: int, arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]
    ) -> Path:
        """Write a checkpoint, remove all but the last ones, and return its path.

        Args:
            epoch: finished epochs, more than those of the checkpoints that are there.
            arrays: path -> array, none of them empty.
            description: all else, in JSON's own types.

        Raises:
            ValueError: if it cannot be written; those before stay.
        """
        from orbax.checkpoint import args

        whole = {
            "format": FORMAT,
            "arrays": sorted(arrays),
            "digest": digest(dict(arrays)),
            **description,
        }
        items = args.Composite(
            arrays=args.PyTreeSave(dict(arrays)), description=args.JsonSave(whole)
        )
        with self._named("writable"), _quiet():
            try:
                self._manager.save(epoch, args=items, force=True)
            finally:
                _remove_unfinished(self.folder, f"{PREFIX}_*{UNFINISHED}*")
        return self.path(epoch)

    def path(self, epoch: int) -> Path:
        """Return the folder of the checkpoint after ``epoch`` epochs."""
        return self.folder / f"{PREFIX}_{epoch}"

    def close(self) -> None:
        """Let go of what Orbax holds."""
        with _quiet():
            self._manager.close()

    def _read(self, epoch: int) -> Entry:
        from orbax.checkpoint import args

        with _quiet():
            items = args.Composite(description=args.JsonRestore())
            description: Mapping[str, Any] = self._manager.restore(epoch, args=items)["description"]
            # one by one: of several that fail at once, Orbax would leave the others' threads behind
            arrays = {name: self._read_array(epoch, name) for name in description["arrays"]}
        if digest(arrays) != description["digest"]:
            raise ValueError("its SHA-256 is another")
        return Entry(arrays, description, self.path(epoch))

    def _read_array(self, epoch: int, name: str) -> np.ndarray:
        from orbax.checkpoint import RestoreArgs, args

        as_numpy = {name: RestoreArgs(restore_type=np.ndarray)}
        wanted = args.PyTreeRestore({name: 0}, restore_args=as_numpy, partial_restore=True)
        return self._manager.restore(epoch, args=args.Composite(arrays=wanted))["arrays"][name]

    def _check_format(self, entry: Entry) -> None:
        found = entry.description["format"]
        if found != FORMAT:
            remedy = "Go on with the version of jaxnet that wrote it, or begin in an empty folder."
            where = f"checkpoint '{entry.path}'"
            raise invalid_value(self.function, where, f"to be of format {FORMAT}", found, remedy)

    def _remove(self, epoch: int) -> None:
        with self._named("writable"), _quiet():
            self._manager.delete(epoch)

    def _named(self, what: str) -> contextlib.AbstractContextManager[None]:
        return naming_errors(self.function, self.folder, what, self._existing)

    def _existing(self) -> Sequence[Path]:
        """Return the checkpoints by age, found without Orbax, which may have failed."""
        names = (path.name.removeprefix(f"{PREFIX}_") for path in self.folder.glob(f"{PREFIX}_*"))
        return [self.path(epoch) for epoch in sorted(int(n) for n in names if n.isdigit())]


def _check_plain(function: str, folder: Path) -> None:
    """Refuse brackets: Orbax takes them for a pattern, and writes what cannot be read again."""
    if set("[]") & set(str(folder)):
        expected, remedy = "to lie in a path without [ and ]", "Pass another folder."
        raise invalid_value(function, "checkpoint", expected, repr(str(folder)), remedy)


def _check_first(function: str) -> None:
    """Raise a ValueError in all processes but the first: Orbax writes NumPy arrays there alone."""
    if index := jax.process_index():
        remedy = "Pass jax.devices() as devices in every process, or no checkpoint in this one."
        raise invalid_value(
            function, "checkpoint", "to be of process 0", f"process {index}", remedy
        )


def check_holds(function: str, folder: Path, what: str) -> None:
    """Raise a ValueError if a folder holds checkpoints of something else.

    Args:
        function: who complains.
        folder: which need not exist.
        what: one of `MARKS`.
    """
    for other, mark in MARKS.items():
        if other != what and any(folder.glob(mark)):
            remedy = "Pass another folder, or what that one was written by."
            expected = f"to be a folder of {what}"
            actual = f"one of {other}"
            raise invalid_value(function, f"checkpoint '{folder}'", expected, actual, remedy)


def prepare(folder: Path, unfinished: str) -> None:
    """Make a folder, try to write to it before a long run does, and remove unfinished writing.

    Args:
        folder: its parents are made, too.
        unfinished: the pattern of names that only what was not finished has.

    Raises:
        OSError: if it cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    _remove_unfinished(folder, unfinished)


@contextlib.contextmanager
def naming_errors(
    function: str, folder: Path, what: str, existing: Callable[[], Sequence[Path]]
) -> Iterator[None]:
    """Let what the system or Orbax complains about become an error about a folder.

    Args:
        function: who complains.
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
        _let_go(error)
        remedy = "Make room, or pass another folder."
        before = existing()
        if before:
            remedy += f" The last good checkpoint is '{before[-1]}'."
        actual = f"'{folder}': {_reason(error)}"
        expected = f"to be a {what} folder"
        raise invalid_value(function, "checkpoint", expected, actual, remedy) from error


def _remove_unfinished(folder: Path, unfinished: str) -> None:
    # Orbax offers to, but in a thread of its own that may outlive the run
    for path in folder.glob(unfinished):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _manager(function: str, folder: Path) -> Any:
    try:
        import orbax.checkpoint as ocp
    except ImportError as error:
        remedy = "pip install 'jaxnet[checkpoint]' installs it."
        raise missing_package(function, "orbax-checkpoint", str(error), remedy) from error
    index = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(  # or it would wait for processes that do not call
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"process_{index}"
    )
    options = ocp.CheckpointManagerOptions(
        max_to_keep=KEPT,
        step_prefix=PREFIX,
        create=False,
        enable_async_checkpointing=False,
        multiprocessing_options=alone,
    )
    handlers = {
        "arrays": ocp.PyTreeCheckpointHandler(multiprocessing_options=alone),
        "description": ocp.JsonCheckpointHandler(multiprocessing_options=alone),
    }
    return ocp.CheckpointManager(folder, options=options, item_handlers=handlers)


def _reason(error: Exception) -> str:
    """Return what the system said, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    code = re.search(r"os_error_code='(\d+)'", str(error))  # TensorStore's way to say it
    if code:
        return os.strerror(int(code[1]))
    return (str(error) or type(error).__name__).splitlines()[0]


def _let_go(error: BaseException | None) -> None:
    """Let go of the coroutines that a failure has left in Orbax's frames, and of their warnings."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was never awaited", RuntimeWarning)
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__
        gc.collect()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Orbax from logging what is raised as an error anyway."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
