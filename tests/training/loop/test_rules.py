"""Rules: a run stops, slows down and keeps its best exactly where a loop by hand would."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import (
    FitResult,
    Recipe,
    Rule,
    early_stopping,
    fit,
    grid,
    reduce_on_plateau,
    stop_at_deviation,
    sweep,
)
from jaxnet.training.loop.rules import (
    NO_RULE,
    Watched,
    check_rules,
    start_rules,
    stopped_by,
    update_scale,
    watch,
)
from tests.training.toys import blobs, network

NETWORK = network()
OPTIMIZER = jaxnet.optim.adam(0.05)


def run(rules: Any, **settings: Any) -> FitResult:
    given = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 40, "batch_size": 8}
    given |= {"validation": blobs(seed=1), "rules": rules}
    return fit(NETWORK, blobs(), **(given | settings))


def feed(rule: Rule, values: list[float]) -> tuple[list[bool], Any]:
    """Return after which of some epochs a rule stops, and its state in the end."""
    (rule,) = check_rules([rule], {"loss": "min", "accuracy": "max"})
    state, stops = rule.init(jnp.array(0.0), ()), []
    for value in values:
        risk = {"loss": jnp.asarray(value), "accuracy": jnp.asarray(-value)}
        state = rule.update(state, Watched(risk, {}, jnp.asarray(value), ()))
        stops.append(int(stopped_by([rule], [state])) != NO_RULE)
    return stops, state


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_early_stopping_counts_epochs_without_improvement(monitor: str, dtype: np.dtype) -> None:
    values = [3.0, 2.0, 2.5, 1.9, 1.85, 2.0, 1.9]
    stops, state = feed(early_stopping(monitor, patience=3, min_delta=0.08), values)
    # 1.85 is better than 1.9, but not by 0.08
    assert stops == [False, False, False, False, False, False, True]
    assert float(state.best) == pytest.approx(1.9)
    assert float(state.params) == pytest.approx(1.9)
    assert state.best.dtype == dtype


def test_min_epochs_keep_a_run_from_ending_and_change_nothing_else(dtype: np.dtype) -> None:
    values = [2.0, 1.0, 3.0, 3.0, 0.5, 3.0, 3.0, 3.0]
    plain, _ = feed(early_stopping(patience=2), values)
    assert plain == [False, False, False, True, False, False, True, True]
    stops, state = feed(early_stopping(patience=2, min_epochs=5), values)
    # the improvement in the fifth epoch counts: patience begins anew
    assert stops == [False, False, False, False, False, False, True, True]
    assert (int(state.epochs), state.state.best.dtype) == (8, dtype)
    stops, _ = feed(early_stopping(patience=2, min_epochs=4), values)
    assert stops[:4] == [False, False, False, True]  # at once, if it is due
    for none in (0, None):
        assert feed(early_stopping(patience=2, min_epochs=none), values)[0] == plain


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_the_best_may_come_from_before_min_epochs(monitor: str) -> None:
    rule = early_stopping(monitor, patience=1, min_epochs=6)
    stops, state = feed(rule, [3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert stops == [False] * 5 + [True] * 2
    assert rule.best is not None
    best = rule.best(state)
    assert (float(best.params), int(best.age)) == (1.0, 5)
    last = early_stopping(monitor, patience=1, min_epochs=6, keep_best=False)
    assert last.best is None


def test_min_epochs_count_those_of_a_run_that_goes_on() -> None:
    never = {"patience": 1, "min_delta": 1e9}  # no epoch but the first is any better
    rules = [early_stopping(**never, min_epochs=5)]
    whole, first = run(rules, epochs=9), run(rules, epochs=3)
    assert (len(whole.history.train["loss"]), whole.epoch) == (5, 1)
    assert whole.ended_by == "no better loss for 1 epochs"
    second = run(rules, epochs=9, state=first.state)
    assert len(second.history.train["loss"]) == 2
    assert digest(second.state) == digest(whole.state)


def test_min_epochs_are_a_number_of_a_sweep() -> None:
    def build(min_epochs: Any) -> Recipe:
        rules = [early_stopping(patience=1, min_delta=1e9, min_epochs=min_epochs)]
        return Recipe(NETWORK, OPTIMIZER, rules=rules)

    runs: dict[str, Any] = {"key": jax.random.key(0), "epochs": 6, "batch_size": 8}
    result = sweep(build, blobs(), settings=grid(min_epochs=[0, 4, 9]), **runs)
    assert result.done.tolist() == [[2], [4], [6]]
    assert result.epoch.tolist() == [[1]] * 3


def test_a_value_that_is_nan_is_no_improvement() -> None:
    stops, _ = feed(early_stopping(patience=2), [1.0, float("nan"), float("nan")])
    assert stops == [False, False, True]


@pytest.mark.parametrize("min_delta", [0.0, 0.5])
def test_an_improvement_is_one_by_more_than_the_margin(min_delta: float) -> None:
    values = [2.0, 2.0 - min_delta, 2.0]  # exact in binary
    stops, state = feed(early_stopping(patience=2, min_delta=min_delta), values)
    assert stops == [False, False, True]
    assert float(state.best) == 2.0


def test_a_deviation_of_epsilon_is_not_less() -> None:
    assert feed(stop_at_deviation(0.5), [2.0, 1.5, 1.25])[0] == [False, False, True]


def test_the_deviation_is_that_of_two_epochs_in_a_row() -> None:
    stops, _ = feed(stop_at_deviation(0.1), [3.0, 2.0, 2.2, 2.15])
    assert stops == [False, False, False, True]


def test_a_run_ends_and_gives_its_best_parameters() -> None:
    rules = [early_stopping(patience=4)]
    result = run(rules)
    losses = result.history.validation["loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 5 < 40
    assert result.ended_by == "no better loss for 4 epochs"
    shorter = run(rules, epochs=best + 1)
    assert digest(result.params) == digest(shorter.state.params)
    assert digest(result.state.params) == digest(run(rules, epochs=len(losses)).state.params)


def test_without_keeping_the_best_the_last_parameters_are_given() -> None:
    result = run([early_stopping(patience=4, keep_best=False)])
    assert digest(result.params) == digest(result.state.params)


def test_a_run_that_no_rule_ends_says_so() -> None:
    result = run([stop_at_deviation(1e-9)], epochs=3)
    assert (result.ended_by, len(result.history.train["loss"])) == ("epochs", 3)


def test_a_run_that_has_ended_does_not_go_on() -> None:
    rules = [early_stopping(patience=2)]
    ended = run(rules)
    again = run(rules, state=ended.state)
    assert len(again.history.train["loss"]) == 0
    assert digest(again.state) == digest(ended.state)


def test_of_two_rules_that_end_a_run_at_once_the_first_is_named() -> None:
    steady, patient = stop_at_deviation(1e9), early_stopping(patience=9)
    deviation, waited = steady.init((), ()), patient.init((), ())
    for value in (2.0, 1.0):
        watched = Watched({"loss": jnp.array(value)}, {}, (), ())
        deviation, waited = steady.update(deviation, watched), patient.update(waited, watched)
    assert int(stopped_by([patient, steady, steady], [waited, deviation, deviation])) == 1
    assert int(stopped_by([patient], [waited])) == NO_RULE


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_change_no_bit_under_rules(chunk: int) -> None:
    rules = [early_stopping(patience=6), reduce_on_plateau(patience=1, factor=0.5)]
    whole, chunked = run(rules), run(rules, report_every=chunk)
    assert digest(chunked.state) == digest(whole.state)
    assert digest(chunked.history) == digest(whole.history)


def test_reduction_scales_the_updates_of_the_next_epoch() -> None:
    """Against a run whose schedule has, at each of an epoch's steps, the rate of the rule."""
    patience, factor = 1, 0.5
    rule = reduce_on_plateau("accuracy", patience=patience, factor=factor)
    by_rule = run([rule], optimizer=jaxnet.optim.sgd(0.5), epochs=8)
    plateau = jaxnet.schedules.plateau(patience=patience, factor=factor, mode="max")
    watched, scales = plateau.init(), []
    for accuracy in by_rule.history.validation["accuracy"]:
        scales.append(float(watched.scale))
        watched = plateau.update(watched, float(accuracy))
    assert scales[-1] < 0.5  # it did reduce
    steps = -(-37 // 8)
    rates = np.float32(0.5) * np.asarray(scales, np.float32)
    scheduled = jaxnet.optim.sgd(lambda count: jnp.asarray(rates)[count // steps])
    expected = run([], optimizer=scheduled, epochs=8)
    for ours, by_hand in zip(
        jax.tree.leaves(by_rule.params), jax.tree.leaves(expected.params), strict=True
    ):
        np.testing.assert_allclose(ours, by_hand, rtol=2e-5, atol=2e-6)


def test_two_reductions_multiply() -> None:
    rules = [reduce_on_plateau(patience=1, factor=factor) for factor in (0.5, 0.25)]
    states = start_rules(rules, (), ())
    for _ in range(2):
        states = watch(rules, states, Watched({"loss": jnp.array(1.0)}, {}, (), ()))
    scale = update_scale(rules, states)
    assert scale is not None
    assert float(scale) == 0.125


def test_instruments_are_read_after_every_epoch() -> None:
    def size(params: Any, statistics: Any, train: Any) -> jax.Array:
        del statistics, train
        return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)))

    result = run([], epochs=3, instruments={"norm": size})
    assert result.history.instruments["norm"].shape == (3,)
    last = size(result.params, (), None)
    assert result.history.instruments["norm"][-1] == pytest.approx(float(last), rel=1e-6)
    plain = run([], epochs=3)
    assert digest(plain.state.params) == digest(result.state.params)
    assert plain.history.instruments == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: early_stopping(patience=0), "expected patience"),
        (
            lambda: early_stopping(patience=2.5),  # pyright: ignore[reportArgumentType]
            "patience to be an integer, got 2.5 of type float",
        ),
        (lambda: early_stopping(min_epochs=-1), "expected min_epochs >= 0"),
        (
            lambda: early_stopping(patience=jnp.float32(2)),
            "patience to be an integer, got float32. Pass an int32 array",
        ),
        (
            lambda: run(early_stopping(patience=3)),
            "expected rules to be a sequence of rules, got the single rule 'no better loss",
        ),
        (lambda: run(["early_stopping"]), "rules, got ['early_stopping']. Pass a list"),
        (lambda: early_stopping(min_delta=-1.0), "expected min_delta"),
        (
            lambda: early_stopping(mode="down"),  # pyright: ignore[reportArgumentType]
            "expected mode to be one of max, min, got 'down'",
        ),
        (lambda: stop_at_deviation(0.0), "expected epsilon"),
        (lambda: reduce_on_plateau(factor=2.0), "expected factor"),
        (lambda: run([early_stopping("acuracy")]), "got 'acuracy'. Did you mean 'accuracy'?"),
        (
            lambda: run([early_stopping(source="validation")], validation=None),
            "expected validation to be given, got None",
        ),
        (
            lambda: run([], instruments={"x": lambda params, statistics, train: jnp.zeros(2)}),
            "expected instrument 'x' to return a number, got shape",
        ),
        (
            lambda: run([], instruments={"x": lambda params, statistics, train: "much"}),
            "expected instrument 'x' to return a number, got a str",
        ),
        (
            lambda: run(
                [], instruments={"x": lambda params, statistics, train: jnp.zeros((), "complex64")}
            ),
            "expected instrument 'x' to return a number, got complex64",
        ),
    ],
    ids=[
        "patience",
        "half",
        "min_epochs",
        "float32",
        "single",
        "name",
        "delta",
        "mode",
        "epsilon",
        "factor",
        "metric",
        "source",
        "instrument",
        "text",
        "complex",
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
