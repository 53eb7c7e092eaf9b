"""Cross-validation in one program is the loop over folds that one would write by hand."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.data import k_folds
from jaxnet.training import Recipe, cross_validate, fit, grid
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs

KEY = jax.random.key(5)
RATES = (0.01, 0.1)
RUNS: dict[str, Any] = {"epochs": 3, "batch_size": 8, "folds": 3, "seeds": 2}


def build(learning_rate: Any) -> Recipe:
    network = jaxnet.mlp((3, 5, 3), activation="tanh", drop_rate=0.1)
    return Recipe(network, jaxnet.optim.adam(learning_rate))


def test_it_is_the_loop_over_folds(dtype: np.dtype) -> None:
    examples = blobs()
    settings = grid(learning_rate=RATES)
    result = cross_validate(build, examples, key=KEY, settings=settings, **RUNS)
    assert result.metrics["validation_loss"].shape == (2, 6)
    fold_key, run_key = jax.random.split(KEY)
    train, held_out = k_folds(examples, 3, key=fold_key)
    for setting, run in ((0, 0), (1, 1), (1, 5)):
        recipe, fold = build(RATES[setting]), run % 3
        alone = fit(
            recipe.network,
            examples.take(train[fold]),
            validation=examples.take(held_out[fold]),
            key=jax.random.fold_in(run_key, run),
            optimizer=recipe.optimizer,
            epochs=3,
            batch_size=8,
        )
        member, tolerance = result.member(setting, run), Tolerance(1e-5, 1e-6)
        assert_trees_close(member.params, alone.params, tolerance=tolerance)
        curve = result.history.validation["loss"][setting, run]
        np.testing.assert_allclose(curve, alone.history.validation["loss"], rtol=1e-5)
    assert result.params[0].weights.dtype == dtype
    mean = result.metrics["validation_loss"].mean(axis=1)
    np.testing.assert_allclose(result.mean("validation_loss"), mean)


def partly(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(subset=jax.numpy.arange(5))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"folds": 1}, "k_folds: expected folds >= 2, got 1"),
        ({"folds": 38}, "k_folds: expected folds at most the 37 examples, got 38"),
        ({"batch_size": 26}, "at most the 25 examples, got 26"),
        ({"stragety": "map"}, "cross_validate: expected options to be one of"),
        ({"settings": {"rate": 0.1}}, "cross_validate: expected options of build to be among"),
        ({"keep": "all"}, "cross_validate: expected keep to be one of"),
        ({"build": partly}, "cross_validate: expected the recipe's subset to be None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    given: Any = RUNS | {"build": build, "key": KEY, "settings": {"learning_rate": 0.1}} | changed
    with pytest.raises(ValueError) as caught:
        cross_validate(given.pop("build"), blobs(), **given)
    assert message in str(caught.value)
