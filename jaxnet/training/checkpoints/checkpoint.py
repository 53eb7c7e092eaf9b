"""Checkpoints: a run that is killed goes on where it was, and ends with the same bits."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.errors import invalid_value
from jaxnet.core.trees import describe_arrays, name_of
from jaxnet.training.checkpoints.archive import Archive, Entry
from jaxnet.training.checkpoints.fingerprint import (
    Fingerprint,
    check_same_arrays,
    check_same_run,
)
from jaxnet.training.checkpoints.save_interval import SaveInterval
from jaxnet.training.distributed.processes import Message, from_first
from jaxnet.training.loop.run import RunRecord
from jaxnet.training.loop.state import TrainState, is_key

Tree = TypeVar("Tree")


class Standing(NamedTuple):
    """Where a run stands.

    Attributes:
        state: after the epochs so far.
        history: a row for each of them.
        seconds: wall time that they took, in all starts together.
    """

    state: TrainState
    history: RunRecord
    seconds: float


class Checkpoint:
    """The checkpoints of one run: what an earlier start has left, and when to write the next.

    Of a run of several processes the first one alone reads, writes and decides when to; the others
    are told what it has found and what has gone wrong. Each of them calls every method.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        fingerprint: Fingerprint,
        processes: int = 1,
        *,
        epochs: int,
        every_chunk: bool,
    ):
        """Open a folder, and see whether the run that it holds is this one.

        Args:
            folder: made if there is none.
            fingerprint: of the run that starts.
            processes: how many train together.
            epochs: how many it is to have in all.
            every_chunk: whether to write after every chunk. If not, then as often as takes a
                fiftieth of the time, and at the end.

        Raises:
            TypeError: if the folder holds a run of another network, optimizer, rule or precision.
            ValueError: if it holds another run for another reason, or cannot be written to.
        """
        self._archive: Archive | None = None  # as it stays in the processes that do not write
        self._processes = processes
        self._fingerprint = fingerprint
        self._every_chunk = every_chunk
        self._pace = SaveInterval()
        self._latest: Path | None = None
        self._found = from_first(processes, lambda: self._open(folder, epochs))

    def _open(self, folder: str | os.PathLike[str], epochs: int) -> Message:
        archive = self._archive = Archive(folder)
        try:
            found = archive.read()
            if found is None:
                return Message()
            self._latest = found.path
            there = Fingerprint(**found.description["fingerprint"])
            check_same_run(self._fingerprint, there, self._latest)
            _check_epochs(epochs, found)
            archive.set_aside()  # what is damaged, now that it is known to be of this run
        except BaseException:
            self.close()
            raise
        return Message(found.description["seconds"], found.arrays)

    def resume(self, start: Standing) -> Standing:
        """Return where an earlier start has left the run; ``start`` if there was none.

        Args:
            start: the run before its first epoch; its history has no row.
        """
        seconds, arrays = self._found
        if not arrays:
            return start
        self._found = Message()  # lets go of the arrays
        self._pace = SaveInterval(seconds)
        state = _from_arrays("state", start.state, arrays)
        return Standing(state, _from_arrays("history", start.history, arrays), seconds)

    def save(self, standing: Standing, *, last: bool) -> None:
        """Write where the run stands, if it is time to.

        Args:
            standing: after a chunk.
            last: whether it was the last one, which is always written.

        Raises:
            ValueError: if it cannot be written. The checkpoints before it stay.
        """
        from_first(self._processes, lambda: self._save(standing, last=last))

    def _save(self, standing: Standing, *, last: bool) -> Message:
        due = self._every_chunk or last or self._pace.due(standing.seconds)
        if self._archive is None or not due:
            return Message()
        with self._pace.writing(standing.seconds):
            arrays = _to_arrays("state", standing.state) | _to_arrays("history", standing.history)
            description = {
                "fingerprint": self._fingerprint._asdict(),
                "epochs": _length(standing.history),
                "seconds": standing.seconds,
            }
            self._latest = self._archive.write(int(standing.state.epoch), arrays, description)
        return Message()

    def describe(self) -> str:
        """Return where the last one is, in a sentence."""
        last = f"The last good checkpoint is '{self._latest}'."
        none = "No checkpoint has been written yet."
        return from_first(self._processes, lambda: Message(last if self._latest else none)).text

    def close(self) -> None:
        """Let go of the folder."""
        if self._archive is not None:
            self._archive.close()


def restore_state(folder: str | os.PathLike[str], like: TrainState) -> TrainState:
    """Return the state of a folder's last checkpoint, whatever it was trained on, and by which jax.

    `jaxnet.training.fit` goes on from a checkpoint by itself, and exactly, or not at all. This is
    for all else: to use the parameters, or to go on by ``fit(..., state=...)`` with other
    settings or other versions.

    Args:
        folder: what was passed to `fit` as ``checkpoint``.
        like: a state of the same network and optimizer, of `init_state` or `jax.eval_shape` of it;
            its values do not matter.

    Returns:
        The state, after ``state.epoch`` epochs.

    Raises:
        ValueError: if the folder holds no checkpoint that can be read.
        TypeError: if it is of another network, optimizer, rule or precision.
    """
    with contextlib.closing(Archive(folder, create=False)) as archive:
        entry = archive.read()
    if entry is None:
        remedy = "Pass the folder that was passed to fit as checkpoint."
        expected = "to hold a checkpoint"
        raise invalid_value("folder", expected, f"'{folder}'", remedy)
    arrays = entry.description["fingerprint"]["arrays"]
    check_same_arrays(describe_arrays(like), arrays, entry.path)
    return _from_arrays("state", like, entry.arrays)


def _check_epochs(epochs: int, found: Entry) -> None:
    done = found.description["epochs"]
    if epochs < done:
        remedy = f"Pass epochs={done} to have its result, or begin in an empty folder."
        expected = f"to be at least the {done} that '{found.path}' holds"
        raise invalid_value("epochs", expected, epochs, remedy)


def _length(history: RunRecord) -> int:
    return len(history.epoch.diverged_at)


def _to_arrays(name: str, tree: Any) -> dict[str, np.ndarray]:
    """Return path -> array of a tree; a key as the integers that it consists of.

    Empty arrays are left out: Orbax takes none, and there is nothing to keep.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    arrays = {
        f"{name}.{name_of(path)}": np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
        for path, leaf in leaves
    }
    return {path: array for path, array in arrays.items() if array.size}


def _from_arrays(name: str, like: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """Return a tree with the structure, the kinds and the places of ``like``."""

    def leaf(path: Any, like: Any) -> Any:
        array = arrays.get(f"{name}.{name_of(path)}")
        if array is None:
            return like
        if not isinstance(like, jax.Array | jax.ShapeDtypeStruct):
            return array
        values: Any = jnp.array(array)
        if is_key(like):
            values = jax.random.wrap_key_data(values, impl=like.dtype)
        committed = isinstance(like, jax.Array) and like.committed
        return jax.device_put(values, like.sharding) if committed else values

    return jax.tree_util.tree_map_with_path(leaf, like)
