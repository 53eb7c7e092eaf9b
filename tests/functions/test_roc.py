"""ROC curve, its area and F1, against scikit-learn and against their definitions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics

from jaxnet.metrics import RocCurve, f1_score, roc_auc, roc_curve


def drawn(n: int, dtype: np.dtype, *, ties: bool = True) -> tuple[jax.Array, np.ndarray]:
    rng = np.random.default_rng(n)
    scores = rng.integers(-3, 4, (n, 1)) / 2 if ties else rng.normal(size=(n, 1))
    return jnp.asarray(scores, dtype), (rng.random(n) < 0.4).astype(np.int32)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("n", [5, 60])
def test_equals_scikit_learn(n: int, ties: bool, dtype: np.dtype) -> None:
    scores, labels = drawn(n, dtype, ties=ties)
    expected = sklearn.metrics.roc_auc_score(labels, scores[:, 0])
    assert float(jax.jit(roc_auc)(scores, labels)) == pytest.approx(expected, rel=4e-7)
    curve = jax.jit(roc_curve)(scores, labels)
    fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores[:, 0], drop_intermediate=False)
    points = np.unique(np.stack(curve[:2], axis=1), axis=0)
    np.testing.assert_allclose(points, np.unique(np.stack([fpr, tpr], 1), axis=0), rtol=1e-6)
    assert float(np.trapezoid(curve[1], curve[0])) == pytest.approx(expected, rel=1e-6)
    for average in ("macro", "micro"):
        outputs = np.random.default_rng(0).normal(size=(n, 3)).astype(dtype)
        classes = np.random.default_rng(1).integers(0, 3, n)
        expected = sklearn.metrics.f1_score(classes, outputs.argmax(1), average=average)
        actual = f1_score(jnp.asarray(outputs), classes.astype(np.int32), average=average)
        assert float(actual) == pytest.approx(expected, rel=1e-6)
    expected = sklearn.metrics.f1_score(labels, scores[:, 0] >= 0)
    assert float(f1_score(scores, labels)) == pytest.approx(expected, rel=1e-6)


def test_a_million_scores_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(10**6) < 0.01).astype(np.int32)
    scores = (rng.normal(size=10**6) + labels).astype(np.float32)
    expected = sklearn.metrics.roc_auc_score(labels, scores)
    assert float(roc_auc(jnp.asarray(scores)[:, None], labels)) == pytest.approx(expected, rel=1e-6)


def test_two_logits_count_as_their_difference(dtype: np.dtype) -> None:
    scores, labels = drawn(40, dtype)
    both = jnp.concatenate([-scores, scores], axis=1)
    assert float(roc_auc(both, labels)) == float(roc_auc(scores, labels[:, None]))


@pytest.mark.parametrize("metric", [roc_auc, roc_curve, f1_score])
def test_masked_examples_count_nowhere(metric: Any, dtype: np.dtype) -> None:
    scores, labels = drawn(40, dtype)
    where = np.arange(40) % 3 > 0
    spoilt = jnp.where(where[:, None], scores, jnp.nan)
    expected, actual = metric(scores[where], labels[where]), metric(spoilt, labels, where=where)
    if isinstance(expected, RocCurve):
        expected, actual = (
            np.unique(np.stack(curve[:2], axis=1), axis=0) for curve in (expected, actual)
        )
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_nothing_is_known_without_both_classes_or_beside_nan() -> None:
    scores = jnp.array([[1.0], [2.0]])
    for labels in ([0, 0], [1, 1]):
        assert np.isnan(roc_auc(scores, np.array(labels, np.int32)))
    labels = np.array([0, 1], np.int32)
    spoilt = scores.at[0].set(jnp.nan)
    assert np.isnan(roc_auc(spoilt, labels))
    assert np.isnan(roc_curve(spoilt, labels).true_positive_rate).all()


@pytest.mark.parametrize("metric", [roc_auc, roc_curve])
@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        (
            (3, 3),
            [0, 1, 0],
            r"expected outputs to have 1 or 2 scores an example, got shape \(3, 3\)",
        ),
        ((3, 1), [0, 1], r"expected targets to have shape \(3,\), got \(2,\)"),
        ((3, 1), [0, 1, 2], r"integer labels to be in \[0, 2\)"),
        ((0, 1), [], "expected outputs to hold 1 example or more"),
    ],
)
def test_bad_input(metric: Any, shape: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metric(jnp.zeros(shape), np.array(labels, np.int32))


def test_partial_functions_keep_their_options() -> None:
    scores, labels = drawn(20, np.dtype("float32"))
    both = jnp.concatenate([-scores, scores], axis=1)
    micro = functools.partial(f1_score, average="micro")
    assert float(micro(both, labels)) == float(jnp.mean(jnp.argmax(both, 1) == labels))
