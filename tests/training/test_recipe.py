"""Builders: what a recipe is made of, and how one that cannot be built says so."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.training import Recipe, early_stopping, make_recipe, make_train, sweep
from tests.training.toys import blobs, network


def recipe(learning_rate: Any, **parts: Any) -> Recipe:
    return Recipe(network(), jaxnet.optim.sgd(learning_rate), **parts)


def test_a_builder_gets_arrays() -> None:
    seen = {}

    def build(learning_rate: Any, count: Any = 3) -> Recipe:
        seen.update(learning_rate=learning_rate, count=count)
        return recipe(learning_rate, rules=[early_stopping()])

    made = make_recipe(build, {"learning_rate": 0.1})
    assert isinstance(seen["learning_rate"], jax.Array)
    assert seen["count"] == 3
    assert [rule.name for rule in made.rules] == ["no better loss for 10 epochs"]


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (3, TypeError, "expected build to be a function, got 3."),
        (lambda rate: None, TypeError, "to return a Recipe, got a NoneType"),
        (lambda: recipe(0.1), ValueError, "expected options of <lambda> to be none, got 'rate'"),
        (lambda rates: recipe(rates), ValueError, "Did you mean 'rates'?"),
        (lambda rate, more: recipe(rate), ValueError, "settings to be complete, got missing a"),
        (lambda rate: recipe(rate, rules=early_stopping()), TypeError, "got the single rule 'no"),
        (
            lambda rate: recipe(rate)._replace(optimizer="sgd"),
            TypeError,
            "expected optimizer to be an optax.GradientTransformation",
        ),
    ],
    ids=["number", "nothing", "no options", "another name", "one more", "single rule", "name"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_builders_that_are_refused(build: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make_recipe(build, {"rate": 0.1})


@pytest.mark.parametrize(
    "build",
    [
        lambda rate: recipe(0.1 if rate > 0.5 else 0.2),
        lambda rate: recipe(float(rate)),
        lambda rate: recipe(np.sqrt(rate)),
        lambda rate: recipe([0.1, 0.2][rate.astype(jnp.int32)]),
        lambda rate: recipe({0.1: 0.2}[rate]),
        lambda rate: recipe(0.1, subset=jnp.arange(8)[: rate.astype(jnp.int32)]),
        lambda rate: recipe(0.1, subset=jnp.arange(8)[jnp.arange(8.0) < rate]),
        lambda rate: recipe(0.1, subset=jnp.zeros(rate.astype(jnp.int32))),
    ],
    ids=["if", "float", "NumPy", "index", "lookup", "slice", "mask", "shape"],
)
def test_a_builder_that_needs_a_number_is_told_that_it_gets_an_array(build: Any) -> None:
    message = "expected build to compute with arrays that are traced, got code that needs their"
    with pytest.raises(TypeError, match=f"{message} values: .*jnp.where.*sweep_choices"):
        jax.jit(lambda rate: make_recipe(build, {"rate": rate}).optimizer.init(()))(0.7)


def slowing(rate: Any) -> Any:
    return lambda count: rate if rate > 0.01 * count.astype(rate.dtype) else 0.0


@pytest.mark.parametrize(
    "parts",
    [
        lambda rate: {"optimizer": jaxnet.optim.sgd(slowing(rate))},
        lambda rate: {"penalty": lambda params: float(rate) * params[0][0].sum()},
        lambda rate: {"constraint": lambda params: params if rate else None},
    ],
    ids=["schedule", "penalty", "constraint"],
)
def test_a_part_that_needs_a_number_says_so_in_the_program(parts: Any) -> None:
    def build(rate: Any) -> Recipe:
        return recipe(rate)._replace(**parts(rate))

    runs: dict[str, Any] = {"key": jax.random.key(0), "epochs": 1, "batch_size": 8}
    with pytest.raises(TypeError, match=r"expected recipe and instruments to compute .*jnp"):
        sweep(build, blobs(), settings={"rate": 0.1}, **runs)


def test_an_instrument_that_needs_a_number_says_so() -> None:
    instruments: Any = {"m": lambda params, statistics, train: float(params[0][0].sum())}
    run = make_train(recipe, blobs(), epochs=1, batch_size=8, instruments=instruments)
    with pytest.raises(TypeError, match="expected recipe and instruments to compute with arrays"):
        run(jax.random.key(0), {"learning_rate": 0.1})


def test_other_errors_of_a_builder_are_its_own() -> None:
    def build(rate: Any) -> Recipe:
        return recipe(rate + "per epoch")

    with pytest.raises(TypeError) as caught:
        jax.jit(lambda rate: make_recipe(build, {"rate": rate}).optimizer.init(()))(0.7)
    assert "expected build" not in str(caught.value)
