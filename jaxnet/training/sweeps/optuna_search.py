"""Optuna's search, a batch of trials at a time: each batch is a sweep."""

import functools
from collections.abc import Mapping
from typing import Any

from jaxnet.core.checks import check_count, require, require_type
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import Modes, check_direction
from jaxnet.training.distributed.processes import from_first, run_in_all_processes
from jaxnet.training.recipe import Build
from jaxnet.training.sweeps.batches import Workers
from jaxnet.training.sweeps.execution import train_members
from jaxnet.training.sweeps.labels import label
from jaxnet.training.sweeps.options import divide_options
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings, listed
from jaxnet.training.sweeps.sweep import check_members, check_sweep, make_members, seed_keys
from jaxnet.training.train import RunProgram


def optuna_search(
    study: Any,
    build: Build,
    train: Examples,
    validation: Examples,
    *,
    key: Key,
    distributions: Mapping[str, Any],
    rounds: int,
    batch: int,
    epochs: int,
    batch_size: int,
    seeds: int = 1,
    metric: str = "validation_loss",
    mode: Mode | None = None,
    **options: Any,
) -> list[SweepResult]:
    """Let an Optuna study choose settings, and train each batch of them in one program.

    In every round the study is asked for a batch of trials and told the mean of the metric over
    the seeds, or that the trial has failed if one of its runs diverged. All rounds share one
    compiled program. Within a batch the study knows no result of the others: Optuna's
    ``TPESampler(constant_liar=True)`` keeps it from asking for nearly the same settings.

    On devices of several processes, see `sweep`, the first one's study alone is asked and told,
    whatever its sampler and storage; the others train what it asks for, and may pass None.

    Args:
        study: of ``optuna.create_study``, with one objective; its direction must be the metric's.
            It keeps the trials: ``study.best_params``.
        build: ``(**hyperparameters) -> Recipe``, as for `sweep`.
        train: the examples to learn from.
        validation: the examples by which settings are compared. No test examples.
        key: PRNG key; seed ``i`` of every setting has ``jax.random.fold_in(key, i)``.
        distributions: hyperparameter -> ``optuna.distributions.FloatDistribution``,
            ``IntDistribution`` or a ``CategoricalDistribution`` of numbers.
        rounds: how many batches, 1 or more.
        batch: trials of each, 1 or more.
        epochs: how often to go through the examples.
        batch_size: examples a step.
        seeds: runs of each trial.
        metric: what the study is told, one of a sweep's.
        mode: its direction, ``"max"`` or ``"min"``; by default as the metric says. It has to be
            the study's, too.
        options: of `sweep`, but for ``checkpoint``: what is asked next hangs on the study, which
            keeps the trials of the rounds that are done if it has a storage.

    Returns:
        The sweep of each round; setting ``i`` is the round's trial ``i``.

    Raises:
        ImportError: if Optuna is not installed.
        ValueError: as `sweep`; for a study of several objectives, or of the wrong direction; for a
            metric without a direction; for a checkpoint.
        TypeError: for a categorical distribution of other things than numbers.

    Source: Akiba et al. 2019, "Optuna: a next-generation hyperparameter optimization framework".
    """
    loop, execution = divide_options(options, epochs=epochs, batch_size=batch_size)
    member = RunProgram(build, loop)

    def check() -> tuple[Any, dict[str, bool], Modes]:
        check_sweep(member, train, key, seeds)
        check_count("rounds", rounds)
        check_count("batch", batch)
        remedy = "The study keeps its trials if it is made with a storage."
        kept, left_out = execution.checkpoint, execution.checkpoint is None
        require(left_out, "checkpoint", "to be left out", f"'{kept}'", remedy)
        optuna, floating = import_package("optuna"), _check_distributions(distributions)
        lowest = {each: _lowest(kind) for each, kind in distributions.items()}
        settings = _as_settings([lowest], floating)
        given = train, validation, metric, mode
        return optuna, floating, check_members(member, settings, *given)[1]

    processes = execution.processes
    optuna, floating, modes = run_in_all_processes(processes, check)
    wanted = check_direction("metric", metric, modes, mode)
    from_first(processes, lambda: _check_study(study, metric, wanted))
    trials = _Trials(optuna, study, metric, processes)
    keys = seed_keys(key, seeds)
    compiled: dict[int, Workers] = {}

    def run(settings: Settings, title: str) -> SweepResult:
        check = functools.partial(check_members, member, settings, train, validation)
        examples, _ = run_in_all_processes(processes, check)
        members = make_members(settings, keys, epochs)
        outputs = train_members(member, members, *examples, execution, compiled, title=title)
        return label(settings, keys, outputs, modes)

    results = []
    for number in range(rounds):
        numbers = trials.ask(distributions, batch)
        try:
            title = f"runs of round {number + 1} of {rounds}"
            results.append(run(_as_settings(numbers, floating), title))
            trials.tell(results[-1])
        except BaseException:  # a person may have ended it: leave no trial open
            trials.fail()
            raise
    return results


