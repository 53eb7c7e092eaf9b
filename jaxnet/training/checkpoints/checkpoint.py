"""Checkpoints of a run of `fit`: a killed run resumes and ends with the same bits."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.array_file import Content
from jaxnet.core.checks import require
from jaxnet.core.errors import invalid_value
from jaxnet.core.trees import describe_arrays, leaves_by_name, name_of
from jaxnet.training.checkpoints.fingerprint import Fingerprint, check_same
from jaxnet.training.checkpoints.folder import CheckpointFolder, Folder
from jaxnet.training.checkpoints.save_interval import SaveInterval
from jaxnet.training.distributed.processes import from_first
from jaxnet.training.loop.run import RunRecord
from jaxnet.training.loop.state import TrainState, is_key, without_keys

Tree = TypeVar("Tree")

KEPT = 2
"""Checkpoints kept: the last one, and one to go back to if that is damaged."""


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
    """The checkpoints of one run: the last one of earlier starts, and when to write the next.

    Of a run of several processes, process 0 alone reads, writes and decides when to; the others
    are told what it found and what went wrong. Each of them calls every method.
    """

    def __init__(
        self,
        folder: Folder,
        fingerprint: Fingerprint,
        processes: int = 1,
        *,
        epochs: int,
        every_chunk: bool,
    ):
        """Open a folder, and check that the run it holds is this one.

        Args:
            folder: made if there is none.
            fingerprint: of the run that starts.
            processes: how many train together.
            epochs: how many the run is to have in all starts.
            every_chunk: whether to write after every chunk, or as often as `SaveInterval` says.

        Raises:
            TypeError: if the folder holds a run of another network, optimizer, rule or precision.
            ValueError: if it holds another run for another reason, or cannot be written.
        """
        self._processes, self._every_chunk = processes, every_chunk
        self._folder: CheckpointFolder | None = None  # stays None in all processes but one
        self._interval = SaveInterval()

        def read() -> list[Content]:
            self._folder = CheckpointFolder(folder, "a run of fit", fingerprint)
            return self._folder.read()

        self._found = [Content(*each) for each in from_first(processes, read)]
        done = self._found[0].description["epochs"] if self._found else 0
        if epochs < done:
            self.close()
            expected = f"to be at least the {done} that '{folder}' holds"
            raise invalid_value("epochs", expected, epochs, "Or begin in an empty folder.")

    def resume(self, start: Standing) -> Standing:
        """Return where earlier starts left the run, else ``start``, whose history has no row."""
        if not self._found:
            return start
        state, history, seconds = _from_arrays(start, self._found.pop().arrays)
        self._interval = SaveInterval(float(seconds))
        return Standing(state, history, float(seconds))

    def save(self, standing: Standing, *, last: bool) -> None:
        """Write where the run stands if it is time to, or after the last chunk.

        Raises:
            ValueError: if it cannot be written; the checkpoints before stay.
        """
        from_first(self._processes, lambda: self._save(standing, last=last))

    def describe(self) -> str:
        """Return in a sentence where the last one is."""
        folder = self._folder
        names = from_first(
            self._processes, lambda: [str(path) for path in folder.paths()] if folder else []
        )
        last = f"The last good checkpoint is '{names[-1]}'." if names else ""
        return last or "No checkpoint has been written yet."

    def close(self) -> None:
        """Release the folder."""
        if self._folder is not None:
            self._folder.close()

    def _save(self, standing: Standing, *, last: bool) -> None:
        due = self._every_chunk or last or self._interval.due(standing.seconds)
        if self._folder is None or not due:
            return
        with self._interval.writing(standing.seconds):
            leaves = leaves_by_name(standing._replace(state=without_keys(standing.state)))
            arrays = {name: np.asarray(leaf) for name, leaf in leaves.items()}
            said = {"epochs": len(standing.history.epoch.diverged_at)}
            self._folder.write(int(standing.state.epoch), said, arrays, kept=KEPT)


def restore_state(folder: Folder, like: TrainState) -> TrainState:
    """Load the state of a folder's last checkpoint, whatever run and version of jax it is of.

    `jaxnet.training.fit` resumes from a checkpoint by itself, and exactly, or not at all. This is
    for all else: to use the parameters, or to go on by ``fit(..., state=...)`` with other
    settings or other versions.

    Args:
        folder: what was passed to `fit` as ``checkpoint``.
        like: a state of the same network and optimizer, of `init_state` or `jax.eval_shape` of it;
            its values do not matter.

    Returns:
        The state, after ``state.epoch`` epochs; of a stream, maybe in the middle of the next.

    Raises:
        ValueError: if the folder holds no checkpoint that can be read.
        TypeError: if it is of another network, optimizer, rule or precision.
    """
    found = CheckpointFolder(folder, "a run of fit").read()
    require(found, "folder", "to hold a checkpoint", f"'{folder}'")
    description, arrays = found[0]
    check_same("arrays", describe_arrays(like), description["fingerprint"]["arrays"], folder)
    return _from_arrays(like, {n.removeprefix("state."): array for n, array in arrays.items()})


def _from_arrays(like: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """Return a tree with the structure, the kinds and the places of ``like``."""

    def leaf(path: Any, like: Any) -> Any:
        array = arrays[name_of(path)]
        if not isinstance(like, jax.Array | jax.ShapeDtypeStruct):
            return array
        values: Any = jnp.array(array)
        if is_key(like):
            values = jax.random.wrap_key_data(values, impl=like.dtype)
        committed = isinstance(like, jax.Array) and like.committed
        return jax.device_put(values, like.sharding) if committed else values

    return jax.tree_util.tree_map_with_path(leaf, like)
