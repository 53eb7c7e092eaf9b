"""Softmax cross-entropy against optax, against the lectures' numbers, and its properties."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.functions.losses import (
    one_hot_targets,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from tests.comparison import assert_trees_close, assert_within_ulps

# lecture 002: predicted probabilities of three classes for four examples, and their classes
A3 = [
    [0.4358, 0.2137, 0.3505],
    [0.4785, 0.1890, 0.3325],
    [0.4795, 0.1882, 0.3324],
    [0.4797, 0.1880, 0.3323],
]
LABELS = [2, 0, 1, 2]
PRINTED = 5e-5  # half a unit of the last of four printed digits

# each one program; what is traced is not checked, so tests of bad input call the functions
losses_of, gradients_of = jax.jit(softmax_cross_entropy), jax.jit(softmax_cross_entropy_backward)


@jax.jit
def slopes_of(scores: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the gradient of the summed losses by autodiff."""
    return jax.grad(lambda z: softmax_cross_entropy(z, targets).sum())(scores)


def _scores(dtype: np.dtype, examples: int = 6, classes: int = 5) -> jax.Array:
    return jnp.asarray(3 * np.random.default_rng(0).normal(size=(examples, classes)), dtype)


def _distributions(dtype: np.dtype) -> jax.Array:
    exponentials = np.exp(np.asarray(_scores(dtype))[::-1])
    return jnp.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def _labels(examples: int = 6, classes: int = 5) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).integers(classes, size=examples), jnp.int32)


def test_loss_of_the_lectures_scores(dtype: np.dtype) -> None:
    loss = losses_of(jnp.array([3.2, 5.1, -1.7], dtype), jnp.array(0))
    assert float(loss) == pytest.approx(2.04, abs=5e-3)
    # -3.2 + log(e^3.2 + e^5.1 + e^-1.7) = -3.2 + log(24.5325 + 164.0219 + .1827)
    assert float(loss) == pytest.approx(2.040355, abs=2e-6)


def test_mean_loss_of_the_lectures_probabilities(dtype: np.dtype) -> None:
    losses = losses_of(np.log(np.array(A3, dtype)), np.array(LABELS))
    assert float(np.mean(losses)) == pytest.approx(1.1394, abs=PRINTED)


def test_gradient_of_the_lectures_probabilities(dtype: np.dtype) -> None:
    gradient = np.asarray(gradients_of(np.log(np.array(A3, dtype)), np.array(LABELS))) / 4
    # (A3 - Y) / 4, row 1: .4358 / 4, .2137 / 4, (.3505 - 1) / 4
    np.testing.assert_allclose(gradient[0], [0.1090, 0.0534, -0.1624], atol=PRINTED)
    # rows of A3 sum to 1 up to the printed digits
    expected = (np.array(A3) - np.eye(3)[LABELS]) / 4
    np.testing.assert_allclose(gradient, expected, atol=PRINTED)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_small_random_scores_start_at_log_of_the_classes(classes: int, dtype: np.dtype) -> None:
    examples, std = 2000, 0.01
    scores = std * np.asarray(_scores(dtype, examples, classes)) / 3
    losses = np.asarray(losses_of(scores.astype(dtype), _labels(examples, classes)))
    # log mean e^z is within about std^2 / 2 of the mean score; the label's score has spread std
    bound = 5 * std / np.sqrt(examples) + 5 * std**2
    assert float(losses.mean()) == pytest.approx(np.log(classes), abs=bound)


def test_integer_and_one_hot_labels_agree(dtype: np.dtype) -> None:
    scores, labels = _scores(dtype), _labels()
    one_hot = jnp.asarray(np.eye(5, dtype=dtype)[np.asarray(labels)])
    for function in (losses_of, gradients_of):
        assert_trees_close(function(scores, labels), function(scores, one_hot))


def test_loss_equals_optax(dtype: np.dtype) -> None:
    scores, labels = _scores(dtype), _labels()
    soft = _distributions(dtype)
    with jax.numpy_dtype_promotion("standard"):
        hard = jax.jit(optax.softmax_cross_entropy_with_integer_labels)(scores, labels)
        peer = jax.jit(optax.softmax_cross_entropy)(scores, soft)
    assert_trees_close(losses_of(scores, labels), hard)
    assert_trees_close(losses_of(scores, soft), peer)


@pytest.mark.parametrize("soft", [False, True], ids=["labels", "distributions"])
def test_gradient_is_softmax_minus_target(soft: bool, dtype: np.dtype) -> None:
    scores = _scores(dtype)
    targets = _distributions(dtype) if soft else _labels()
    by_hand = gradients_of(scores, targets)
    assert_trees_close(by_hand, slopes_of(scores, targets))
    v = np.asarray(targets) if soft else np.eye(5)[np.asarray(targets)]
    exponentials = np.exp(np.asarray(scores, np.float64))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert_trees_close(by_hand, np.asarray(probabilities - v, dtype))


