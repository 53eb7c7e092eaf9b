"""SweepCheckpoint: the waves of a sweep that are done, in files, so that a killed sweep goes on."""

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.array_file import Content, FileKind, pack, storable, unpack
from jaxnet.core.errors import DamagedFileError, invalid_value
from jaxnet.core.files import check_path, replace
from jaxnet.core.trees import name_of
from jaxnet.training.checkpoints.fingerprint import Fingerprint, check_same_run
from jaxnet.training.checkpoints.folder import check_holds, naming_errors, numbers, prepare
from jaxnet.training.checkpoints.save_interval import SaveInterval
from jaxnet.training.sweeps.width import Trial

Folder: TypeAlias = str | os.PathLike[str]

PREFIX, SUFFIX = "part_", ".safetensors"

PART = FileKind("jaxnet sweep", 1, "a part of a sweep", "What it held is computed anew.")


class Plan(NamedTuple):
    """How a sweep is cut up.

    Attributes:
        width: members that each device trains at a time.
        trials: what was measured to choose it.
    """

    width: int
    trials: list[Trial]


class SweepCheckpoint:
    """What a sweep has finished, in a folder.

    ``part_0`` says what the sweep is and how it is cut up; each other holds the results of one
    wave or some. None is written twice, so that it costs no more to write a hundredth one than a
    first. They are safetensors files: Orbax takes 0.1 s to write some, and those a few ms. One
    process at a time may write to a folder.
    """

    plan: Plan | None
    """None if there is no part yet."""

    seconds: float
    """What the training has taken so far, in all starts."""

    def __init__(self, folder: Folder, fingerprint: Fingerprint, like: Any, members: int):
        """Open a folder, and see whether the sweep that it holds is this one.

        Damaged parts are set aside, with a warning.

        Args:
            folder: made if there is none.
            fingerprint: of the sweep that starts.
            like: a tree of the structure of a wave's results.
            members: how many there are in this folder.

        Raises:
            TypeError: if the folder holds a sweep of other networks, rules or precisions.
            ValueError: if it holds another sweep for another reason, or cannot be written to.
            ImportError: if safetensors is not installed.
        """
        self._folder = Path(folder).absolute()
        self._fingerprint, self._like, self._members = fingerprint, like, members
        pack(PART, "{}", {})  # so that one learns before the training if it cannot
        with self._naming_errors():
            check_holds(self._folder, "a sweep")
            self._lock = prepare(self._folder, f".{PREFIX}*{SUFFIX}")
            found = self._read()
        self._has_head = 0 in found
        contents = found.values()
        self._found = [content for content in contents if content.arrays]
        said = [content.description for content in contents]
        self.plan = _plan(said[0]) if said else None
        self.seconds = max((each["seconds"] for each in said), default=0.0)
        self._next = max((*self._numbers(), 0)) + 1
        self._pace = SaveInterval(self.seconds)
        self._waiting: dict[int, Any] = {}

    def begin(self, plan: Plan) -> None:
        """Write down how the sweep is cut up, unless that was done.

        Args:
            plan: the one that is followed from now on.

        Raises:
            ValueError: if it cannot be written.
        """
        self.plan = plan
        if not self._has_head:
            self._write(0, {"fingerprint": self._fingerprint._asdict()}, {}, 0.0)

    def waves(self) -> dict[int, Any]:
        """Return what earlier starts have left, once: first member -> results of the wave."""
        names = jax.tree_util.tree_map_with_path(lambda path, _: name_of(path), self._like)
        waves, width = {}, self.plan.width if self.plan else 0
        for description, arrays in self._found:
            row = 0
            for start in description["starts"]:
                rows = slice(row, row := row + min(width, self._members - start))
                waves[start] = jax.tree.map(lambda n, a=arrays, rows=rows: a[n][rows], names)
        self._found = []  # lets go of the arrays
        return waves

    def add(self, start: int, wave: Any, seconds: float, *, last: bool) -> None:
        """Take a wave, and write those that wait if it is time to.

        Args:
            start: its first member.
            wave: its results.
            seconds: what the training has taken so far, in all starts.
            last: whether there is none after it.

        Raises:
            ValueError: if it cannot be written. The parts before it stay.
        """
        self._waiting[start] = wave
        if not (last or self._pace.due(seconds)):
            return
        with self._pace.writing(seconds):
            waves = self._waiting.values()
            together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *waves)
            leaves, _ = jax.tree_util.tree_flatten_with_path(together)
            named = {name_of(path): leaf for path, leaf in leaves}
            arrays = {n: storable(n, leaf) for n, leaf in named.items()}
            self._write(self._next, {"starts": list(self._waiting)}, arrays, seconds)
        self._next, self._waiting = self._next + 1, {}

    def _write(
        self, number: int, said: Mapping[str, Any], arrays: Mapping[str, Any], seconds: float
    ) -> None:
        own = {"sweep": _identity(self._fingerprint), "seconds": seconds}
        text = json.dumps({**own, **(self.plan or Plan(0, []))._asdict(), **said})
        content = pack(PART, text, arrays)
        with self._naming_errors():
            replace(self._path(number), lambda path: path.write_bytes(content))

    def _read(self) -> dict[int, Content]:
        """Return the parts that are whole, once they are known to be this sweep's."""
        found, damaged = {}, {}
        for number in self._numbers():
            try:
                found[number] = unpack(PART, self._path(number))
            except DamagedFileError as error:
                damaged[self._path(number)] = error
        for number, content in found.items():
            self._check(self._path(number), content.description)
        for path, error in damaged.items():
            path.rename(path.with_name(f"damaged_{path.name}"))
            warnings.warn(str(error), stacklevel=2)
        return found

    def _check(self, path: Path, said: Mapping[str, Any]) -> None:
        if "fingerprint" in said:
            there = Fingerprint(**said["fingerprint"])
            check_same_run(self._fingerprint, there, path)
        elif said["sweep"] != _identity(self._fingerprint):
            remedy = "Begin in an empty folder."
            expected = "to be a part of this sweep"
            raise invalid_value(f"checkpoint '{path}'", expected, "another", remedy)

    def _naming_errors(self) -> contextlib.AbstractContextManager[None]:
        return naming_errors(
            self._folder,
            "writable",
            lambda: [self._path(number) for number in self._numbers()],
        )

    def _numbers(self) -> Sequence[int]:
        return numbers(self._folder, PREFIX, SUFFIX)

    def _path(self, number: int) -> Path:
        return self._folder / f"{PREFIX}{number}{SUFFIX}"


def share_folder(folder: Folder, processes: int) -> Path:
    """Return the folder of this process's share: of several processes, each has its own.

    Args:
        folder: of the whole sweep.
        processes: how many train it.

    Raises:
        ValueError: if it holds anything but shares.
    """
    if processes == 1:
        return Path(folder)
    check_holds(Path(folder), "the shares of several processes")
    return Path(folder) / f"process_{jax.process_index()}"


def stage_folder(folder: Folder | None, number: int) -> Path | None:
    """Return the folder of one of a search's stages; None if it writes no checkpoints.

    Args:
        folder: of the whole search.
        number: of the stage, from 0.

    Raises:
        ValueError: if it holds anything but stages.
    """
    if folder is None:
        return None
    path = check_path("checkpoint", folder)
    check_holds(path, "the stages of a search")
    return path / f"stage_{number}"


def _plan(said: Mapping[str, Any]) -> Plan:
    return Plan(said["width"], [Trial(*trial) for trial in said["trials"]])


def _identity(fingerprint: Fingerprint) -> str:
    """Return a digest of all that decides the bits of a sweep; words do not."""
    decisive = fingerprint._replace(settings={})
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
