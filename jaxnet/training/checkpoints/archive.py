"""An archive: the folder of a run's checkpoints, which Orbax writes whole or not at all."""

import contextlib
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.errors import InvalidValueError, invalid_value, missing_package
from jaxnet.core.files import irregularity
from jaxnet.core.trees import digest
from jaxnet.training.checkpoints.folder import (
    check_holds,
    is_damage,
    let_go,
    naming_errors,
    numbers,
    prepare,
    reason,
    remove_all,
)
from jaxnet.training.checkpoints.lock import FolderLock

FORMAT = 2
"""Of what a checkpoint holds; another one is refused."""

KEPT = 2
"""Checkpoints kept, so that there is one to go back to if the last is damaged."""

PREFIX = "epoch"
"""A checkpoint's folder is ``epoch_12``: no other folder can be taken for one, and be pruned."""

UNFINISHED = ".orbax-checkpoint-tmp"
"""What Orbax adds to the name of a folder until all is on the disk."""

WASTE = f"{PREFIX}_*{UNFINISHED}*"
"""The names of what was not finished, or is to be removed."""

ITEMS = ("arrays", "description")
"""The folders within a checkpoint; what has them not was written by others, and is never pruned."""

EPOCH = "state.epoch"
"""The array that says after how many epochs a checkpoint was written, whatever its folder says."""


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
    next one removes. One process at a time may write to a folder, which a lock sees to. Of
    processes that are joined by `jax.distributed` the first one writes, and waits for no other.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = True):
        """Open a folder.

        Args:
            folder: the folder; its parents are made, too.
            create: whether to make it, lock it and try to write to it; else it is only read.

        Raises:
            ValueError: if it cannot be opened or written to, another process writes to it, or
                this is not the first process.
            ImportError: if Orbax is not installed.
        """
        self.folder = Path(folder).absolute()
        self._damaged: list[int] = []
        self._lock: FolderLock | None = None
        if create:
            _check_first()
            _check_plain(self.folder)
        with self._named("writable" if create else "readable"), _quiet():
            if create:
                check_holds(self.folder, "a run of fit")
                self._lock = prepare(self.folder, WASTE)
            try:
                self._orbax = _checkpointer()
            except BaseException:
                self._release()
                raise

    def read(self) -> Entry | None:
        """Return the last checkpoint that is whole; None if there is none at all.

        Those after it are damaged, of which a warning tells; they stay where they are.

        Raises:
            ValueError: if all are damaged, the last is of another format, or the system does not
                let them be read.
        """
        damage: dict[int, str] = {}
        for epoch in reversed(self._epochs()):
            with self._named("readable"):
                found = self._read_or_say_why_not(epoch)
            if isinstance(found, Entry):
                for text in damage.values():
                    text = f"{text}: '{found.path}' is used instead"
                    warnings.warn(text, stacklevel=2)
                self._damaged = list(damage)
                return found
            damage[epoch] = found
        if damage:
            remedy = "Copy a whole one back, or begin in an empty folder."
            expected, actual = "to hold one that can be read", "; ".join(damage.values())
            raise invalid_value(f"checkpoint '{self.folder}'", expected, actual, remedy)
        return None

    def set_aside(self) -> None:
        """Rename what `read` has found damaged, so that whole ones can take its place.

        Raises:
            ValueError: if that fails.
        """
        with self._named("writable"), _quiet():
            for epoch in self._damaged:
                self.path(epoch).rename(_free(self.folder / f"damaged_{self.path(epoch).name}"))
        self._damaged = []

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

        said = {"format": FORMAT, "arrays": sorted(arrays), **description}
        whole = {**said, "digest": _checksum(arrays, said)}
        items = args.Composite(
            arrays=args.PyTreeSave(dict(arrays)), description=args.JsonSave(whole)
        )
        with self._named("writable"), _quiet():
            try:
                self._orbax.save(self.path(epoch), args=items)
                self._prune()
            finally:
                remove_all(self.folder, WASTE)
        return self.path(epoch)

    def path(self, epoch: int) -> Path:
        """Return the folder of the checkpoint after ``epoch`` epochs."""
        return self.folder / f"{PREFIX}_{epoch}"

    def close(self) -> None:
        """Let go of what Orbax holds, and of the folder."""
        with _quiet():
            self._orbax.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _read_or_say_why_not(self, epoch: int) -> Entry | str:
        try:
            return self._read(epoch)
        except InvalidValueError:
            raise
        except Exception as error:  # whatever Orbax makes of a damaged file
            if not is_damage(error):
                raise
            let_go(error)
            return f"'{self.path(epoch)}' is damaged ({reason(error)})"

    def _read(self, epoch: int) -> Entry:
        from orbax.checkpoint import args

        path = self.path(epoch)
        for each in path.rglob("*"):  # Orbax would wait for what is in a pipe
            if kind := irregularity(each):
                raise ValueError(f"its '{each.relative_to(path)}' is {kind}")
        with _quiet():
            items = args.Composite(description=args.JsonRestore())
            description: Mapping[str, Any] = self._orbax.restore(path, args=items)["description"]
            self._check_format(epoch, description["format"])
            # one by one: of several that fail at once, Orbax would leave the others' threads behind
            arrays = {name: self._read_array(epoch, name) for name in description["arrays"]}
        said = {name: value for name, value in description.items() if name != "digest"}
        if _checksum(arrays, said) != description["digest"]:
            raise ValueError("its SHA-256 is another")
        if arrays[EPOCH] != epoch:
            raise ValueError(f"it was written as '{self.path(int(arrays[EPOCH])).name}'")
        return Entry(arrays, description, path)

    def _read_array(self, epoch: int, name: str) -> np.ndarray:
        from orbax.checkpoint import RestoreArgs, args

        as_numpy = {name: RestoreArgs(restore_type=np.ndarray)}
        wanted = args.PyTreeRestore({name: 0}, restore_args=as_numpy, partial_restore=True)
        restored = self._orbax.restore(self.path(epoch), args=args.Composite(arrays=wanted))
        return restored["arrays"][name]

    def _check_format(self, epoch: int, found: Any) -> None:
        if not isinstance(found, int):
            raise ValueError("it does not say of what format it is")
        if found != FORMAT:
            remedy = "Go on with the version of jaxnet that wrote it, or begin in an empty folder."
            where = f"checkpoint '{self.path(epoch)}'"
            raise invalid_value(where, f"to be of format {FORMAT}", found, remedy)

    def _prune(self) -> None:
        """Give all but the last checkpoints a name by which they are removed, now or later."""
        for path in self._whole()[:-KEPT]:
            path.rename(path.with_name(f"{path.name}{UNFINISHED}-old"))

    def _named(self, what: str) -> contextlib.AbstractContextManager[None]:
        return naming_errors(self.folder, what, self._whole)

    def _whole(self) -> Sequence[Path]:
        """Return the checkpoints by age, without what only has a name like theirs."""
        paths = map(self.path, self._epochs())
        return [path for path in paths if all((path / item).is_dir() for item in ITEMS)]

    def _epochs(self) -> Sequence[int]:
        return numbers(self.folder, f"{PREFIX}_")


