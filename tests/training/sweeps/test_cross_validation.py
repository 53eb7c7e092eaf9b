"""Cross-validation in one program is the loop over folds that one would write by hand."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples, k_folds
from jaxnet.training import Recipe, cross_validate, fit, grid, make_train
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs

KEY = jax.random.key(5)
RATES = (0.01, 0.1)
RUNS: dict[str, Any] = {"epochs": 3, "batch_size": 8, "folds": 3, "seeds": 2}


def build(learning_rate: Any) -> Recipe:
    network = jaxnet.mlp((3, 5, 3), activation="tanh", drop_rate=0.1)
    return Recipe(network, jaxnet.optim.adam(learning_rate))


@pytest.mark.slow
def test_it_is_the_loop_over_folds(dtype: np.dtype) -> None:
    examples = blobs()
    settings = grid(learning_rate=RATES)
    result = cross_validate(build, examples, key=KEY, settings=settings, **RUNS)
    assert result.metrics["validation_loss"].shape == (2, 6)
    fold_key, run_key = jax.random.split(KEY)
    train, held_out = k_folds(examples, 3, key=fold_key)
    assert [len(fold) for fold in held_out] == [13, 12, 12]
    for setting, run in ((0, 1), (1, 3)):  # the second fold, and the first in its second turn
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


@pytest.mark.slow
@pytest.mark.parametrize("short_batch", ["equal", "drop"])
def test_a_run_has_the_bits_that_it_has_alone(short_batch: Any) -> None:
    # of 37 examples, 24 and 25 are trained with: full mini-batches of 8, and one that is not
    examples, told = blobs(), []
    result = cross_validate(
        build,
        examples,
        key=KEY,
        settings=grid(learning_rate=RATES),
        width=1,
        short_batch=short_batch,
        on_progress=told.append,
        **RUNS,
    )
    train, held_out = k_folds(examples, 3, key=jax.random.split(KEY)[0])
    for run in (0, 2):  # one of each size

        def on_fold(learning_rate: Any, fold: int = run) -> Recipe:
            return build(learning_rate)._replace(subset=train[fold], held_out=held_out[fold])

        passes = {"epochs": 3, "batch_size": 8, "short_batch": short_batch}
        member = result.member(1, run)
        alone = make_train(on_fold, examples, **passes)(member.key, member.hyperparameters)
        assert digest(member.params) == digest(alone.params)
        curve = result.history.validation["loss"][1, run]
        np.testing.assert_array_equal(curve, alone.history.validation["loss"])
    assert {(each.runs, each.resumed) for each in told} == {(12, 0)}
    assert [each.done for each in told] == list(range(1, 13))
    seconds = [each.seconds for each in told]
    assert seconds == sorted(seconds)


def test_each_example_is_validated_on_exactly_once() -> None:
    # the target is the example's number, and the network says 0: the loss is its square
    numbers = Examples(np.ones((7, 1)), np.arange(7.0)[:, None])

    def silent(learning_rate: Any) -> Recipe:
        network = jaxnet.mlp((1, 1), initializer="zeros")
        return Recipe(network, jaxnet.optim.sgd(learning_rate), loss="squared_error")

    still: dict[str, Any] = {"settings": {"learning_rate": 0.0}, "epochs": 1, "batch_size": 2}
    result = cross_validate(silent, numbers, key=KEY, folds=3, **still)
    means = result.metrics["validation_loss"][0]
    assert (means * [3, 2, 2]).sum() == pytest.approx(sum(i**2 for i in range(7)))
    held_out = k_folds(numbers, 3, key=jax.random.split(KEY)[0]).held_out
    np.testing.assert_allclose(means, [np.mean(fold.astype(float) ** 2) for fold in held_out])


def partly(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(subset=jax.numpy.arange(5))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"folds": 1}, "expected folds >= 2, got 1"),
        ({"folds": 38}, "expected folds at most the 37 examples, got 38"),
        ({"batch_size": 25}, "at most the 24 examples, got 25"),
        ({"stragety": "map"}, "expected options to be one of"),
        ({"settings": {"rate": 0.1}}, "expected options of build to be among"),
        ({"keep": "all"}, "expected keep to be one of"),
        ({"build": partly}, "expected the recipe's subset to be None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    given: Any = RUNS | {"build": build, "key": KEY, "settings": {"learning_rate": 0.1}} | changed
    with pytest.raises(ValueError) as caught:
        cross_validate(given.pop("build"), blobs(), **given)
    assert message in str(caught.value)
