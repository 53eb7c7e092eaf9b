"""`sweep_choices`: sweeps over choices that change the program, such as depth or optimizer."""

import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.files import check_path
from jaxnet.core.optional_imports import import_package
from jaxnet.core.representation import shortened
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.functions.metrics.metric import SIGNS, Mode, check_direction
from jaxnet.training.figures import FRAMES
from jaxnet.training.loggers.progress import ProgressArgument, progress_bar
from jaxnet.training.recipe import Build, check_builder
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.sweep import sweep


class ChoicesResult(NamedTuple):
    """The results of `sweep_choices`, one sweep for each combination of choices.

    Attributes:
        choices: name -> value, a dictionary for each sweep.
        sweeps: the sweeps, in the same order.
    """

    choices: tuple[dict[str, Any], ...]
    sweeps: tuple[SweepResult, ...]

    def __repr__(self) -> str:
        return shortened(f"ChoicesResult by {self.sweeps[0].default_metric}:\n{self.table(top=20)}")

    def ranking(
        self, metric: str | None = None, *, mode: Mode | None = None
    ) -> list[tuple[int, int]]:
        """Return pairs of the indices of sweep and setting, the best mean over the seeds first.

        Args:
            metric: by default the validation loss, or the training loss if there is no other.
            mode: its direction; by default as the metric says.

        Raises:
            ValueError: for another metric, or one without a direction.
        """
        metric = metric or self.sweeps[0].default_metric
        sign = SIGNS[check_direction("metric", metric, self.sweeps[0].modes, mode)]
        falling = {
            (place, setting): sign * value
            for place, found in enumerate(self.sweeps)
            for setting, value in enumerate(found.mean(metric))
        }
        return sorted(falling, key=lambda pair: (bool(np.isnan(falling[pair])), falling[pair]))

    def best(self, metric: str | None = None, *, mode: Mode | None = None) -> dict[str, Any]:
        """Return the choices and hyperparameters with the best mean, as for `ranking`.

        Raises:
            ValueError: as `ranking`; if all runs diverged.
        """
        trains = any(not found.diverged.all() for found in self.sweeps)
        require(trains, "choices", "to hold one that trains", "none", "Try lower learning rates.")
        place, setting = self.ranking(metric, mode=mode)[0]
        return self.choices[place] | self.sweeps[place].settings.row(setting)

    def table(
        self, metric: str | None = None, *, mode: Mode | None = None, top: int | None = None
    ) -> str:
        """Return a table of choices and settings, the best first, as `SweepResult.table`."""
        if top is not None:
            check_count("top", top)
        metric = metric or self.sweeps[0].default_metric
        rows = [[*self.choices[0], *self.sweeps[0].settings.columns, metric, "+-"]]
        for place, setting in self.ranking(metric, mode=mode)[:top]:
            found = self.sweeps[place]
            values = [*self.choices[place].values(), *found.settings.row(setting).values()]
            numbers = found.mean(metric)[setting], found.spread(metric)[setting]
            rows.append([*map(_in_table, values), *(f"{number:.4g}" for number in numbers)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        cells = [[c.rjust(w) for c, w in zip(row, widths, strict=True)] for row in rows]
        return "\n".join(map("  ".join, cells))

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a run, with the choices first."""
        pairs = zip(self.choices, self.sweeps, strict=True)
        return [choice | record for choice, found in pairs for record in found.records()]

    def to_pandas(self) -> Any:
        """Return `records` as a `pandas` data frame, a row a run.

        Raises:
            ImportError: if pandas is not installed.
        """
        return import_package("pandas", remedy=FRAMES).DataFrame(self.records())


def sweep_choices(
    build: Build,
    train: Examples,
    *,
    key: Key,
    choices: Mapping[str, Sequence[Any]],
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    checkpoint: str | os.PathLike[str] | None = None,
    progress: ProgressArgument = None,
    **options: Any,
) -> ChoicesResult:
    """Run a `sweep` for each combination of choices that change the program.

    Activations, depths, optimizers and other choices that are no numbers, or change shapes, need a
    program each; hyperparameters share one. All sweeps have the same key and settings.

    Args:
        build: ``(**choices, **hyperparameters) -> Recipe``; only the latter are traced.
        train: the examples to learn from.
        key: PRNG key, as for `sweep`.
        choices: name -> the values to try, one or more: all combinations are.
        settings: of the hyperparameters, as for `sweep`.
        checkpoint: folder of the sweeps' checkpoints, a folder for each combination in order.
        progress: whether to draw a progress bar of the combinations, as for `fit`.
        options: the other arguments of `sweep`.

    Raises:
        ValueError: for no choices, or a name that is a hyperparameter too; else as `sweep`.
        TypeError: as `sweep`.

    >>> import jaxnet
    >>> from jaxnet.training import Recipe, grid
    >>> def build(optimizer, learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), jaxnet.optim.OPTIMIZERS[optimizer](learning_rate))
    >>> points = Examples(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
    >>> result = sweep_choices(
    ...     build,
    ...     points,
    ...     key=jax.random.key(0),
    ...     choices={"optimizer": ["sgd", "adam"]},
    ...     settings=grid(learning_rate=[1e-6, 0.05]),
    ...     epochs=50,
    ...     batch_size=2,
    ... )
    >>> result.best()
    {'optimizer': 'adam', 'learning_rate': 0.05}
    """
    names = [*choices]
    some = names and all(len(choices[name]) for name in names)
    require(some, "choices", "to name one value or more each", dict(choices))
    tried = [dict(zip(names, row, strict=True)) for row in itertools.product(*choices.values())]
    check_builder(build, choices)
    settings = check_settings(settings)
    twice = [name for name in names if name in settings.columns]
    require(not twice, "choices", "to be no hyperparameters", ", ".join(twice))
    root = None if checkpoint is None else check_path("checkpoint", checkpoint)
    sweeps = []
    with progress_bar("programs", len(tried), progress=progress, devices=jax.devices()) as update:
        for place, choice in enumerate(tried):
            update(place, ", ".join(f"{name} {_in_table(v)}" for name, v in choice.items()))
            folder = None if root is None else root / f"choice_{place}"
            given = {"key": key, "settings": settings, "checkpoint": folder, **options}
            sweeps.append(sweep(functools.partial(build, **choice), train, progress=False, **given))
            update(place + 1)
    return ChoicesResult(tuple(tried), tuple(sweeps))


def _in_table(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else getattr(value, "__name__", str(value))
