"""Successive halving: many settings for a few epochs, the best of them for more."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import Modes
from jaxnet.training.distributed.processes import run_in_all_processes
from jaxnet.training.recipe import Build
from jaxnet.training.sweeps.batches import Members, Workers
from jaxnet.training.sweeps.checkpoint import stage_folder
from jaxnet.training.sweeps.execution import train_members
from jaxnet.training.sweeps.labels import SweepOutputs, label
from jaxnet.training.sweeps.options import divide_options
from jaxnet.training.sweeps.result import SweepResult, steady_ranking
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.sweep import check_members, check_sweep, make_members, seed_keys
from jaxnet.training.train import RunProgram, Trained


class Rung(NamedTuple):
    """One rung: the settings that reached it.

    Attributes:
        indices: which of all settings they are, shape ``(n,)``, the best of the rung below first.
        epochs: after how many epochs they were compared.
        sweep: their results, with learning curves from the first epoch on. Parameters and states
            are kept in the last rung only.
    """

    indices: np.ndarray
    epochs: int
    sweep: SweepResult

    __repr__ = represent
    _repr_html_ = represent_html


class HalvingResult(NamedTuple):
    """The result of `successive_halving`.

    Attributes:
        settings: all that were tried.
        rungs: from the first, of all settings, to the last, whose runs went to the end.
        best: the best setting of the last rung.
        epochs_trained: epochs of all runs together.
        epochs_of_all: what they would have been if no setting had been given up.
    """

    settings: Settings
    rungs: list[Rung]
    best: dict[str, float | int]
    epochs_trained: int
    epochs_of_all: int

    __repr__ = represent
    _repr_html_ = represent_html


def successive_halving(
    build: Build,
    train: Examples,
    validation: Examples,
    *,
    key: Key,
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    epochs: int,
    batch_size: int,
    min_epochs: int = 1,
    reduction: int = 3,
    seeds: int = 1,
    metric: str = "validation_loss",
    mode: Mode | None = None,
    **options: Any,
) -> HalvingResult:
    """Train all settings for a few epochs, drop the worst, and continue with the others.

    All ``n`` settings train for ``min_epochs``; the best ``n // reduction`` go on, from where
    they stand, to ``reduction * min_epochs``; and so on up to ``epochs``, or until one is left,
    which goes to the end at once. So each rung costs about as much as the first. A setting of
    which a run diverged does not go on. What learns slowly at first may be given up wrongly: the
    learning rates that look best after few epochs are larger than those that end best.

    Args:
        build: ``(**hyperparameters) -> Recipe``, as for `sweep`.
        train: the examples to learn from.
        validation: the examples by which settings are compared. No test examples.
        key: PRNG key; seed ``i`` of every setting has ``jax.random.fold_in(key, i)``.
        settings: as for `sweep`.
        epochs: of the settings that get to the end.
        batch_size: examples a step.
        min_epochs: of the first rung, 1 or more and at most ``epochs``.
        reduction: how many times fewer settings and more epochs the next rung has, 2 or more.
        seeds: runs of each setting, by whose mean it is compared.
        metric: by which settings are compared, one of a sweep's.
        mode: its direction, ``"max"`` or ``"min"``; by default as the metric says.
        options: of `sweep`, but for ``keep``. In the folder ``checkpoint``, each rung has its own.

    Returns:
        The rungs, the best setting, and what it cost.

    Raises:
        ValueError: as `sweep`; for numbers out of range; for a metric without a direction; if all
            settings diverge.

    Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and
    hyperparameter optimization"; Li et al. 2018, "Hyperband", algorithm 1, for the numbers.

    >>> import jaxnet
    >>> from jaxnet.training import Recipe, grid
    >>> def build(learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), jaxnet.optim.adam(learning_rate))
    >>> points = Examples(np.arange(12.0)[:, None] / 12, np.arange(12) // 6)
    >>> rates, run = grid(learning_rate=[1e-6, 1e-4, 0.05]), {"epochs": 60, "batch_size": 4}
    >>> result = successive_halving(
    ...     build, points, points, key=jax.random.key(0), settings=rates, min_epochs=20, **run
    ... )
    >>> result.best, result.epochs_trained, result.epochs_of_all
    ({'learning_rate': 0.05}, 100, 180)
    """
    remedy = "The last rung has parameters and states."
    require("keep" not in options, "keep", "not to be given", repr(options.get("keep")), remedy)
    options = options | {"keep": "state"}
    loop, execution = divide_options(options, epochs=epochs, batch_size=batch_size)
    member = RunProgram(build, loop)

    def check() -> tuple[Settings, list[tuple[int, int]], tuple[Any, Modes]]:
        check_sweep(member, train, key, seeds)
        stage_folder(execution.checkpoint, 0)
        tried = check_settings(settings)
        ladder = plan_rungs(tried.size, epochs=epochs, min_epochs=min_epochs, reduction=reduction)
        return tried, ladder, check_members(member, tried, train, validation, metric, mode)

    tried, ladder, ((learned, held_out), modes) = run_in_all_processes(execution.processes, check)
    programs: dict[bool, dict[int, Workers]] = {False: {}, True: {}}

    def rank(result: SweepResult) -> np.ndarray:
        return steady_ranking(result, metric, mode)

    def train_rung(number: int, members: Members) -> SweepOutputs:
        compiled = programs[members.starts is not None]
        own = execution._replace(checkpoint=stage_folder(execution.checkpoint, number))
        title = f"runs of rung {number + 1} of {len(ladder)}"
        return train_members(member, members, learned, held_out, own, compiled, title=title)

    rungs = _climb(tried, seed_keys(key, seeds), ladder, rank, train_rung, modes)
    last = rungs[-1].sweep
    winner = last.settings.row(int(rank(last)[0]))
    return HalvingResult(tried, rungs, winner, _epochs_trained(rungs), epochs * seeds * tried.size)


def plan_rungs(
    settings: int, *, epochs: int, min_epochs: int, reduction: int
) -> list[tuple[int, int]]:
    """Return the number of settings and epochs of each rung.

    Args:
        settings: how many there are, 1 or more.
        epochs: of the last rung.
        min_epochs: of the first, from 1 to ``epochs``.
        reduction: factor between two rungs, 2 or more.

    Raises:
        ValueError: for a number out of range.

    >>> plan_rungs(27, epochs=40, min_epochs=2, reduction=3)
    [(27, 2), (9, 6), (3, 18), (1, 40)]
    """
    check_count("reduction", reduction, minimum=2)
    few = check_count("min_epochs", min_epochs) <= epochs
    require(few, "min_epochs", f"at most epochs={epochs}", min_epochs)
    rungs = [(settings, min_epochs if settings > 1 else epochs)]
    while rungs[-1][1] < epochs:
        size, target = max(rungs[-1][0] // reduction, 1), rungs[-1][1] * reduction
        rungs.append((size, epochs if size == 1 else min(target, epochs)))
    return rungs


def _climb(
    settings: Settings, keys: Key, ladder: Any, rank: Any, train_rung: Any, modes: Any
) -> list[Rung]:
    """Train rung after rung, each from the states of the one below."""
    rungs: list[Rung] = []
    indices, kept, before = np.arange(settings.size), None, 0
    for number, (size, target) in enumerate(ladder):
        starts = None
        if kept is not None:
            best = rank(rungs[-1].sweep)[:size]
            indices = indices[best]
            if len(best) == 1:
                target = ladder[-1][1]
            kept = _taken(kept, best, len(keys))
            starts = kept.state
        some = settings.take(indices)
        members = make_members(some, keys, target - before)._replace(starts=starts)
        outputs = train_rung(number, members)
        kept, before = _joined(kept, outputs.kept), target
        none = {"params": None, "statistics": None, "state": None}
        rungs = [rung._replace(sweep=rung.sweep._replace(**none)) for rung in rungs]
        result = label(some, keys, outputs._replace(kept=kept), modes)
        rungs.append(Rung(indices, target, result))
        if target == ladder[-1][1]:
            break
    return rungs


def _taken(kept: Trained, settings: np.ndarray, seeds: int) -> Trained:
    """Select the outputs of all seeds of some settings."""
    members = (settings[:, None] * seeds + np.arange(seeds)).ravel()
    return jax.tree.map(lambda leaf: leaf[members], kept)


def _joined(before: Trained | None, after: Trained) -> Trained:
    """Join the results of continued runs with their earlier history."""
    if before is None:
        return after
    capacity = after.history.epoch.diverged_at.shape[1]
    row, start = np.arange(capacity)[None, :], np.asarray(before.done)[:, None]
    index = np.where(row < start, row, capacity + row - start)

    def join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.take_along_axis(np.concatenate([first, second], axis=1), index, axis=1)

    history = jax.tree.map(join, before.history, after.history)
    return after._replace(history=history, done=before.done + after.done)


def _epochs_trained(rungs: Sequence[Rung]) -> int:
    """Count the epochs of all runs, each up to the last rung of its setting."""
    done: dict[int, int] = {}
    for rung in rungs:
        sums = rung.sweep.done.sum(axis=1)
        done |= {int(i): int(n) for i, n in zip(rung.indices, sums, strict=True)}
    return sum(done.values())
