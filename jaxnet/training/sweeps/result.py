"""Results of a sweep: labelled arrays over settings and seeds, and a table."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import jax
import numpy as np

from jaxnet.core.checks import check_choice, check_count, require
from jaxnet.core.optional_imports import import_package
from jaxnet.core.representation import (
    represent,
    represent_html,
    representation,
    shortened,
    table_html,
)
from jaxnet.core.types import Key, Params, Statistics
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import SIGNS, Modes, check_direction
from jaxnet.training.figures import FRAMES, plot_settings
from jaxnet.training.host_loop import History
from jaxnet.training.loop.state import TrainState
from jaxnet.training.sweeps.settings import Settings
from jaxnet.training.sweeps.width import Trial

_TOP = 10
"""Settings that a representation shows."""

_IF_NONE_TRAINS = "Try smaller learning rates, or rescale the inputs."


class SweepMember(NamedTuple):
    """One run of a sweep: its key, hyperparameters and results.

    Attributes:
        key: its PRNG key.
        hyperparameters: name -> number.
        params: the parameters to use; None if the sweep kept none.
        statistics: the network's statistics that belong to them.
        metrics: name -> value at the epoch of those parameters.
    """

    key: Key
    hyperparameters: dict[str, float | int]
    params: Params
    statistics: Statistics
    metrics: dict[str, float]

    __repr__ = represent
    _repr_html_ = represent_html


class SweepResult(NamedTuple):
    """The results of a sweep, as host arrays of shape ``(settings, seeds, ...)``.

    Attributes:
        settings: what was tried.
        keys: the PRNG key of each seed, shape ``(seeds,)``: the same for every setting, so that
            settings are compared on equal initial draws and orders.
        metrics: ``"train_loss"``, ``"validation_accuracy"`` and so on -> the value at the epoch
            of the parameters to use, shape ``(settings, seeds)``; NaN where a run diverged.
        modes: the same names -> the direction in which the metric improves; None for that of a
            bare function or an instrument, by which nothing is ranked unless ``mode`` is given.
        history: learning curves, shape ``(settings, seeds, epochs)``; NaN after a run's end.
        done: epochs run.
        epoch: the epoch after which the network had the parameters to use, from 1.
        diverged: whether the run diverged.
        ended_by: index of the rule that ended it, -1 for none.
        params: the parameters to use, each leaf ``(settings, seeds, *leaf)``; None if not kept.
        statistics: the network's statistics that belong to them.
        state: the final states, to resume from; None if not kept. Their keys are integers.
        width: members that each device trained at a time.
        devices: how many devices trained.
        trials: what this process measured to choose the width.
        compile_seconds: wall time of tracing and compiling.
        run_seconds: wall time of the training.
    """

    settings: Settings
    keys: Key
    metrics: Mapping[str, np.ndarray]
    modes: Modes
    history: History
    done: np.ndarray
    epoch: np.ndarray
    diverged: np.ndarray
    ended_by: np.ndarray
    params: Params
    statistics: Statistics
    state: TrainState | None
    width: int
    devices: int
    trials: list[Trial]
    compile_seconds: float
    run_seconds: float

    def __repr__(self) -> str:
        if not self._is_whole():
            return represent(self)
        return shortened(f"{self._in_words()}\n{self.table(top=_TOP)}")

    def _repr_html_(self) -> str:
        if not self._is_whole():
            return represent_html(self)
        table = table_html(self._rows(self.default_metric, None, _TOP))
        return f"<p>{escape(self._in_words())}</p>{table}"

    def _is_whole(self) -> bool:
        return isinstance(self.done, np.ndarray) and self.done.ndim == 2  # not mapped by jax.tree

    def _in_words(self) -> str:
        shown = f", the best {_TOP}" if self.settings.size > _TOP else ""
        return (
            representation(
                "SweepResult",
                settings=self.settings.size,
                seeds=len(self.keys),
                epochs=self.done.max(),
                diverged=self.diverged.sum(),
                devices=self.devices,
                width=self.width,
                run_seconds=self.run_seconds,
            )
            + f"{shown} by {self.default_metric}:"
        )

    def mean(self, metric: str) -> np.ndarray:
        """Return a metric's mean over the seeds that did not diverge; NaN if all did."""
        return self._over_seeds(np.mean, metric, least=1)

    def spread(self, metric: str) -> np.ndarray:
        """Return its standard deviation over them, of the sample; NaN for fewer than two."""
        return self._over_seeds(lambda values: np.std(values, ddof=1), metric, least=2)

    def on_grid(self, values: np.ndarray) -> np.ndarray:
        """Return an array over settings with one axis for each of the grid's.

        Raises:
            ValueError: if the settings are no grid.
        """
        require(self.settings.axes, "settings", "to be a grid", "others")
        shape = tuple(len(axis) for axis in self.settings.axes.values())
        return values.reshape(*shape, *values.shape[1:])

    def ranking(self, metric: str | None = None, *, mode: Mode | None = None) -> np.ndarray:
        """Return the indices of the settings, the best mean first, those that diverged last.

        Args:
            metric: by default the validation loss, or the training loss if there is no other.
            mode: ``"max"`` if larger values of it are better, ``"min"`` if smaller ones are; by
                default as the metric says. Given, it counts even against that.

        Raises:
            ValueError: for another metric, or one without a direction.
        """
        metric = metric or self.default_metric
        mean = self.mean(metric)
        falling = SIGNS[check_direction("metric", metric, self.modes, mode)] * mean
        return np.lexsort((falling, np.isnan(falling), self.diverged.all(axis=1)))

    @property
    def default_metric(self) -> str:
        """Default metric of comparison: the loss, on validation examples if there are any."""
        return "validation_loss" if "validation_loss" in self.metrics else "train_loss"

    def best(
        self, metric: str | None = None, *, mode: Mode | None = None
    ) -> dict[str, float | int]:
        """Return the setting with the best mean, of a metric and a direction as for `ranking`.

        Raises:
            ValueError: as `ranking`; if all runs of all settings diverged.
        """
        trains = not self.diverged.all()
        require(trains, "settings", "to hold one that trains", "none", _IF_NONE_TRAINS)
        return self.settings.row(int(self.ranking(metric, mode=mode)[0]))

    def member(self, setting: int, seed: int = 0) -> SweepMember:
        """Return one run, with its key and hyperparameters.

        ``make_train(build, train, ...)(member.key, member.hyperparameters)`` does, with the other
        arguments of the sweep: bit for bit if the sweep's width was 1.
        """
        for name, index, size in zip(
            ("setting", "seed"), (setting, seed), self.done.shape, strict=True
        ):
            require(check_count(name, index, minimum=0) < size, name, f"below {size}", index)

        def own(tree: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf[setting, seed], tree)

        return SweepMember(
            self.keys[seed],
            self.settings.row(setting),
            own(self.params),
            own(self.statistics),
            {name: float(values[setting, seed]) for name, values in self.metrics.items()},
        )

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a run, for JSON or a data frame.

        A hyperparameter called as another column, such as ``"seed"``, is ``"setting_seed"``.
        """
        return [
            {
                **self._named_apart(self.settings.row(setting)),
                "seed": seed,
                "epochs": int(self.done[setting, seed]),
                "diverged": bool(self.diverged[setting, seed]),
                **{name: float(values[setting, seed]) for name, values in self.metrics.items()},
            }
            for setting in range(self.settings.size)
            for seed in range(len(self.keys))
        ]

    def table(
        self, metric: str | None = None, *, mode: Mode | None = None, top: int | None = None
    ) -> str:
        """Return a table of the settings, the best first, with mean and spread over the seeds.

        Args:
            metric: what to rank by; by default as for `ranking`.
            mode: its direction, as for `ranking`.
            top: how many settings, 1 or more; by default all.

        Raises:
            ValueError: as `ranking`; for ``top`` out of range.
        """
        if top is not None:
            check_count("top", top)
        rows = self._rows(metric or self.default_metric, mode, top)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(lines)

    def plot(self, metric: str | None = None) -> Any:
        """Plot a metric's mean against each hyperparameter, with its spread as bars.

        Args:
            metric: by default as for `ranking`.

        Returns:
            A `matplotlib` figure with a panel for each hyperparameter, a point for each setting; of
            two, with a line for each value of the other.

        Raises:
            ValueError: for another metric.
            ImportError: if matplotlib is not installed.
        """
        metric = metric or self.default_metric
        mean, spread = self.mean(metric), self.spread(metric)
        return plot_settings(self.settings.columns, metric, mean, spread)

    def to_pandas(self) -> Any:
        """Return `records` as a `pandas` data frame, a row a run.

        Raises:
            ImportError: if pandas is not installed.
        """
        return import_package("pandas", remedy=FRAMES).DataFrame(self.records())

    def to_xarray(self) -> Any:
        """Return metrics and learning curves as an `xarray` data set.

        Its dimensions are those of the grid, or else ``setting``, then ``seed`` and ``epoch``;
        learning curves are called ``"train_loss_curve"`` and so on.

        Raises:
            ImportError: if xarray is not installed.
        """
        columns = self._named_apart(dict(self.settings.columns))
        axes, grid = self._named_apart(dict(self.settings.axes)), bool(self.settings.axes)
        dims = [*(axes or ["setting"]), "seed"]
        runs = {**self.metrics, "epochs": self.done, "diverged": self.diverged}
        tables = self.history._asdict().items()
        curves = {f"{s}_{name}_curve": table[name] for s, table in tables for name in table}
        values = {name: (dims, self._shaped(array)) for name, array in runs.items()}
        values |= {n: ([*dims, "epoch"], self._shaped(array)) for n, array in curves.items()}
        epochs = np.arange(1, 1 + max((curve.shape[-1] for curve in curves.values()), default=0))
        coordinates = {"seed": np.arange(len(self.keys)), "epoch": epochs}
        coordinates |= axes if grid else {n: ("setting", column) for n, column in columns.items()}
        return import_package("xarray", remedy=FRAMES).Dataset(values, coordinates)

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return self.on_grid(values) if self.settings.axes else values

    def _rows(self, metric: str, mode: Mode | None, top: int | None) -> list[list[str]]:
        names = [*self.settings.columns, metric, "+-", "runs"]
        mean, spread = self.mean(metric), self.spread(metric)
        rows = [names]
        for index in self.ranking(metric, mode=mode)[:top]:
            numbers = [_in_table(value) for value in self.settings.row(int(index)).values()]
            lost = int(self.diverged[index].sum())
            runs = f"{len(self.keys)}" + (f", {lost} diverged" if lost else "")
            rows.append([*numbers, f"{mean[index]:.4g}", f"{spread[index]:.2g}", runs])
        return rows

    def _named_apart(self, row: dict[str, Any]) -> dict[str, Any]:
        taken = {"seed", "epochs", "diverged", *self.metrics}
        return {f"setting_{name}" if name in taken else name: v for name, v in row.items()}

    def _over_seeds(self, function: Any, metric: str, *, least: int) -> np.ndarray:
        values = check_choice("metric", metric, self.metrics)
        kept = [row[~lost] for row, lost in zip(values, self.diverged, strict=True)]
        return np.array([function(row) if len(row) >= least else np.nan for row in kept])


def _in_table(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def steady_ranking(
    result: SweepResult, metric: str | None = None, mode: Mode | None = None
) -> np.ndarray:
    """Return the indices of the settings of which no run diverged, the best mean first.

    Args:
        result: of a sweep.
        metric: what to rank by; by default as for `SweepResult.ranking`.
        mode: its direction; by default as the metric says.

    Raises:
        ValueError: if there is none, no such metric, or one without a direction.
    """
    steady = np.asarray((~result.diverged).all(axis=1))
    expected, actual = "to hold one of which no run diverges", f"{len(steady)} that do"
    require(steady.any(), "settings", expected, actual, _IF_NONE_TRAINS)
    ranking = result.ranking(metric, mode=mode)
    return ranking[steady[ranking]]
