"""Mistakes that once trained something else in silence, or failed after the training."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.errors import InvalidValueError
from jaxnet.data.examples import Examples
from jaxnet.training import (
    Recipe,
    early_stopping,
    find_learning_rate,
    grid,
    make_train,
    stop_at_deviation,
    sweep,
)

INPUTS = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
TARGETS = (INPUTS.sum(axis=1) > 0).astype(np.int32)
TRAIN = Examples(INPUTS[:16], TARGETS[:16])
KEY = jax.random.key(0)
PASSES: dict[str, Any] = {"epochs": 4, "batch_size": 4}


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 6, 2)), jaxnet.optim.sgd(learning_rate))


def run(builder: Any, **options: Any) -> Any:
    given = {"settings": {"learning_rate": 0.1}, "key": KEY} | PASSES | options
    return sweep(builder, TRAIN, **given)


@pytest.mark.parametrize("value", [-1, 2**31])
def test_whole_numbers_that_the_program_would_change_are_refused(value: int) -> None:
    with pytest.raises(InvalidValueError, match=r"to be real, or whole and from 0 to 2\^31 - 1"):
        grid(exponent=[value, 1])


def test_settings_are_checked_as_the_program_has_them() -> None:
    def dropping(drop_rate: Any) -> Recipe:
        network = jaxnet.mlp((3, 6, 2), drop_rate=drop_rate)
        return Recipe(network, jaxnet.optim.sgd(0.1))

    with jax.enable_x64(False):
        with pytest.raises(InvalidValueError, match="rate"):
            run(dropping, settings=grid(drop_rate=[1 - 1e-9]))
        with pytest.raises(InvalidValueError, match="finite in float32"):
            run(build, settings=grid(learning_rate=[1e39]))


def test_a_loss_of_probabilities_is_refused_for_logits() -> None:
    def wrong(learning_rate: Any) -> Recipe:
        return build(learning_rate)._replace(loss="categorical_cross_entropy")

    with pytest.raises(InvalidValueError, match="outputs to be probabilities"):
        run(wrong)
    with pytest.raises(InvalidValueError, match="outputs to be probabilities"):
        make_train(wrong, TRAIN, **PASSES)(KEY, {"learning_rate": 0.1})


def test_rules_of_an_iterator_are_kept() -> None:
    def stopping(learning_rate: Any) -> Recipe:
        rules: Any = (rule for rule in [stop_at_deviation(100.0)])
        return build(learning_rate)._replace(rules=rules)

    assert run(stopping).done.tolist() == [[2]]


def test_early_stopping_takes_the_first_epoch_until_there_is_a_number() -> None:
    def by(metric: Any, patience: int = 9) -> Any:
        def builder(learning_rate: Any) -> Recipe:
            rules = [early_stopping("measured", patience=patience, mode="min")]
            return build(learning_rate)._replace(metrics={"measured": metric}, rules=rules)

        return builder

    def size(params: Any, statistics: Any, train: Any) -> jax.Array:
        return jnp.abs(params[0].weights).sum()

    never = run(by(lambda y, t: jnp.nan * y[:, 0]), instruments={"size": size})
    assert never.epoch.tolist() == [[1]]
    kept = np.abs(never.params[0].weights).sum()
    assert never.metrics["instruments_size"][0, 0] == pytest.approx(kept, rel=1e-6)
    assert run(by(lambda y, t: jnp.nan * y[:, 0], patience=2)).done.tolist() == [[3]]


def test_diverged_settings_come_last_even_after_infinite_losses() -> None:
    def line(learning_rate: Any) -> Recipe:
        network = jaxnet.mlp((3, 1))
        return Recipe(network, jaxnet.optim.sgd(learning_rate), "squared_error")

    with jax.enable_x64(False):
        huge = np.float32(1e25) * INPUTS[:8]
        train = Examples(INPUTS[:16], INPUTS[:16, :1])
        result = sweep(
            line,
            train,
            key=KEY,
            settings=grid(learning_rate=[1e30, 0.1]),
            validation=Examples(huge, INPUTS[:8, :1]),
            **PASSES,
        )
        lost = sweep(line, train, key=KEY, settings={"learning_rate": 1e30}, **PASSES)
    assert result.diverged.ravel().tolist() == [True, False]
    assert result.best() == {"learning_rate": 0.1}
    with pytest.raises(InvalidValueError, match="to hold one that trains"):
        lost.best()


def test_the_finder_measures_the_last_epoch_whatever_a_rule_keeps() -> None:
    def keeping(learning_rate: Any) -> Recipe:
        return build(learning_rate)._replace(rules=[early_stopping(patience=20)])

    options = {"key": KEY, "batch_size": 4, "points": 6, "epochs": 8, "low": 0.01, "high": 100.0}
    plain, kept = (find_learning_rate(b, TRAIN, **options) for b in (build, keeping))
    np.testing.assert_allclose(kept.losses, plain.losses, rtol=1e-5)
    assert kept.suggestion == plain.suggestion
    with pytest.raises(InvalidValueError, match="held_out"):
        find_learning_rate(
            lambda learning_rate: build(learning_rate)._replace(held_out=jnp.arange(3)),
            TRAIN,
            **options,
        )


def test_instruments_of_whole_numbers_and_truth_values() -> None:
    def stopping(learning_rate: Any) -> Recipe:
        return build(learning_rate)._replace(rules=[stop_at_deviation(100.0)])

    instruments = {"three": lambda p, s, t: 3, "false": lambda p, s, t: jnp.array(False)}
    result = run(stopping, instruments=instruments)
    three, false = (result.history.instruments[name][0, 0] for name in instruments)
    np.testing.assert_array_equal(three, [3, 3, np.nan, np.nan])
    np.testing.assert_array_equal(false, [0, 0, np.nan, np.nan])
    assert result.metrics["instruments_three"].tolist() == [[3.0]]


def test_a_builder_without_a_name_is_asked_for_its_arguments() -> None:
    builder = functools.partial(lambda learning_rate, width: build(learning_rate), width=6)
    with pytest.raises(InvalidValueError, match="Did you mean 'learning_rate'"):
        run(builder, settings={"learnin_rate": 0.1})


def test_the_keys_of_seeds_are_folded_in_whatever_their_kind() -> None:
    key = jax.random.key(3, impl="unsafe_rbg")
    result = run(build, key=key, seeds=3, epochs=1)
    for seed in range(3):
        expected = jax.random.key_data(jax.random.fold_in(key, seed))
        np.testing.assert_array_equal(jax.random.key_data(result.keys[seed]), expected)
