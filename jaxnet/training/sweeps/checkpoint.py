"""Checkpoints of a sweep: finished batches of runs, one file each."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.files import check_path
from jaxnet.core.trees import leaves_by_name, name_of
from jaxnet.training.checkpoints.fingerprint import Fingerprint
from jaxnet.training.checkpoints.folder import CheckpointFolder, Folder, check_holds
from jaxnet.training.checkpoints.save_interval import SaveInterval
from jaxnet.training.sweeps.width import Trial


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

    Each file holds the results of one batch of runs or some. None is written twice: the hundredth
    costs no more than the first.
    """

    plan: Plan | None
    """To be set before the first batch if there is no file yet."""

    seconds: float
    """What the training has taken so far, in all starts."""

    def __init__(self, folder: Folder, fingerprint: Fingerprint, like: Any, members: int):
        """Open a folder, and check that the sweep it holds is this one.

        Args:
            folder: made if there is none.
            fingerprint: of the sweep that starts.
            like: a tree of the structure of a batch's results.
            members: how many there are in this folder.

        Raises:
            TypeError: if the folder holds a sweep of other networks, rules or precisions.
            ValueError: if it holds another sweep for another reason, or cannot be written.
        """
        self._like, self._members = like, members
        self._folder = CheckpointFolder(folder, "a sweep", fingerprint)
        self._found = self._folder.read(every=True)
        said = [content.description for content in self._found]
        self.plan = Plan(said[0]["width"], [Trial(*t) for t in said[0]["trials"]]) if said else None
        self.seconds = max((each["seconds"] for each in said), default=0.0)
        self._next = 1 + max((each["number"] for each in said), default=0)
        self._interval = SaveInterval(self.seconds)
        self._waiting: dict[int, Any] = {}

    def batches(self) -> dict[int, Any]:
        """Return what earlier starts have left, once: first member -> results of the batch."""
        names = jax.tree_util.tree_map_with_path(lambda path, _: name_of(path), self._like)
        batches, width = {}, self.plan.width if self.plan else 0
        for description, arrays in self._found:
            row = 0
            for start in description["starts"]:
                rows = slice(row, row := row + min(width, self._members - start))
                batches[start] = jax.tree.map(lambda n, a=arrays, rows=rows: a[n][rows], names)
        self._found = []  # frees the arrays
        return batches

    def add(self, start: int, batch: Any, seconds: float, *, last: bool) -> None:
        """Take a batch, and write those that wait if it is time to, or if it is the last.

        Args:
            start: its first member.
            batch: its results.
            seconds: what the training has taken so far, in all starts.
            last: whether there is none after it.
        """
        self._waiting[start] = batch
        if last or self._interval.due(seconds):
            self.flush(seconds)

    def flush(self, seconds: float) -> None:
        """Write the batches that wait."""
        if not self._waiting:
            return
        with self._interval.writing(seconds):
            batches = self._waiting.values()
            together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)
            said = {"starts": list(self._waiting), "seconds": seconds}
            plan = self.plan._asdict() if self.plan else {}
            self._folder.write(self._next, said | plan, leaves_by_name(together))
        self._next, self._waiting = self._next + 1, {}

    def close(self) -> None:
        """Release the folder."""
        self._folder.close()


def share_folder(folder: Folder, processes: int) -> Path:
    """Return the folder of this process's share of a sweep."""
    if processes == 1:
        return Path(folder)
    check_holds(Path(folder), "the shares of several processes")
    return Path(folder) / f"process_{jax.process_index()}"


def stage_folder(folder: Folder | None, number: int) -> Path | None:
    """Return the folder of one of a search's stages; None if it writes no checkpoints."""
    if folder is None:
        return None
    path = check_path("checkpoint", folder)
    check_holds(path, "the stages of a search")
    return path / f"stage_{number}"
