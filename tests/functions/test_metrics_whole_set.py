"""Metrics of a whole set against scikit-learn, against NumPy, and by hand."""

import itertools
import re
from typing import Any, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as peers

from jaxnet.functions.metrics import (
    confusion_matrix,
    expected_calibration_error,
    f1,
    precision,
    r_squared,
    recall,
)
from tests.comparison import assert_trees_close

SCORES = {
    "precision": (precision, peers.precision_score),
    "recall": (recall, peers.recall_score),
    "f1": (f1, peers.f1_score),
}


# each one program; what is traced is not checked, so tests of bad input call the functions
confusion_of = jax.jit(confusion_matrix, static_argnames="classes")
calibration_of = jax.jit(expected_calibration_error, static_argnames="bins")
r_squared_of = jax.jit(r_squared, static_argnames="average")


def _labels(classes: int, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(classes, size=80).astype(np.int32)


def test_confusion_matrix_by_hand() -> None:
    outputs = np.array([[3.0, 1, 0], [0, 2, 1], [0, 2, 1], [0, 0, 1]], np.float32)
    counts = confusion_of(outputs, np.array([0, 0, 1, 1]), classes=3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 1], [0, 0, 0]])
    one_hot = confusion_of(outputs, np.eye(3, dtype=np.float32)[[0, 0, 1, 1]], classes=3)
    np.testing.assert_array_equal(one_hot, counts)


@pytest.mark.parametrize("kind", ["int32", "uint8"])
def test_confusion_matrix_equals_sklearn(kind: str) -> None:
    true, predicted = _labels(4, seed=0), _labels(4, seed=1)
    expected = peers.confusion_matrix(true, predicted, labels=range(4))
    at = jnp.asarray(predicted, kind)
    np.testing.assert_array_equal(confusion_matrix(at, true.astype(kind), classes=4), expected)
    np.testing.assert_array_equal(confusion_of(at, true.astype(kind), classes=4), expected)
    rows = predicted.astype(kind).reshape(8, 10), true.astype(kind).reshape(8, 10)
    stacked = confusion_of(*rows, classes=4)
    np.testing.assert_array_equal(stacked, expected)


@pytest.mark.parametrize("name", sorted(SCORES))
@pytest.mark.parametrize("average", ["macro", "micro", None])
def test_scores_equal_sklearn(
    name: str, average: Literal["macro", "micro"] | None, dtype: np.dtype
) -> None:
    ours, theirs = SCORES[name]
    # of five classes one is never predicted, one never there, and one neither
    true, predicted = _labels(3, seed=0), _labels(3, seed=1)
    predicted = np.where(predicted == 2, 3, predicted)
    confusion = confusion_of(predicted, true, classes=5)
    settings: Any = {"average": average, "labels": range(5), "zero_division": 0.0}
    expected = theirs(true, predicted, **settings)
    compiled = jax.jit(lambda counts: ours(counts, average=average))
    assert_trees_close(compiled(confusion), np.asarray(expected, dtype))


def test_scores_by_hand(dtype: np.dtype) -> None:
    confusion = jnp.array([[3, 1], [2, 4]])  # rows: 3 + 1 and 2 + 4 true; columns: 5, 5 predicted
    by_hand = {"precision": [3 / 5, 4 / 5], "recall": [3 / 4, 4 / 6], "f1": [6 / 9, 8 / 11]}
    for name, expected in by_hand.items():
        ours = jax.jit(SCORES[name][0], static_argnames="average")
        assert_trees_close(ours(confusion, average=None), np.array(expected, dtype))
        assert_trees_close(ours(confusion), np.array(np.mean(expected), dtype))
        assert_trees_close(ours(confusion, average="micro"), np.array(0.7, dtype))
        assert not np.isnan(ours(np.zeros((2, 2), np.int32)))


def test_r_squared_equals_sklearn(dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    v = rng.normal(size=(30, 3)).astype(dtype)
    y = jnp.asarray(v + 0.3 * rng.normal(size=(30, 3)), dtype)
    raw = np.asarray(peers.r2_score(v, np.asarray(y), multioutput="raw_values"))
    by_entry = r_squared_of(y, v, average=None)
    assert_trees_close(by_entry, np.asarray(raw, dtype))
    assert_trees_close(r_squared_of(y, v), np.asarray(np.mean(raw), dtype))
    one = r_squared_of(np.asarray(y)[:, :1], v[:, 0])
    assert_trees_close(one, np.asarray(raw[0], dtype))


def test_r_squared_by_hand(dtype: np.dtype) -> None:
    v = np.array([[1.0], [2.0], [3.0]], dtype)
    for outputs, expected in (([1, 2, 3], 1.0), ([2, 2, 2], 0.0), ([3, 2, 1], -3.0)):
        y = np.array(outputs, dtype)[:, None]
        assert_trees_close(r_squared_of(y, v), np.array(expected, dtype))
    # far from 0 the mean must come off first
    assert float(r_squared_of(v + 4096, v + 4096)) == 1.0


@pytest.mark.parametrize("unit", [1e-25, 1e-19, 1e20, 1e30])
def test_r_squared_does_not_depend_on_the_unit(unit: float) -> None:
    """Though the squares of errors over- or underflow; the second column is all 0 but one."""
    y = np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 3.0]], np.float32)
    v = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 6.0]], np.float32)
    scaled = (np.float32(unit) * part for part in (y, v))
    found = r_squared_of(*scaled, average=None)
    np.testing.assert_allclose(found, [0.5, 1 - 9 / 24], rtol=1e-5)


