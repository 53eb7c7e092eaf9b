"""A run that is evaluated at averaged parameters chooses and gives those, and trains the same."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.optim import (
    average_parameters,
    averaged_params,
    chain,
    schedule_free_adamw,
    schedule_free_eval_params,
    sgd,
)
from jaxnet.training import (
    FitResult,
    Recipe,
    early_stopping,
    evaluate,
    fit,
    make_train,
    sweep,
    tune,
)
from tests.comparison import assert_trees_close
from tests.training.toys import blobs, network

KEY = jax.random.key(0)
WAYS: dict[str, Any] = {
    "uniform average": (average_parameters(sgd(0.5), None), averaged_params),
    "moving average": (chain(average_parameters(sgd(0.5), 0.8)), averaged_params),
    "schedule-free": (schedule_free_adamw(0.1), schedule_free_eval_params),
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def first(params: Any, statistics: Any, train: Any) -> jax.Array:
    del statistics, train
    return jax.tree.leaves(params)[0][0, 0]


def run(way: str, **options: Any) -> FitResult:
    """Train in a program that serves every number of epochs, with an instrument."""
    optimizer, evaluate_at = WAYS[way]
    given = {"evaluate_at": evaluate_at, "epochs": 4, "validation": blobs(seed=1)}
    given |= {"instruments": {"first": first}} | options
    net = given.pop("net", network())
    return fit(net, blobs(), key=KEY, optimizer=optimizer, batch_size=8, **given)


def elsewhere(way: str, result: FitResult) -> Any:
    """Return the parameters that a run is to be evaluated at, by those it has trained."""
    return WAYS[way][1](result.state.opt_state, result.state.params)


def distance(a: Any, b: Any) -> float:
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(jnp.max(jnp.abs(x - y))) for x, y in leaves)


@EVERY_WAY
def test_every_epoch_is_measured_there(way: str, dtype: np.dtype) -> None:
    whole = run(way)
    for epoch in (1, 4):
        part = run(way, epochs=epoch)
        there = elsewhere(way, part)
        assert_trees_close(part.params, there)
        assert distance(there, part.state.params) > 1e-3
        means = evaluate(network(), there, part.statistics, blobs(seed=1))
        for name, mean in means.items():
            assert whole.history.validation[name][epoch - 1] == pytest.approx(mean, rel=1e-5)
        read = whole.history.instruments["first"][epoch - 1]
        assert read == pytest.approx(float(there[0].weights[0, 0]), rel=1e-5)
    assert whole.params[0].weights.dtype == dtype


@EVERY_WAY
def test_the_training_is_the_same(way: str) -> None:
    there, plain = run(way), run(way, evaluate_at=None)
    assert digest(there.state) == digest(plain.state)
    assert digest(there.history.train) == digest(plain.history.train)
    assert digest(plain.params) == digest(plain.state.params)


@EVERY_WAY
def test_the_best_is_kept_there(way: str) -> None:
    rules = [early_stopping(patience=2)]
    result = run(way, rules=rules, epochs=30)
    losses = result.history.validation["loss"]
    assert result.epoch == int(np.argmin(losses)) + 1 < len(losses)
    best = run(way, epochs=result.epoch)
    assert_trees_close(result.params, elsewhere(way, best))
    means = evaluate(network(), result.params, result.statistics, blobs(seed=1))
    assert means["loss"] == pytest.approx(float(losses.min()), rel=1e-5)


@pytest.mark.parametrize("rules", [(), (early_stopping(patience=9),)], ids=["last", "best"])
def test_both_assembly_lines_have_it(rules: Any) -> None:
    def build(learning_rate: Any) -> Recipe:
        optimizer = average_parameters(sgd(learning_rate), None)
        return Recipe(network(), optimizer, evaluate_at=averaged_params, rules=rules)

    runs: dict[str, Any] = {"epochs": 4, "batch_size": 8}
    train, rates = make_train(build, blobs(), blobs(seed=1), **runs), {"learning_rate": 0.5}
    fitted = run("uniform average", rules=rules)
    assert_trees_close(train(KEY, rates).params, fitted.params)
    swept = sweep(build, blobs(), key=KEY, settings=rates, validation=blobs(seed=1), **runs)
    member = swept.member(0)
    again = train(member.key, member.hyperparameters)
    assert_trees_close(member.params, again.params)
    means = evaluate(network(), member.params, member.statistics, blobs(seed=1))
    assert member.metrics["validation_loss"] == pytest.approx(means["loss"], rel=1e-5)
    if not rules:
        assert_trees_close(member.params, averaged_params(again.state.opt_state))
        tuned = tune(build, blobs(), blobs(seed=1), key=KEY, settings=rates, **runs).fit
        assert_trees_close(tuned.params, averaged_params(tuned.state.opt_state))


def test_statistics_are_those_of_the_trained_parameters() -> None:
    net = jaxnet.mlp((3, 5, 3), batch_norm="before")
    there, plain = (run("moving average", net=net, **more) for more in ({}, {"evaluate_at": None}))
    assert digest(there.statistics) == digest(plain.statistics)
    means = evaluate(net, there.params, there.statistics, blobs(seed=1))
    assert there.history.validation["loss"][-1] == pytest.approx(means["loss"], rel=1e-5)


def test_the_average_has_the_dtype_of_the_parameters() -> None:
    net = jaxnet.mlp((3, 5, 3), input_scale=1.0, dtype=jnp.bfloat16)
    result = run("uniform average", net=net, rules=[early_stopping(patience=9)])
    wide = jax.tree.leaves(averaged_params(result.state.opt_state))
    assert {leaf.dtype.name for leaf in wide} == {"float32"}
    assert {leaf.dtype.name for leaf in jax.tree.leaves(result.params)} == {"bfloat16"}


def test_the_same_function_compiles_once() -> None:
    calls = []

    def counted(opt_state: Any, params: Any) -> Any:
        calls.append(1)
        return averaged_params(opt_state, params)

    run("uniform average", evaluate_at=counted)
    before = len(calls)
    run("uniform average", evaluate_at=counted, report_every=1)
    assert len(calls) == before


@pytest.mark.parametrize(
    ("evaluate_at", "message"),
    [
        (0.9, "expected evaluate_at to be a function, got 0.9."),
        (lambda opt_state, params: params[0], "expected evaluate_at to return a tree like the par"),
        (
            lambda opt_state, params: jax.tree.map(lambda leaf: leaf[None], params),
            "expected evaluate_at to return a tree like the parameters",
        ),
        (
            lambda params, opt_state: averaged_params(opt_state),
            "expected state to hold one AverageParametersState, got 0",
        ),
    ],
    ids=["number", "part", "shape", "order"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(evaluate_at: Any, message: str) -> None:
    def build(learning_rate: Any) -> Recipe:
        optimizer = average_parameters(sgd(learning_rate), None)
        return Recipe(network(), optimizer, evaluate_at=evaluate_at)

    runs: dict[str, Any] = {"key": KEY, "epochs": 1, "batch_size": 8}
    for call in (
        lambda: run("uniform average", evaluate_at=evaluate_at),
        lambda: sweep(build, blobs(), settings={"learning_rate": 0.1}, **runs),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert message in str(caught.value)
