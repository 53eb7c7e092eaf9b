"""Labelled results: outputs of members as arrays over settings and seeds."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Key
from jaxnet.functions.metrics.metric import Mode, Modes
from jaxnet.training.host_loop import History
from jaxnet.training.loop.objective import Objective
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings
from jaxnet.training.sweeps.width import Trial
from jaxnet.training.train import Trained


class SweepOutputs(NamedTuple):
    """Outputs of all members of a sweep, and how they were trained.

    Attributes:
        kept: results of the runs, in the order of the members, each leaf with an axis of runs;
            None for what is not kept. The states' keys are integers.
        width: members that each device trained at a time.
        devices: how many devices trained.
        trials: what was measured to choose its width.
        compile_seconds: wall time of tracing and compiling.
        run_seconds: wall time of the training.
    """

    kept: Trained
    width: int
    devices: int
    trials: list[Trial]
    compile_seconds: float
    run_seconds: float


def label(settings: Settings, keys: Key, outputs: SweepOutputs, modes: Modes) -> SweepResult:
    """Return the result of a sweep from outputs in the order of `make_members`."""

    def labelled(tree: Any) -> Any:
        shape = (settings.size, len(keys))
        return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), tree)

    trained = labelled(outputs.kept)
    rows = trained.history
    curves = jax.tree.map(
        lambda curve: blank_after(curve, trained.done),
        History(rows.epoch.train, rows.validation, rows.instruments),
    )
    metrics = final_metrics(curves, trained.epoch, trained.diverged)
    return SweepResult(
        settings=settings,
        keys=keys,
        metrics=metrics,
        modes={name: modes[name] for name in metrics},
        history=curves,
        done=trained.done,
        epoch=trained.epoch,
        diverged=trained.diverged,
        ended_by=trained.ended_by,
        params=trained.params,
        statistics=trained.statistics,
        state=trained.state,
        **{name: value for name, value in outputs._asdict().items() if name != "kept"},
    )


def metric_modes(objective: Objective, instruments: Iterable[str] | None) -> Modes:
    """Return the direction of each metric, by its name in `final_metrics`.

    Args:
        objective: of one of the runs.
        instruments: the names of what else is measured, which has no direction; None for none.
    """
    reported, whole = objective.modes.items(), objective.whole_set_metrics
    modes: dict[str, Mode | None] = {f"instruments_{name}": None for name in instruments or ()}
    modes |= {f"train_{name}": mode for name, mode in reported if name not in whole}
    modes |= {f"validation_{name}": mode for name, mode in reported}
    return modes


def blank_after(curve: np.ndarray, done: np.ndarray) -> np.ndarray:
    """Fill learning curves with NaN after the end of each run; integers become float64.

    ``curve`` has the shape ``(settings, seeds, epochs)``, ``done`` ``(settings, seeds)``.
    """
    ran = np.arange(curve.shape[-1]) < done[..., None]
    kind = curve.dtype if jnp.issubdtype(curve.dtype, jnp.floating) else np.dtype(np.float64)
    return np.where(ran, curve.astype(kind), np.array(np.nan, kind))


def final_metrics(
    curves: History, epoch: np.ndarray, diverged: np.ndarray
) -> dict[str, np.ndarray]:
    """Return each metric's value after the epoch of the parameters to use.

    Args:
        curves: learning curves, shape ``(settings, seeds, epochs)``.
        epoch: of the parameters to use, from 1, shape ``(settings, seeds)``.
        diverged: whether the run did, whose metrics are NaN.
    """
    row = np.maximum(epoch - 1, 0)[..., None]
    return {
        f"{source}_{name}": np.where(
            diverged, np.nan, np.take_along_axis(curve, row, axis=-1)[..., 0]
        )
        for source, table in curves._asdict().items()
        for name, curve in table.items()
    }
