"""Whatever chooses, sorts or watches goes by a metric's direction, and refuses one without."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.functions.metrics import Metric, accuracy, error_rate, top_k_accuracy
from jaxnet.training import (
    Recipe,
    Rule,
    SweepResult,
    cross_validate,
    early_stopping,
    find_learning_rate,
    fit,
    grid,
    make_objective,
    make_train,
    optuna_search,
    reduce_on_plateau,
    successive_halving,
    sweep,
    tune,
)
from jaxnet.training.loop.rules import Watched, check_rules
from tests.training.toys import blobs, network

KEY = jax.random.key(0)
RATES = grid(learning_rate=[0.1, 1e-6])
RUNS: dict[str, Any] = {"key": KEY, "epochs": 3, "batch_size": 8}
RISING = {  # whose best values are their largest
    "hits": functools.partial(top_k_accuracy, k=1),
    "negated error": Metric(lambda y, v: -error_rate(y, v), "max"),
}
FALLING = {
    "misses": error_rate,
    "negated accuracy": Metric(lambda y, v: -accuracy(y, v), "min"),
    "other loss": jaxnet.losses.softmax_cross_entropy,
}


def bare(outputs: jax.Array, targets: Any) -> jax.Array:
    return accuracy(outputs, targets)


METRICS: dict[str, Any] = RISING | FALLING | {"bare": bare, "accuracy": bare}


def build(learning_rate: Any, rules: Any = ()) -> Recipe:
    optimizer = jaxnet.optim.adam(learning_rate)
    return Recipe(network(), optimizer, metrics=METRICS, rules=rules)


def size(params: Any, statistics: Any, train: Any) -> jax.Array:
    del statistics, train
    return jnp.abs(params[0].weights).sum()


@functools.cache
def swept() -> SweepResult:
    """Return a sweep in which the first setting learns and the second does not."""
    instruments = {"size": size, "accuracy": size}
    given: Any = {"settings": RATES, "validation": blobs(), "instruments": instruments}
    return sweep(build, blobs(), **given, **RUNS)


@pytest.mark.parametrize("name", [*RISING, *FALLING])
@pytest.mark.parametrize("source", ["train", "validation"])
def test_the_setting_that_learns_is_the_best_by_every_metric(source: str, name: str) -> None:
    metric = f"{source}_{name}"
    assert swept().modes[metric] == ("max" if name in RISING else "min")
    assert swept().best(metric) == {"learning_rate": 0.1}
    assert swept().ranking(metric).tolist() == [0, 1]
    assert swept().table(metric).splitlines()[1].split()[0] == "0.1"
    other: Any = "min" if name in RISING else "max"
    assert swept().ranking(metric, mode=other).tolist() == [1, 0]  # what is said counts


@pytest.mark.parametrize(
    "metric", ["validation_bare", "train_accuracy", "instruments_size", "instruments_accuracy"]
)
def test_nothing_is_ranked_by_a_metric_without_a_direction(metric: str) -> None:
    assert swept().modes[metric] is None
    for method in ("best", "ranking", "table"):
        ask = getattr(swept(), method)
        with pytest.raises(ValueError, match="expected metric to be a metric with a"):
            ask(metric)
        ask(metric, mode="min")
    falling, rising = (swept().ranking(metric, mode=mode) for mode in ("min", "max"))
    assert falling.tolist() == rising[::-1].tolist()
    if not metric.startswith("instruments"):
        assert swept().best(metric, mode="max") == {"learning_rate": 0.1}
        assert swept().table(metric, mode="min", top=1).splitlines()[1].split()[0] == "1e-06"


@pytest.mark.usefixtures("no_type_checks")
def test_a_mode_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="expected mode to be one of max, min, got 'up'"):
        swept().ranking("validation_bare", mode="up")  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["validation_hits", "validation_bare"])
def test_searches_choose_what_learns(metric: str) -> None:
    mode: Any = "max" if metric == "validation_bare" else None
    given: Any = {"settings": RATES, "metric": metric, "mode": mode} | RUNS
    assert tune(build, blobs(), blobs(seed=1), **given).setting == {"learning_rate": 0.1}
    halved = successive_halving(build, blobs(), blobs(), reduction=2, **given)
    assert halved.best == {"learning_rate": 0.1}
    assert halved.rungs[-1].indices.tolist() == [0]


def halve(builder: Any, **more: Any) -> Any:
    return successive_halving(builder, blobs(), blobs(), settings=RATES, **RUNS | more)


def search(builder: Any, **more: Any) -> Any:
    optuna = pytest.importorskip("optuna", reason="needs the package optuna")
    rates = optuna.distributions.FloatDistribution(0.01, 0.1)
    given: Any = {"distributions": {"learning_rate": rates}, "rounds": 1, "batch": 2}
    study = optuna.create_study(direction=more.pop("direction", "minimize"))
    try:
        return optuna_search(study, builder, blobs(), blobs(), **given | RUNS | more)
    except ValueError:
        assert study.trials == []  # nothing was asked for in vain
        raise


SEARCHES: dict[str, Callable[..., Any]] = {
    "tune": lambda builder, **more: tune(builder, blobs(), blobs(), settings=RATES, **RUNS | more),
    "tune in folds": lambda builder, **more: tune(
        builder, blobs(), blobs(), settings=RATES, folds=2, **RUNS | more
    ),
    "successive_halving": halve,
    "optuna_search": search,
}
"""What chooses by a metric that it is told."""


def refuse(*_: Any) -> None:
    raise AssertionError("trained before the refusal")


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.usefixtures("no_type_checks")
def test_a_search_refuses_a_metric_without_a_direction_before_it_trains(name: str) -> None:
    for metric in ("validation_bare", "validation_accuracy", "instruments_size"):
        options = {"metric": metric, "instruments": {"size": size}, "on_progress": refuse}
        with pytest.raises(ValueError, match="expected metric to be a metric with a dir"):
            SEARCHES[name](build, **options)
    with pytest.raises(ValueError, match="expected mode to be one of max, min, got 'up'"):
        SEARCHES[name](build, mode="up", on_progress=refuse)


def test_a_study_s_direction_is_the_metric_s() -> None:
    with pytest.raises(ValueError, match="study to maximize validation_bare alone, got minimize"):
        search(build, metric="validation_bare", mode="max")
    with pytest.raises(ValueError, match="study to minimize validation_misses alone, got maxim"):
        search(build, metric="validation_misses", direction="maximize")
    (result,) = search(build, metric="validation_hits", direction="maximize")
    assert result.modes["validation_hits"] == "max"


def fitted(builder: Any, **more: Any) -> Any:
    recipe = builder(0.1)
    given: Any = {"rules": recipe.rules, "metrics": recipe.metrics} | RUNS
    return fit(recipe.network, blobs(), optimizer=recipe.optimizer, **given, **more)


RUNNERS: dict[str, Callable[..., Any]] = SEARCHES | {
    "fit": fitted,
    "make_train": lambda builder, **more: make_train(builder, blobs(), epochs=3, batch_size=8)(
        KEY, {"learning_rate": 0.1}
    ),
    "sweep": lambda builder, **more: sweep(builder, blobs(), settings=RATES, **RUNS, **more),
    "cross_validate": lambda builder, **more: cross_validate(
        builder, blobs(), settings=RATES, folds=2, **RUNS, **more
    ),
    "find_learning_rate": lambda builder, **more: find_learning_rate(
        builder, blobs(), points=2, **RUNS, **more
    ),
}
"""What trains by a recipe."""


@pytest.mark.parametrize("rule", [early_stopping, reduce_on_plateau])
@pytest.mark.parametrize("name", RUNNERS)
def test_a_rule_that_watches_one_is_refused_before_the_training(name: str, rule: Any) -> None:
    def watching(learning_rate: Any, monitor: str = "bare") -> Recipe:
        return build(learning_rate, [rule(monitor)])

    with pytest.raises(ValueError, match="expected monitor to be a metric with"):
        RUNNERS[name](watching, on_progress=refuse)


@pytest.mark.parametrize("name", ["fit", "sweep"])
def test_with_a_mode_it_is_watched(name: str) -> None:
    def watching(learning_rate: Any) -> Recipe:
        rules = [early_stopping("bare", mode="max"), reduce_on_plateau("hits")]
        return build(learning_rate, rules)

    assert RUNNERS[name](watching) is not None


def states(rule: Rule, monitor: str, values: list[float]) -> list[Any]:
    """Return a rule's states after epochs in which a metric had some values."""
    (ready,) = check_rules([rule], make_objective(network(), metrics=METRICS).modes)
    state, found = ready.init((), ()), []
    for value in values:
        watched = {"loss": jnp.array(0.0), monitor: jnp.asarray(value)}
        state = ready.update(state, Watched(watched, {}, (), ()))
        found.append(state)
    return found


