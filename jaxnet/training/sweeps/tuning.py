"""Tuning: choose hyperparameters on validation examples, test the choice once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_key, check_range
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_pair
from jaxnet.data.split import split
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import check_direction
from jaxnet.training.distributed.processes import run_in_all_processes
from jaxnet.training.fit import fit
from jaxnet.training.host_loop import FitResult
from jaxnet.training.loop.checks import check_fit
from jaxnet.training.loop.evaluate import evaluate
from jaxnet.training.recipe import Build, Recipe, call_builder, recipe_objective
from jaxnet.training.sweeps.checkpoint import stage_folder
from jaxnet.training.sweeps.cross_validation import cross_validate
from jaxnet.training.sweeps.labels import metric_modes
from jaxnet.training.sweeps.options import check_all_examples, divide_options
from jaxnet.training.sweeps.result import SweepResult, steady_ranking
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.sweep import sweep
from jaxnet.training.train import make_recipe, make_train


class TuneResult(NamedTuple):
    """The result of `tune`.

    Attributes:
        setting: the chosen one.
        sweep: all settings, on the validation examples or folds.
        epochs: how many the chosen one was trained for again, on all training examples.
        fit: that training: its parameters are those to use.
        test: ``"loss"`` and each metric's name -> mean over the test examples.
    """

    setting: dict[str, float | int]
    sweep: SweepResult
    epochs: int
    fit: FitResult
    test: dict[str, float]

    __repr__ = represent
    _repr_html_ = represent_html


def tune(
    build: Build,
    train: Examples,
    test: Examples,
    *,
    key: Key,
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    epochs: int,
    batch_size: int,
    folds: int | None = None,
    validation_fraction: float = 0.2,
    stratify: bool = False,
    seeds: int = 1,
    metric: str = "validation_loss",
    mode: Mode | None = None,
    **options: Any,
) -> TuneResult:
    """Choose a setting on validation examples, train it on all others, test it once.

    The test examples take part in no choice: what chooses does not get them. All settings are
    trained without the validation examples, or without one fold after the other; the one with the
    best mean, of those of which no run diverged, is trained again with all training examples, and
    that network is tested. How good the others are on the test examples remains unknown.

    Trained again, there is nothing to validate on: the rules that end a run or keep its best
    parameters are left out, and in their place the run has as many epochs as the setting's best
    parameters had, in the median over its runs. A rule that slows it down goes by the training
    examples.

    Args:
        build: ``(**hyperparameters) -> Recipe``, as for `sweep`; `grid` and `sampled` settings make
            a grid search and a random search of it.
        train: the examples to learn from and to validate on.
        test: the examples to test with, once.
        key: PRNG key of the split, of the runs, and of the last training.
        settings: as for `sweep`.
        epochs: how often to go through the examples.
        batch_size: examples a step.
        folds: how many, for cross-validation; None to hold one part out.
        validation_fraction: that part, above 0 and below 1.
        stratify: keep the proportions of integer labels in every part.
        seeds: runs for each setting (and fold).
        metric: what to choose by, one of a sweep's.
        mode: its direction, ``"max"`` or ``"min"``; by default as the metric says.
        options: of `sweep`. In the folder ``checkpoint``, the search has its own, and so has the
            last training, unless several processes search together: each then trains that network
            by itself, from the start.

    Returns:
        The setting, its network, and its test results.

    Raises:
        ValueError: as `sweep`; for a metric without a direction; if each setting has a run that
            diverges.
        DivergenceError: if the last training does.

    Source: lecture 000, training, validation and test data.

    >>> import jaxnet
    >>> from jaxnet.training import Recipe, grid
    >>> def build(learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), jaxnet.optim.adam(learning_rate))
    >>> points = Examples(np.arange(20.0)[:, None] / 20, np.arange(20) // 10)
    >>> rates, run = grid(learning_rate=[1e-6, 0.05]), {"epochs": 100, "batch_size": 4}
    >>> result = tune(build, points, points, key=jax.random.key(0), settings=rates, **run)
    >>> result.setting, result.test["accuracy"] > 0.9
    ({'learning_rate': 0.05}, True)
    """
    _, execution = divide_options(options, epochs=epochs, batch_size=batch_size)
    again: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size}
    again |= {name: options[name] for name in _OF_FIT if name in options}

    def check() -> tuple[list[Any], Settings, Examples]:
        check_key("key", key)
        bounds: dict[str, Any] = {"low": 0.0, "high": 1.0, "low_open": True, "high_open": True}
        check_range("validation_fraction", validation_fraction, **bounds)
        stages = [stage_folder(execution.checkpoint, number) for number in range(2)]
        pair, tried = check_pair("train", train), check_settings(settings)
        _check_test(build, tried, pair, test, (metric, mode), again)
        return stages, tried, pair

    stages, checked, pair = run_in_all_processes(execution.processes, check)
    search_key, fit_key = jax.random.split(key)
    given = {"settings": checked, "epochs": epochs, "batch_size": batch_size, "seeds": seeds}
    given |= {"key": search_key, "stratify": stratify, **options, "checkpoint": stages[0]}
    given |= {"devices": execution.devices}
    if folds is None:
        tried = _held_out(build, pair, validation_fraction, **given)
    else:
        tried = cross_validate(build, pair, folds=folds, **given)
    index = int(steady_ranking(tried, metric, mode)[0])
    setting = checked.row(index)
    recipe = _unguarded(make_recipe(build, setting))
    again["epochs"] = int(np.ceil(np.median(tried.epoch[index])))
    again["checkpoint"] = stages[1] if execution.processes == 1 else None
    fitted = _fit(recipe, pair, key=fit_key, progress=execution.progress, **again)
    return TuneResult(setting, tried, again["epochs"], fitted, _tested(recipe, fitted, test))


_OF_FIT = ("shuffle", "short_batch", "instruments")


def _held_out(
    build: Build, train: Examples, fraction: float, *, key: Key, stratify: bool, **given: Any
) -> SweepResult:
    split_key, run_key = jax.random.split(key)
    rest, validation = split(train, (1 - fraction, fraction), key=split_key, stratify=stratify)
    return sweep(build, rest, validation=validation, key=run_key, **given)


def _check_test(
    build: Build,
    settings: Settings,
    train: Examples,
    test: Examples,
    choice: tuple[str, Mode | None],
    again: Any,
) -> None:
    """Check the last training and the test before the search."""

    def unguarded(**hyperparameters: Any) -> Recipe:
        return _unguarded(call_builder(build, hyperparameters))

    objective = recipe_objective(unguarded(**settings.row(0)))
    check_fit("test", objective, test)
    modes = metric_modes(objective, again.get("instruments"))
    check_direction("metric", choice[0], modes, choice[1])
    jax.eval_shape(make_train(unguarded, train, **again), jax.random.key(0), settings.row(0))


def _unguarded(recipe: Recipe) -> Recipe:
    """Return the recipe of the last training, without rules that need validation."""
    check_all_examples(recipe)
    slowing = [rule._replace(stop=None, best=None) for rule in recipe.rules if rule.scale]
    return recipe._replace(rules=slowing)


def _fit(recipe: Recipe, train: Examples, **given: Any) -> FitResult:
    of_fit = recipe._asdict()
    for name in ("network", "subset", "held_out"):
        del of_fit[name]
    return fit(recipe.network, train, **of_fit, **given)


def _tested(recipe: Recipe, fitted: FitResult, test: Examples) -> dict[str, float]:
    kinds = {"loss": recipe.loss, "metrics": recipe.metrics}
    return evaluate(recipe.network, fitted.params, fitted.statistics, test, **kinds)
