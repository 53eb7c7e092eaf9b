"""Accuracy: right or wrong for each example, whatever form the targets have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from jaxnet.functions.metrics import METRICS, accuracy


def test_accuracy_by_hand(dtype: np.dtype) -> None:
    outputs = jnp.array([[0.1, 0.9], [0.8, 0.2], [-3.0, -4.0]], dtype)
    right = accuracy(outputs, jnp.array([1, 1, 0]))
    assert right.dtype == dtype
    assert right.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", ["uint8", "int32"])
def test_accuracy_equals_sklearn(kind: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(200, 10)).astype(dtype)
    labels = np.where(rng.random(200) < 0.5, outputs.argmax(axis=1), rng.integers(10, size=200))
    mean = float(accuracy(jnp.asarray(outputs), jnp.asarray(labels, kind)).mean())
    peer = float(sklearn_metrics.accuracy_score(labels, outputs.argmax(axis=1)))
    assert mean == pytest.approx(peer, rel=1e-6)
    assert 0.4 < mean < 0.7


def test_one_hot_targets(dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    outputs, labels = jnp.asarray(rng.normal(size=(20, 4)), dtype), jnp.arange(20) % 4
    one_hot = jax.nn.one_hot(labels, 4, dtype=dtype)
    np.testing.assert_array_equal(accuracy(outputs, one_hot), accuracy(outputs, labels))


def test_ties_go_to_the_first_class(dtype: np.dtype) -> None:
    outputs = jnp.array([[1.0, 1.0, 0.0]] * 2, dtype)
    assert accuracy(outputs, jnp.array([0, 1])).tolist() == [1.0, 0.0]


def test_leading_dimensions_are_kept() -> None:
    outputs = jnp.eye(6).reshape(2, 3, 6)
    labels = jnp.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(accuracy(outputs, labels), np.ones((2, 3)))
    assert accuracy(outputs[0, 1], labels[0, 1]).shape == ()


def test_every_metric_is_one_value_an_example() -> None:
    for metric in METRICS.values():
        assert metric(jnp.eye(3), jnp.arange(3)).shape == (3,)
