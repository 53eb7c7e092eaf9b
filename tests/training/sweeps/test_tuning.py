"""Tuning chooses on validation examples, trains again on all, and tests once."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples, split
from jaxnet.training import (
    Recipe,
    cross_validate,
    early_stopping,
    evaluate,
    fit,
    grid,
    reduce_on_plateau,
    sweep,
    tune,
)
from tests.training.toys import blobs

KEY = jax.random.key(1)
SETTINGS = grid(learning_rate=[1e-5, 0.1, 1e38])
RUNS: dict[str, Any] = {"epochs": 4, "batch_size": 8}
TEST = blobs(20, seed=2)


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 5, 3), activation="tanh"), jaxnet.optim.adam(learning_rate))


def stopping(learning_rate: Any) -> Recipe:
    rules = [early_stopping(patience=1, min_delta=10.0), reduce_on_plateau(factor=0.5)]
    return build(learning_rate)._replace(rules=rules)


@functools.cache
def plainly_tuned() -> Any:
    return tuned()


def tuned(test: Examples = TEST, builder: Any = build, **more: Any) -> Any:
    return tune(builder, blobs(), test, key=KEY, settings=SETTINGS, **RUNS, **more)


@pytest.mark.slow
def test_it_is_what_one_would_do_by_hand() -> None:
    result = tuned(width=1)
    search_key, fit_key = jax.random.split(KEY)
    split_key, run_key = jax.random.split(search_key)
    rest, validation = split(blobs(), (0.8, 0.2), key=split_key)
    runs: Any = RUNS | {"settings": SETTINGS, "width": 1}
    swept = sweep(build, rest, key=run_key, validation=validation, **runs)
    assert digest(swept.params) == digest(result.sweep.params)
    assert result.setting == swept.best() == {"learning_rate": 0.1}
    recipe = build(0.1)
    optimizer = recipe.optimizer
    alone = fit(recipe.network, blobs(), key=fit_key, optimizer=optimizer, **RUNS)
    assert digest(result.fit.params) == digest(alone.params)
    assert result.test == evaluate(recipe.network, alone.params, alone.statistics, TEST)
    assert result.epochs == 4


def test_the_test_examples_take_part_in_no_choice() -> None:
    permuted = TEST._replace(targets=TEST.targets[np.random.default_rng(0).permutation(20)])
    result, other = plainly_tuned(), tuned(permuted)
    assert result.setting == other.setting
    assert digest(result.sweep.params) == digest(other.sweep.params)
    assert digest(result.fit.params) == digest(other.fit.params)
    assert result.test != other.test


@pytest.mark.slow
def test_folds_and_rules_do_what_they_say() -> None:
    result = tuned(builder=stopping, folds=3, width=1)
    key = jax.random.split(KEY)[0]
    runs: Any = RUNS | {"settings": SETTINGS, "folds": 3, "width": 1}
    swept = cross_validate(stopping, blobs(), key=key, **runs)
    assert digest(swept.params) == digest(result.sweep.params)
    # no improvement is large enough: the best epoch is the first, and the last training's length
    assert swept.epoch[1].tolist() == [1, 1, 1]
    assert result.epochs == len(result.fit.history.train["loss"]) == 1


def test_lists_are_as_good_as_arrays() -> None:
    lists = Examples(*(field.tolist() for field in blobs()))
    result = tune(build, lists, TEST, key=KEY, settings=SETTINGS, **RUNS)
    assert digest(result.fit.params) == digest(plainly_tuned().fit.params)


@pytest.mark.slow
def test_the_last_network_has_the_structure_of_those_of_the_search() -> None:
    def dropping(drop_rate: Any) -> Recipe:
        network = jaxnet.mlp((3, 5, 3), drop_rate=drop_rate)  # of a Python 0.0: without dropout
        return Recipe(network, jaxnet.optim.adam(0.1))

    settings = grid(drop_rate=[0.0, 0.9])
    result = tune(dropping, blobs(), TEST, key=KEY, settings=settings, **RUNS)
    assert result.setting == {"drop_rate": 0.0}
    assert jax.tree.structure(result.fit.params) == jax.tree.structure(result.sweep.params)


def by_validation(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(rules=[reduce_on_plateau(source="validation")])


def partly(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(subset=jax.numpy.arange(5))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": blobs(5, features=4)}, "expected in_shape to be (3,), got (4,)"),
        ({"validation_fraction": 1.0}, "expected validation_fraction finite and in (0, 1)"),
        ({"folds": 1}, "expected folds >= 2"),
        ({"chunks": 1}, "expected options to be one of"),
        ({"builder": by_validation}, "expected validation to be given"),
        ({"builder": partly}, "expected the recipe's subset to be None"),
        ({"metric": "loss"}, "expected metric to be one of"),
        ({"metric": "validation_acuracy"}, "Did you mean 'validation_accuracy'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        tuned(**changed)
    assert message in str(caught.value)
