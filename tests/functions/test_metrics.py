"""Metrics of one value per example: right or wrong, whatever form the targets have."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import jaxnet
from jaxnet.functions.activations import ACTIVATIONS
from jaxnet.functions.losses import get_loss
from jaxnet.functions.metrics import (
    METRICS,
    accuracy,
    binary_accuracy,
    confusion_matrix,
    error_rate,
    expected_calibration_error,
    f1,
    precision,
    r_squared,
    recall,
    top_k_accuracy,
)
from jaxnet.networks.heads import binary, multiclass

# each one program; what is traced is not checked, so tests of bad input call the functions
accuracies, error_rates = jax.jit(accuracy), jax.jit(error_rate)
top_k = jax.jit(top_k_accuracy, static_argnames="k")
binary_accuracies = jax.jit(binary_accuracy, static_argnames="threshold")
confusion_of = jax.jit(confusion_matrix, static_argnames="classes")
zero_one = jax.jit(get_loss("zero_one").function)


def test_accuracy_by_hand(dtype: np.dtype) -> None:
    outputs = jnp.array([[0.1, 0.9], [0.8, 0.2], [-3.0, -4.0]], dtype)
    right = accuracy(outputs, jnp.array([1, 1, 0]))  # op by op
    assert right.dtype == dtype
    assert right.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", ["uint8", "int32"])
def test_accuracy_equals_sklearn(kind: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(200, 10)).astype(dtype)
    labels = np.where(rng.random(200) < 0.5, outputs.argmax(axis=1), rng.integers(10, size=200))
    mean = float(np.mean(accuracies(outputs, labels.astype(kind))))
    peer = float(sklearn_metrics.accuracy_score(labels, outputs.argmax(axis=1)))
    assert mean == pytest.approx(peer, rel=1e-6)
    assert 0.4 < mean < 0.7


def test_one_hot_targets(dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(20, 4)).astype(dtype), np.arange(20) % 4
    one_hot = np.eye(4, dtype=dtype)[labels]
    np.testing.assert_array_equal(accuracies(outputs, one_hot), accuracies(outputs, labels))


def test_ties_go_to_the_first_class(dtype: np.dtype) -> None:
    outputs = jnp.array([[1.0, 1.0, 0.0]] * 2, dtype)
    assert accuracies(outputs, jnp.array([0, 1])).tolist() == [1.0, 0.0]


def test_leading_dimensions_are_kept() -> None:
    outputs = np.eye(6, dtype=np.float32).reshape(2, 3, 6)
    labels = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(accuracies(outputs, labels), np.ones((2, 3)))
    assert accuracies(outputs[0, 1], labels[0, 1]).shape == ()


FORMS = {
    "accuracy": (6, [0, 1, 2]),
    "error_rate": (6, [0, 1, 2]),
    "top_k_accuracy": (6, [0, 1, 2]),
    "binary_accuracy": (1, [0, 1, 1]),
}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_is_one_value_an_example(name: str, dtype: np.dtype) -> None:
    classes, targets = FORMS[name]
    outputs = jnp.asarray(np.random.default_rng(0).normal(size=(3, classes)), dtype)
    values = METRICS[name](outputs, jnp.array(targets))
    assert values.shape == (3,)
    assert values.dtype == dtype
    # inside jit and vmap, the same
    mapped = jax.jit(jax.vmap(METRICS[name]))(outputs, jnp.array(targets))
    np.testing.assert_array_equal(mapped, values)


def test_error_rate_is_one_minus_accuracy(dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(50, 3)).astype(dtype), np.arange(50) % 3
    wrong = np.asarray(error_rates(outputs, labels))
    np.testing.assert_array_equal(wrong, 1 - np.asarray(accuracies(outputs, labels)))
    mean = float(wrong.mean())
    peer = sklearn_metrics.zero_one_loss(labels, outputs.argmax(axis=1))
    assert mean == pytest.approx(float(peer), rel=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy_equals_sklearn(k: int, dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(100, 5)).astype(dtype), np.arange(100) % 5
    hits = top_k(outputs, labels, k=k)
    peer = sklearn_metrics.top_k_accuracy_score(labels, outputs, k=k, labels=range(5))
    assert float(np.mean(hits)) == pytest.approx(float(peer), rel=1e-6)
    one_hot = np.eye(5, dtype=dtype)[labels]
    np.testing.assert_array_equal(top_k(outputs, one_hot, k=k), hits)


def test_top_1_accuracy_is_accuracy_ties_too(dtype: np.dtype) -> None:
    outputs = np.random.default_rng(0).integers(3, size=(60, 4)).astype(dtype)
    labels = np.arange(60) % 4
    np.testing.assert_array_equal(top_k(outputs, labels, k=1), accuracies(outputs, labels))
    assert (np.asarray(top_k(outputs, labels, k=4)) == 1).all()
    ties = np.ones((3, 3), dtype)
    assert top_k(ties, np.arange(3), k=2).tolist() == [1.0, 1.0, 0.0]


def test_binary_accuracy_by_hand(dtype: np.dtype) -> None:
    scores = np.array([[2.0], [-1.0], [0.0], [0.4], [np.nan]], dtype)
    for targets in ([1, 1, 0, 1, 0], [1, 1, -1, 1, -1], [1.0, 1.0, 0.0, 1.0, 0.0]):
        right = binary_accuracies(scores, jnp.array(targets))
        assert right.tolist() == [1.0, 0.0, 0.0, 1.0, 0.0]  # NaN is right about nothing
    probabilities = scores[:4] / 4 + 0.5
    bits = np.array([1, 1, 0, 1])
    assert binary_accuracies(probabilities, bits, threshold=0.5).tolist() == [1.0, 0.0, 0.0, 1.0]
    assert binary_accuracies(scores[:4], bits[:, None], threshold=0.5).tolist() == [1, 0, 1, 0]
    # the decision is that of the step function, on the threshold too
    classes = ACTIVATIONS["step"](jnp.asarray(scores[:4]))
    assert binary_accuracies(scores[:4], classes).tolist() == [1.0] * 4
    # several questions an example: the share that is answered right
    assert binary_accuracies(np.ones((1, 4), dtype), np.array([[1, 0, 1, 1]])).tolist() == [0.75]


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("metric", "shape", "targets", "error", "message"),
    [
        (accuracy, (3, 1), np.array([0, 1, 1]), ValueError,
         "expected outputs to have 2 or more classes on the last axis, got shape (3, 1). See "
         "binary_accuracy for one."),
        (accuracy, (3, 2), np.array([[0], [1], [1]]), ValueError,
         "expected targets to have shape (3,) or (3, 2), got (3, 1)."),
        (error_rate, (3, 2), np.array([0, 2, 1]), ValueError,
         "expected targets of integer labels to be in [0, 2), got 2 at index (1,). "
         "Number the classes from 0."),
        (accuracy, (2, 2), np.array([[0, 1], [0.5, 0.5]]), ValueError,
         "expected targets of one-hot rows to have one 1 each, else 0, got 0.5 at index "
         "(1, 0)."),
        (accuracy, (2, 2), np.array([0.0, 1.0]), TypeError,
         "expected targets of labels to be integer, got float64. targets.astype(jnp.int32) "
         "converts."),
        (accuracy, (2, 2), np.eye(2) > 0, TypeError,
         "expected targets to be integer or floating-point, got bool. targets.astype(jnp.float32) "
         "converts."),
        (top_k_accuracy, (2, 3), np.array([0, 1]), ValueError,
         "expected k <= the 3 classes, got 5."),
        (binary_accuracy, (2, 3), np.array([0, 1]), ValueError,
         "expected targets to have shape (2, 3), got (2,). Pass one number per entry; the last "
         "axis of "
         "the outputs holds the entries."),
        (binary_accuracy, (2, 1), np.array([0.5, 1]), ValueError,
         "expected targets to be 0 or 1, or else -1 or +1, got 0.5 at index (0,)."),
        (binary_accuracy, (2, 1), np.array([0, -1]), ValueError,
         "expected targets to be 0 or 1, or else -1 or +1, got 0 at index (0,)."),
    ],
)  # fmt: skip
def test_bad_input(
    metric: Any, shape: tuple[int, ...], targets: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        metric(jnp.zeros(shape), targets)


@pytest.mark.parametrize("k", [0, -1])
def test_no_guesses(k: int) -> None:
    with pytest.raises(ValueError, match=rf"^expected k >= 1, got {k}\."):
        top_k_accuracy(jnp.eye(3), jnp.arange(3), k=k)


NAN, INF = np.nan, np.inf
# rows of three outputs, and the class they predict: none beside NaN
ROWS = [
    ([NAN, NAN, NAN], None),
    ([NAN, 1.0, 0.0], None),
    ([3.0, 1.0, NAN], None),
    ([-INF, NAN, INF], None),
    ([0.0, INF, 5.0], 1),
    ([0.0, INF, INF], 1),
    ([-INF, -INF, 0.0], 2),
    ([-INF, -INF, -INF], 0),
]


@pytest.mark.parametrize(("row", "predicted"), ROWS)
def test_nan_predicts_nothing_and_infinity_is_a_number(
    row: list[float], predicted: int | None, dtype: np.dtype
) -> None:
    outputs, labels = np.tile(np.array(row, dtype), (3, 1)), np.arange(3)
    hits = [float(label == predicted) for label in range(3)]
    misses = [1 - hit for hit in hits]
    assert accuracies(outputs, labels).tolist() == hits
    assert error_rates(outputs, labels).tolist() == misses
    assert zero_one(outputs, labels).tolist() == misses
    assert top_k(outputs, labels, k=1).tolist() == hits
    assert top_k(outputs, labels, k=3).tolist() == [float(predicted is not None)] * 3
    counts = np.zeros((3, 3), int)
    if predicted is not None:
        counts[:, predicted] = 1
    np.testing.assert_array_equal(confusion_of(outputs, labels, classes=3), counts)
    assert (
        jax.jit(multiclass().decide)(outputs).tolist()
        == [-1 if predicted is None else predicted] * 3
    )


def test_nan_in_metrics_of_a_set_comes_out(dtype: np.dtype) -> None:
    p = np.array([[0.5, 0.5], [NAN, 0.5], [1.0, 0.0]], dtype)
    labels = np.array([0, 0, 1])
    assert np.isnan(jax.jit(expected_calibration_error)(p, labels))
    by_entry = jax.jit(functools.partial(r_squared, average=None))(p, np.eye(3, 2, dtype=dtype))
    assert np.isnan(by_entry).tolist() == [True, False]
    constant = jax.jit(r_squared)(p[:, :1], np.ones(3, dtype))
    assert np.isnan(constant)  # of a constant target, too
    assert jax.jit(binary().decide)(p[:, :1] - 0.5).tolist() == [1, -1, 1]
    confusion = confusion_of(p, labels, classes=2)
    scores = jax.jit(lambda counts: [f(counts) for f in (precision, recall, f1)])(confusion)
    assert [float(score) for score in scores] == pytest.approx([0.25, 0.5, 1 / 3])


def test_a_ruined_network_is_right_about_nothing() -> None:
    digits = jaxnet.data.load_dataset("digits")
    network = jaxnet.mlp((64, 10), input_scale=1 / digits.pixel_max)
    params, statistics = network.init(jax.random.key(0), (64,))
    ruined = jax.tree.map(lambda w: np.full_like(w, NAN), params)
    metrics = ("accuracy", "error_rate", "top_k_accuracy")
    found = jaxnet.training.evaluate(network, ruined, statistics, digits.test, metrics=metrics)
    assert np.isnan(found.pop("loss"))
    assert found == {"accuracy": 0.0, "error_rate": 1.0, "top_k_accuracy": 0.0}