@pytest.mark.parametrize("offset", [0.0, -3.0])
@pytest.mark.parametrize("name", [*RISING, *FALLING])
def test_early_stopping_waits_while_a_metric_gets_worse(name: str, offset: float) -> None:
    values = np.array([0.3, 0.4, 0.5, 0.45, 0.4]) + offset
    better = values if name in RISING else -values
    after = states(early_stopping(name), name, better.tolist())
    assert [int(state.waited) for state in after] == [0, 0, 0, 1, 2]
    after = states(early_stopping(name), name, (-better).tolist())
    assert [int(state.waited) for state in after] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("offset", [0.0, -3.0])
@pytest.mark.parametrize("name", [*RISING, *FALLING])
def test_a_plateau_is_where_a_metric_does_not_improve(name: str, offset: float) -> None:
    values = np.array([0.3, 0.4, 0.5, 0.45, 0.4]) + offset
    rule = reduce_on_plateau(name, factor=0.5, patience=1)
    after = states(rule, name, (values if name in RISING else -values).tolist())
    assert [float(state.scale) for state in after] == [1.0, 1.0, 1.0, 0.5, 0.25]


def test_what_is_said_to_a_rule_counts_against_what_is_known() -> None:
    after = states(early_stopping("hits", mode="min"), "hits", [0.3, 0.4, 0.5])
    assert [int(state.waited) for state in after] == [0, 1, 2]


def test_a_rule_outside_of_a_run_has_to_be_told() -> None:
    with pytest.raises(ValueError, match="expected monitor to be a metric with a"):
        early_stopping("accuracy").init((), ())
    early_stopping("accuracy", mode="max").init((), ())


def test_a_rule_that_a_run_has_told_is_found_again() -> None:
    modes = make_objective(network(), metrics=METRICS).modes
    for make in (early_stopping, reduce_on_plateau):
        first, second = (check_rules([make("hits")], modes) for _ in range(2))
        assert first == second
        assert hash(first) == hash(second)
    patient = early_stopping("hits", patience=jnp.int32(3))  # which is remembered nowhere
    assert check_rules([patient], modes) == check_rules([patient], modes)