def test_extreme_scores_stay_finite(dtype: np.dtype) -> None:
    scores = jnp.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4], [-1e4, -1e4]], dtype)
    labels = jnp.array([1, 1, 0, 1])
    losses = losses_of(scores, labels)
    # differences of numbers of size 1e4, so exact to a unit in the last place of those
    exact, size = np.array([2e4, 0.0, np.log(2), np.log(2)]), np.full(4, 1e4)
    assert_within_ulps(losses, exact, 1, magnitude=size)
    expected = np.array([[1, -1], [0, 0], [-0.5, 0.5], [0.5, -0.5]], dtype)
    assert_trees_close(gradients_of(scores, labels), expected)
    assert_trees_close(slopes_of(scores, labels), expected)


def test_loss_keeps_the_dimensions_before_the_classes(dtype: np.dtype) -> None:
    scores, labels = np.asarray(_scores(dtype)), np.asarray(_labels())
    stacked = losses_of(scores.reshape(2, 3, 5), labels.reshape(2, 3))
    assert_trees_close(stacked, np.asarray(losses_of(scores, labels)).reshape(2, 3))
    assert losses_of(scores[0], labels[0]).shape == ()


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "uint32"])
def test_labels_of_any_integer_type(kind: str, dtype: np.dtype) -> None:
    scores, labels = _scores(dtype), _labels()
    losses = softmax_cross_entropy(scores, np.asarray(labels).astype(kind))
    assert_trees_close(losses, losses_of(scores, labels))


@pytest.mark.parametrize("kind", ["int32", "uint16"])
def test_more_classes_than_a_byte_holds(kind: str, dtype: np.dtype) -> None:
    scores = np.zeros((2, 300), dtype)
    scores[0, 299] = 5.0
    losses = losses_of(scores, np.array([299, 43], kind))  # 299 = 43 mod 256
    expected = np.array([np.log(299 + np.exp(5)) - 5, np.log(300)], dtype)
    assert_trees_close(losses, expected)


def test_no_examples_no_losses(dtype: np.dtype) -> None:
    assert softmax_cross_entropy(jnp.zeros((0, 3), dtype), jnp.zeros(0, jnp.int32)).shape == (0,)


@pytest.mark.parametrize("function", [softmax_cross_entropy, softmax_cross_entropy_backward])
@pytest.mark.parametrize(("labels", "bad", "place"), [([0, 5], 5, "(1,)"), ([-1, 2], -1, "(0,)")])
def test_labels_out_of_range(function, labels: list[int], bad: int, place: str) -> None:
    message = (
        f"expected targets of integer labels to be in [0, 5), got {bad} at "
        f"index {place}. Number the classes from 0."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(_scores(np.dtype("float32"), 2), jnp.array(labels))


def test_labels_are_checked_before_they_are_narrowed(float64: np.dtype) -> None:
    labels = jnp.array([0, 2**32])  # the latter is 0 in 32 bits
    with pytest.raises(ValueError, match=r"got 4294967296 at index"):
        softmax_cross_entropy(_scores(float64, 2), labels)


def test_constant_labels_inside_jit(dtype: np.dtype) -> None:
    scores, labels = _scores(dtype), _labels()
    losses = jax.jit(lambda z: softmax_cross_entropy(z, labels))(scores)
    assert_trees_close(losses, losses_of(scores, labels))
    outside = jnp.full(6, 9)
    with pytest.raises(ValueError, match=r"to be in \[0, 5\), got 9 at index"):
        jax.jit(lambda z: softmax_cross_entropy(z, outside))(scores)


def test_labels_of_another_shape() -> None:
    with pytest.raises(
        ValueError, match=r"targets to have shape \(6,\), got \(6, 1\)\. Pass one integer"
    ):
        softmax_cross_entropy(_scores(np.dtype("float32")), _labels()[:, None])


def test_distributions_of_another_shape() -> None:
    expected = r"targets to have shape \(6, 5\), got \(6,\)\. Pass one row"
    with pytest.raises(ValueError, match=expected):
        softmax_cross_entropy(_scores(np.dtype("float32")), jnp.ones(6, jnp.float32))


@pytest.mark.parametrize("kind", ["bool", "complex64"])
def test_targets_of_another_type(kind: str) -> None:
    message = rf"expected targets to be integer or floating-point, got {kind}\."
    with pytest.raises(TypeError, match=message):
        one_hot_targets(_scores(np.dtype("float32")), jnp.ones((6, 5), kind))


def test_one_hot_targets_are_rows_of_the_identity(dtype: np.dtype) -> None:
    expected = np.eye(5, dtype=dtype)[np.asarray(_labels())]
    assert_trees_close(one_hot_targets(_scores(dtype), _labels()), expected)
