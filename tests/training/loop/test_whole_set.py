"""Metrics of a whole set of examples in runs, sweeps and evaluations."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples, Stream
from jaxnet.metrics import Metric
from jaxnet.training import early_stopping, evaluate, fit, grid, predict, sweep
from jaxnet.training.recipe import Recipe

KEY = jax.random.key(0)
NETWORK = jaxnet.mlp((3, 4, 1), head="binary")


def table(n: int, dtype: Any = np.float32) -> Examples:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 3))
    return Examples(x.astype(dtype), (x[:, 0] + rng.normal(size=n) > 0.5).astype(np.int32))


def settings(**more: Any) -> dict[str, Any]:
    fixed = {"key": KEY, "optimizer": jaxnet.optim.adam(0.05), "epochs": 3, "batch_size": 32}
    return {**fixed, "metrics": ("binary_accuracy", "roc_auc", "f1"), **more}


def test_they_are_measured_on_validation_examples_alone(dtype: np.dtype) -> None:
    train, validation = table(64, dtype), table(1500, dtype)  # more than a chunk
    result = fit(NETWORK, train, validation=validation, **settings())
    assert set(result.history.train) == {"loss", "binary_accuracy"}
    outputs = predict(NETWORK, result.params, result.statistics, validation.inputs)
    last = {name: values[-1] for name, values in result.history.validation.items()}
    expected = {
        "roc_auc": jaxnet.metrics.roc_auc(outputs, validation.targets),
        "f1": jaxnet.metrics.f1_score(outputs, validation.targets),
        "binary_accuracy": jaxnet.metrics.binary_accuracy(outputs, validation.targets).mean(),
    }
    found = evaluate(
        NETWORK, result.params, result.statistics, validation, metrics=["roc_auc", "f1"]
    )
    for name, value in expected.items():
        assert float(last[name]) == pytest.approx(float(value), rel=1e-6)
        assert name == "binary_accuracy" or found[name] == pytest.approx(float(value), rel=1e-6)
    plain = fit(NETWORK, train, validation=validation, **settings(metrics="binary_accuracy"))
    jax.tree.map(np.testing.assert_array_equal, plain.params, result.params)
    losses = (run.history.validation["loss"] for run in (plain, result))
    np.testing.assert_allclose(*losses, rtol=1e-6)  # summed in another order


def test_examples_of_weight_2_count_as_two(float64: np.dtype) -> None:
    rng = np.random.default_rng(0)
    part, times = table(40, float64), rng.integers(0, 4, 40)
    weighted, repeated = (
        part._replace(weights=times / 3),
        part.take(np.repeat(np.arange(40), times)),
    )
    assert not np.array_equal(times, times[0])
    runs = [fit(NETWORK, part, validation=on, **settings()) for on in (weighted, repeated)]
    for name in ("roc_auc", "f1", "binary_accuracy", "loss"):
        curves = [run.history.validation[name] for run in runs]
        np.testing.assert_allclose(*curves, rtol=1e-12)


def test_a_run_stops_by_one_and_a_sweep_chooses_by_one() -> None:
    train, validation = table(64), table(200)
    rule = early_stopping("roc_auc", patience=1)
    result = fit(NETWORK, train, validation=validation, rules=[rule], **settings(epochs=50))
    curve = result.history.validation["roc_auc"]
    assert result.epoch == 1 + np.argmax(curve) == len(curve) - 1

    def build(rate: Any) -> Recipe:
        return Recipe(NETWORK, jaxnet.optim.adam(rate), metrics=("roc_auc",))

    given = {"key": KEY, "epochs": 3, "batch_size": 32, "validation": validation}
    found = sweep(build, train, settings=grid(rate=[1e-6, 0.05]), **given)
    best = found.best("validation_roc_auc")
    assert best["rate"] == 0.05
    assert "train_roc_auc" not in found.metrics
    with pytest.raises(ValueError, match=r"expected metric to be one of .* got 'train_roc_auc'"):
        found.best("train_roc_auc")


def test_a_metric_of_ones_own() -> None:
    def spread(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return outputs.max() - outputs.min()

    def rows(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return outputs[:, 0]

    own = jaxnet.metrics.Metric(spread, "max", whole_set=True)
    result = fit(NETWORK, table(64), validation=table(50), **settings(metrics={"spread": own}))
    assert result.history.validation["spread"].shape == (3,)
    wrong = jaxnet.metrics.Metric(rows, "max", whole_set=True)
    with pytest.raises(
        ValueError, match=r"expected metric 'own' to return a number, got shape \(50,\)"
    ):
        fit(NETWORK, table(64), validation=table(50), **settings(metrics={"own": wrong}))


def test_what_they_cannot_be_measured_on() -> None:
    train, validation = table(64), table(50)
    sources: list[Any] = ["train", None]
    for source, given in zip(sources, (validation, None), strict=True):
        rule = early_stopping("roc_auc", patience=1, source=source)
        with pytest.raises(ValueError, match=r"one of binary_accuracy, loss, .* Pass validation="):
            fit(NETWORK, train, validation=given, rules=[rule], **settings())
    rule = early_stopping("roc_auc", patience=1)
    with pytest.raises(ValueError, match=r"got 'roc_auc'\. Name it in metrics=, too"):
        fit(NETWORK, train, validation=validation, rules=[rule], **settings(metrics=None))
    weighted = Examples(validation.inputs, validation.targets, jnp.ones(50))
    own = Metric(lambda outputs, targets: jnp.mean(outputs), whole_set=True)
    with pytest.raises(
        ValueError, match=r"expected metric 'own' to take weights=, got \['outputs', 'targets'\]"
    ):
        fit(NETWORK, train, validation=weighted, **settings(metrics={"own": own}))
    params, statistics = NETWORK.init(KEY, (3,))
    stream = Stream(validation.take, 50)
    with pytest.raises(
        ValueError, match=r"expected metrics to be means over .* stream, got roc_auc"
    ):
        evaluate(NETWORK, params, statistics, stream, metrics="roc_auc")
