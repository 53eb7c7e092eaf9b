"""Weights of examples: an example of weight 2 counts as two of weight 1."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples, class_weights, split
from jaxnet.inspection import gradient_norms
from jaxnet.training import Recipe, cross_validate, evaluate, fit, grid, make_objective, sweep
from tests.comparison import Tolerance, assert_trees_close

KEY = jax.random.key(0)
OPTIMIZER = jaxnet.optim.adam(0.05)  # the same one, so that what is compiled serves every test
NETWORK = jaxnet.mlp((4, 6, 3), activation="tanh")
REGRESSION = jaxnet.mlp((4, 6, 2), activation="tanh")
COUNTS = np.array([2, 1, 3, 1, 1, 4, 2, 1])


def weighted(kind: str = "labels", scale: float = 1.0) -> Examples:
    random = np.random.default_rng(0)
    x = random.normal(size=(8, 4))
    targets: Any = np.arange(8, dtype=np.int32) % 3
    if kind != "labels":
        targets = random.normal(size=(8, 2))
    return Examples(x, targets, scale * COUNTS)


def repeated(kind: str = "labels") -> Examples:
    examples = weighted(kind)
    rows = np.repeat(np.arange(8), COUNTS)
    return Examples(examples.inputs[rows], examples.targets[rows])


def full_batch(examples: Examples, network: Any = NETWORK, **given: Any) -> Any:
    settings: dict[str, Any] = {"optimizer": OPTIMIZER, "epochs": 5}
    batch_size = len(examples.targets)
    return fit(network, examples, key=KEY, batch_size=batch_size, **(settings | given))


LOSSES = "softmax_cross_entropy", "squared_error", "huber"


# in float64 an error of 1e-12 is seen; float32 is one more path through the same programs
@pytest.mark.parametrize(
    ("dtype", "gradient", "loss"),
    [
        *(("float64", engine, loss) for engine in ("autodiff", "by_hand") for loss in LOSSES),
        ("float32", "autodiff", "softmax_cross_entropy"),
        ("float32", "by_hand", "huber"),
    ],
    indirect=["dtype"],
)
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_weighted_examples_equal_repeated_ones(
    dtype: np.dtype, gradient: str, loss: str, scale: float
) -> None:
    """Of full batches, to rounding: parameters, losses, metrics, and validation."""
    kind = "labels" if loss.startswith("softmax") else "vectors"
    network = NETWORK if kind == "labels" else REGRESSION
    given: dict[str, Any] = {"loss": loss, "gradient": gradient, "network": network}
    heavy = full_batch(weighted(kind, scale), validation=weighted(kind, scale), **given)
    many = full_batch(repeated(kind), validation=repeated(kind), **given)
    tight = Tolerance(1e-5, 1e-6) if dtype == np.float32 else Tolerance(1e-12, 1e-13)
    assert_trees_close(heavy.params, many.params, tolerance=tight)
    assert_trees_close(heavy.history.train, many.history.train, tolerance=tight)
    assert_trees_close(heavy.history.validation, many.history.validation, tolerance=tight)
    light = full_batch(weighted(kind)._replace(weights=np.ones(8)), **given)
    assert not np.allclose(heavy.params[0].weights, light.params[0].weights, atol=1e-3)


@pytest.mark.parametrize("optimizer", [jaxnet.optim.lbfgs(), jaxnet.optim.gauss_newton()])
def test_methods_that_ask_for_the_risk_see_the_weighted_one(optimizer: Any) -> None:
    given: dict[str, Any] = {"loss": "squared_error", "optimizer": optimizer, "epochs": 3}
    heavy = full_batch(weighted("vectors"), REGRESSION, **given)
    many = full_batch(repeated("vectors"), REGRESSION, **given)
    assert_trees_close(heavy.params, many.params, tolerance=Tolerance(1e-3, 1e-3))


@pytest.mark.parametrize("short_batch", ["equal", "mean", "drop"])
def test_mini_batches_of_weights_that_are_all_alike_are_as_without(short_batch: str) -> None:
    examples = weighted()
    given: dict[str, Any] = {"batch_size": 3, "epochs": 4, "short_batch": short_batch}
    given |= {"key": KEY, "optimizer": jaxnet.optim.sgd(0.1)}
    plain = fit(NETWORK, examples._replace(weights=None), **given)
    alike = fit(NETWORK, examples._replace(weights=np.full(8, 0.7)), **given)
    assert_trees_close(alike.params, plain.params, tolerance=Tolerance(1e-5, 1e-6))
    assert_trees_close(alike.history.train, plain.history.train, tolerance=Tolerance(1e-5, 1e-6))


def test_an_example_of_weight_0_is_as_if_it_were_not_there() -> None:
    examples = weighted()
    weights = np.array([1.0, 1, 1, 1, 1, 0, 0, 0])
    with_zeros = full_batch(examples._replace(weights=weights))
    without = full_batch(examples.take(slice(0, 5))._replace(weights=None))
    assert_trees_close(with_zeros.params, without.params, tolerance=Tolerance(1e-5, 1e-6))
    last = float(with_zeros.history.train["loss"][-1])
    assert last == pytest.approx(float(without.history.train["loss"][-1]), rel=1e-5)


def test_evaluate_returns_weighted_means() -> None:
    state = full_batch(weighted()).state
    means = [
        evaluate(NETWORK, state.params, state.statistics, examples)
        for examples in (weighted(), weighted(scale=10.0), repeated())
    ]
    assert means[0] == pytest.approx(means[2], rel=1e-5)
    assert means[1] == pytest.approx(means[2], rel=1e-5)


def test_metrics_of_booleans_and_integers_are_weighted_means() -> None:
    """A weight of 0.25 is no integer."""

    def right(dtype: Any) -> Any:
        return lambda outputs, targets: (outputs.argmax(-1) == targets).astype(dtype)

    examples = weighted(scale=0.25)
    metrics = {name: right(name) for name in ("bool", "int32", "float32")}
    history = full_batch(examples, metrics=metrics, validation=examples).history
    for curves in (history.train, history.validation):
        for name in ("bool", "int32"):
            np.testing.assert_allclose(curves[name], curves["float32"], rtol=1e-6)


def build(learning_rate: Any) -> Recipe:
    return Recipe(NETWORK, jaxnet.optim.sgd(learning_rate))


def test_sweeps_and_folds_honour_weights() -> None:
    settings = grid(learning_rate=[0.1, 0.3])
    asked: dict[str, Any] = {"settings": settings, "key": KEY, "seeds": 1, "epochs": 3}
    heavy = sweep(build, weighted(), batch_size=8, **asked)
    many = sweep(build, repeated(), batch_size=15, **asked)
    np.testing.assert_allclose(
        heavy.member(1, 0).params[0].weights, many.member(1, 0).params[0].weights, rtol=1e-4
    )
    zeros = weighted()._replace(weights=np.array([1.0, 1, 1, 1, 1, 1, 1, 0]))
    folded = cross_validate(build, zeros, folds=2, batch_size=2, **asked)
    plain = cross_validate(build, zeros._replace(weights=None), folds=2, batch_size=2, **asked)
    losses, without = (each.metrics["validation_loss"] for each in (folded, plain))
    assert np.isfinite(losses).all()
    assert np.count_nonzero(losses != without)


def test_a_run_resumes_with_its_weights_alone(tmp_path: Any) -> None:
    whole = full_batch(weighted(), epochs=4)
    full_batch(weighted(), epochs=2, checkpoint=tmp_path)
    resumed = full_batch(weighted(), epochs=4, checkpoint=tmp_path)
    assert digest(resumed.params) == digest(whole.params)
    with pytest.raises(ValueError, match=r"with train\.weights float"):
        full_batch(weighted(scale=2.0), epochs=5, checkpoint=tmp_path)


def test_splits_take_the_weights_along() -> None:
    examples = weighted()._replace(inputs=np.arange(8.0)[:, None])
    first, second = split(examples, (0.5, 0.5), key=KEY)
    for part in (first, second):
        np.testing.assert_array_equal(part.weights, COUNTS[part.inputs[:, 0].astype(int)])


def test_class_weights_make_all_classes_count_the_same() -> None:
    targets = np.array([0, 2, 2, 2, 5, 5])
    weights = class_weights(targets)
    assert weights.mean() == pytest.approx(1)
    sums = [weights[targets == label].sum() for label in (0, 2, 5)]
    np.testing.assert_allclose(sums, 2)


REFUSALS: dict[str, tuple[Any, str]] = {
    "another number": (np.ones(7), r"train\.weights to be one an example, of shape \(8,\)"),
    "a column": (np.ones((8, 1)), "one an example"),
    "a negative one": (np.r_[-1.0, np.ones(7)], r"0 or more, got -1\.0 at index \(0,\)"),
    "NaN": (np.r_[np.nan, np.ones(7)], r"train\.weights to be finite everywhere.*at index \(0,\)"),
    "zeros": (np.zeros(8), r"the sum of train\.weights above 0 and finite, got 0\.0"),
    "huge": (np.full(8, 1e38), "above 0 and finite, got inf"),
    "text": (np.array(list("abcdefgh")), r"train\.weights"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_weights_that_make_no_sense_are_refused(case: str) -> None:
    weights, message = REFUSALS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        full_batch(weighted()._replace(weights=weights))


def test_instruments_refuse_weights() -> None:
    state = full_batch(weighted()).state
    objective = make_objective(NETWORK)
    with pytest.raises(ValueError, match="expected examples to have no weights here"):
        gradient_norms(objective, state.params, state.statistics, weighted())