def test_r_squared_of_a_constant_target_is_finite(dtype: np.dtype) -> None:
    v = np.full((7, 2), 0.1, dtype)  # whose mean is rounded
    y = v.copy()
    y[3, 1] += 1
    scores = r_squared_of(y, v, average=None)
    assert scores.tolist() == [1.0, 0.0]
    assert peers.r2_score([2.0, 2.0], [2.0, 3.0]) == 0.0
    assert r_squared_of(np.ones((1, 1), dtype), np.ones(1, dtype)).tolist() == 1.0


def _calibration(p: np.ndarray, labels: np.ndarray, bins: int) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    edges, total = np.linspace(0, 1, bins + 1), 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.mean() * gap
    return total


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_calibration_error_equals_the_sum_over_bins(bins: int, dtype: np.dtype) -> None:
    p = np.random.default_rng(0).dirichlet([1, 1, 1], size=200)
    labels = _labels(3, seed=2)[np.arange(200) % 80]
    ours = calibration_of(p.astype(dtype), labels, bins=bins)
    assert_trees_close(ours, np.asarray(_calibration(p, labels, bins), dtype))


def test_calibration_error_by_hand(dtype: np.dtype) -> None:
    # four times sure to 3/4, right three times: calibrated; always sure and always wrong: not
    p = np.array([[0.75, 0.25]] * 4, dtype)
    assert float(calibration_of(p, np.array([0, 0, 1, 0]))) == 0.0
    sure = np.array([[1.0, 0.0]] * 2, dtype)
    assert float(calibration_of(sure, np.array([1, 1]))) == 1.0
    # bins are closed on the right: 1/2 and 3/4 share none of two bins; (0 - 1/2 + 1 - 3/4) apart
    halves = np.array([[0.5, 0.5], [0.75, 0.25]], dtype)
    apart = calibration_of(halves, np.array([1, 0]), bins=2)
    together = calibration_of(halves, np.array([1, 0]), bins=1)
    assert (float(apart), float(together)) == (0.375, 0.125)


def test_many_examples_of_few_bits() -> None:
    # in bfloat16 the sum of the gaps, 5,000, stands still at 64
    p = np.tile(np.array([0.75, 0.25], jnp.bfloat16), (20_000, 1))
    labels = np.arange(20_000) % 2
    assert float(calibration_of(p, labels)) == 0.25
    # outputs 1/2 of targets 0 and 1: the mean, which explains nothing; 3/4 and 1/4 explain 3/4
    half = np.full((20_000, 1), 0.5, jnp.bfloat16)
    nearer = np.asarray(labels * 0.5 + 0.25, jnp.bfloat16)[:, None]
    assert float(r_squared_of(half, labels)) == 0.0
    assert float(r_squared_of(nearer, labels)) == 0.75


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: confusion_matrix(jnp.array([0, 3]), np.array([0, 1]), classes=3), ValueError,
         "expected predictions of integer labels to be in [-1, 3), got 3 at "
         "index (1,). Number the classes from 0."),
        (lambda: confusion_matrix(jnp.array([0, 1]), np.array([0, -1]), classes=3), ValueError,
         "expected targets of integer labels to be in [0, 3), got -1 at index "
         "(1,). Number the classes from 0."),
        (lambda: confusion_matrix(jnp.array([0, 1]), np.array([[0, 1]]), classes=3), ValueError,
         "expected targets to have shape (2,), got (1, 2)."),
        (lambda: confusion_matrix(jnp.eye(3), np.arange(3), classes=4), ValueError,
         "expected predictions to have shape (3, 4), got (3, 3)."),
        (lambda: confusion_matrix(jnp.eye(3), np.arange(3), classes=1), ValueError,
         "expected classes >= 2, got 1."),
        (lambda: recall(jnp.ones((2, 3))), ValueError,
         "expected confusion to be a square matrix, got shape (2, 3)."),
        (lambda: f1(jnp.ones((2, 2), complex)), TypeError,
         "expected confusion to be integer or floating-point, got complex64. "
         "confusion.astype(jnp.float32) converts."),
        (lambda: precision(jnp.ones((2, 2)), average=cast(Any, "makro")), ValueError,
         "expected average to be one of macro, micro, got 'makro'. Did you mean "
         "'macro'?"),
        (lambda: r_squared(jnp.ones((3, 1)), np.ones((3, 2))), ValueError,
         "expected targets to have shape (3, 1) or (3,), got "
         "(3, 2). Pass one number per entry; the last axis of the outputs holds the entries."),
        (lambda: r_squared(jnp.ones((2, 1)), np.array([1, np.nan])), ValueError,
         "expected targets to be finite, got nan at index (1,)."),
        (lambda: r_squared(jnp.ones((2, 1)), np.ones(2), average=cast(Any, "mean")), ValueError,
         "expected average to be one of uniform, got 'mean'."),
        (lambda: expected_calibration_error(jnp.array([[3.0, -2.0]]), np.array([0])), ValueError,
         "expected probabilities to be probabilities in [0, 1], got 3.0 at index "
         "(0, 0). Apply a sigmoid or softmax to logits."),
        (lambda: expected_calibration_error(jnp.zeros((0, 2)), np.zeros(0, int)), ValueError,
         "expected targets to hold 1 example or more, got none."),
        (lambda: expected_calibration_error(jnp.ones((2, 2)), np.zeros(2, int), bins=0), ValueError,
         "expected bins >= 1, got 0."),
    ],
)  # fmt: skip
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_predictions_of_no_class_are_not_counted() -> None:
    taken, true = jnp.array([-1, 0, 1]), np.array([0, 0, 1])
    assert confusion_matrix(taken, true, classes=2).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"predictions of integer labels to be in \[-1, 2\)"):
        confusion_matrix(taken - 1, true, classes=2)