class _Trials:
    """Trials of a study, which one process alone asks and tells."""

    def __init__(self, optuna: Any, study: Any, metric: str, processes: int):
        self._failed = optuna.trial.TrialState.FAIL
        self._study, self._metric, self._processes = study, metric, processes
        self._open: list[Any] = []

    def ask(self, distributions: Mapping[str, Any], batch: int) -> list[dict[str, Any]]:
        """Return the hyperparameters of a batch of trials."""
        return from_first(self._processes, lambda: self._ask(distributions, batch))

    def tell(self, result: SweepResult) -> None:
        """Report the mean over the seeds of each trial, or its failure."""
        from_first(self._processes, lambda: self._tell(result))

    def fail(self) -> None:
        """Mark all unreported trials as failed."""
        for trial in self._open:
            self._study.tell(trial, state=self._failed, skip_if_finished=True)

    def _ask(self, distributions: Mapping[str, Any], batch: int) -> list[dict[str, Any]]:
        self._open = [self._study.ask(dict(distributions)) for _ in range(batch)]
        return [trial.params for trial in self._open]

    def _tell(self, result: SweepResult) -> None:
        lost: Any = result.diverged.any(axis=1)
        for trial, mean, failed in zip(self._open, result.mean(self._metric), lost, strict=True):
            if failed:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, float(mean))


def _check_study(study: Any, metric: str, mode: Mode) -> None:
    """Raise a ValueError unless a study has one objective and improves in the metric's sense."""
    is_study, remedy = hasattr(study, "directions"), "Pass optuna.create_study()."
    require_type(is_study, "study", "to be a study", repr(study), remedy)
    directions = [direction.name.lower() for direction in study.directions]
    wanted, actual = f"{mode}imize", " and ".join(directions)
    remedy = f"Make it by optuna.create_study(direction={wanted!r})."
    require(directions == [wanted], "study", f"to {wanted} {metric} alone", actual, remedy)


def _check_distributions(distributions: Any) -> dict[str, bool]:
    """Return which hyperparameters are floating-point."""
    several, given = isinstance(distributions, Mapping) and distributions, repr(distributions)
    require_type(several, "distributions", "to be one or more by name", given)
    return {name: _is_floating(name, each) for name, each in distributions.items()}


def _is_floating(name: str, distribution: Any) -> bool:
    """Return whether a hyperparameter is floating-point in every trial, whatever is drawn."""
    good = hasattr(distribution, "choices") or hasattr(distribution, "low")
    require_type(good, name, "to be a distribution of Optuna's", repr(distribution))
    choices = getattr(distribution, "choices", None)
    values = choices or (distribution.low, distribution.high)
    good = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    require_type(good, name, "to be numbers", repr(values), "Search each other value apart.")
    return any(isinstance(value, float) for value in values)


def _lowest(distribution: Any) -> Any:
    """Return a value of the distribution, for a check before the search."""
    return distribution.choices[0] if hasattr(distribution, "choices") else distribution.low


def _as_settings(numbers: list[dict[str, Any]], floating: Mapping[str, bool]) -> Settings:
    kinds = {name: float if is_floating else int for name, is_floating in floating.items()}
    return listed([{n: kind(each[n]) for n, kind in kinds.items()} for each in numbers])