def _checksum(arrays: Mapping[str, np.ndarray], said: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that a checkpoint says."""
    text = json.dumps(said, sort_keys=True)
    return hashlib.sha256(f"{text}\n{digest(dict(arrays))}".encode()).hexdigest()


def _free(path: Path) -> Path:
    """Return the path, or one with a number after it if there is something."""
    number = 1
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free


def _check_plain(folder: Path) -> None:
    """Refuse brackets: Orbax takes them for a pattern, and writes what cannot be read again."""
    if set("[]") & set(str(folder)):
        expected, remedy = "to lie in a path without [ and ]", "Pass another folder."
        raise invalid_value("checkpoint", expected, repr(str(folder)), remedy)


def _check_first() -> None:
    """Raise a ValueError in all processes but the first: Orbax writes NumPy arrays there alone."""
    if index := jax.process_index():
        remedy = "Pass jax.devices() as devices in every process, or no checkpoint in this one."
        raise invalid_value("checkpoint", "to be of process 0", f"process {index}", remedy)


def _checkpointer() -> Any:
    try:
        import orbax.checkpoint as ocp
    except ImportError as error:
        remedy = "pip install 'jaxnet[checkpoint]' installs it."
        raise missing_package("orbax-checkpoint", str(error), remedy) from error
    index = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(  # or it would wait for processes that do not call
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"process_{index}"
    )
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=alone),
        arrays=ocp.PyTreeCheckpointHandler(multiprocessing_options=alone),
        description=ocp.JsonCheckpointHandler(multiprocessing_options=alone),
    )
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


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
