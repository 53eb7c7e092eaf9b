"""Masks of examples in every loss and metric."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Array
from jaxnet.functions.losses import LOSSES, get_loss, huber
from jaxnet.functions.metrics import (
    METRICS,
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1_score,
    r_squared,
    roc_auc,
)
from tests.comparison import assert_trees_close
from tests.loss_cases import EXAMPLES, LossCase, draw_loss, over_losses

WHERE = np.array([True, False, True, True, False, False])
FUNCTIONS: dict[str, Any] = LOSSES | METRICS | {"r_squared": r_squared}
CHOICES = {"some": WHERE, "one": np.arange(EXAMPLES) == 4, "all": np.ones(EXAMPLES, bool)}


def spoiled(outputs: Array, targets: Array, where: np.ndarray) -> tuple[Array, Array]:
    """Put NaN and labels that are none where the mask is False."""
    y, v = np.array(outputs), np.array(targets)
    y[~where] = np.nan
    v[~where] = np.nan if np.issubdtype(v.dtype, np.floating) else -9
    return jnp.asarray(y), jnp.asarray(v)


@functools.partial(jax.jit, static_argnums=0)
def everything(pair: Any, y: Array, v: Array, where: Array) -> Any:
    """Return losses, the gradient by hand, by autodiff, and that of its squared norm."""

    def gradient(y: Array) -> Array:
        return jax.grad(lambda y: pair.function(y, v, where=where).sum())(y)

    second = jax.grad(lambda y: jnp.square(gradient(y)).sum())(y)
    losses, by_hand = pair.function(y, v, where=where), pair.backward(y, v, where=where)
    return losses, by_hand, gradient(y), second


@pytest.mark.parametrize("choice", CHOICES)
@over_losses
def test_masked_examples_have_no_loss_and_no_effect(
    case: LossCase, choice: str, dtype: np.dtype
) -> None:
    outputs, targets = draw_loss(case)
    where, pair = CHOICES[choice], case.loss
    expected = np.where(where, pair.function(outputs, targets), 0)
    by_hand = np.where(where[:, None], pair.backward(outputs, targets), 0)
    y, v = spoiled(outputs, targets, where)
    # values that are known are checked, those masked out are not
    assert_trees_close(pair.function(y, v, where=where), expected)
    assert_trees_close(pair.backward(y, v, where=jnp.asarray(where)), by_hand)
    losses, hand, automatic, second = everything(pair, y, v, jnp.asarray(where))
    assert losses.dtype == dtype
    assert_trees_close((losses, hand, automatic), (expected, by_hand, by_hand))
    assert np.isfinite(second).all()
    assert not np.asarray(second)[~where].any()


@over_losses
def test_nothing_counts(case: LossCase, dtype: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    none = np.zeros(EXAMPLES, bool)
    y, v = spoiled(outputs, targets, none)
    plain = case.loss.function(y, v, where=none), case.loss.backward(y, v, where=none)
    for zeros in (*plain, *everything(case.loss, y, v, jnp.asarray(none))):
        assert zeros.dtype == dtype
        assert not np.asarray(zeros).any()


def test_a_mask_traced_batches_of_more_axes_and_names(float64: np.dtype) -> None:
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4)))
    labels, where = np.array([[0, 1, 9], [3, -1, 2]]), np.array([[1, 1, 0], [1, 0, 1]]) > 0
    loss = get_loss("softmax_cross_entropy", label_smoothing=0.1).function
    valid = np.where(where, labels, 0)
    expected = np.where(where, jax.jit(loss)(logits, valid), 0)
    named = jaxnet.losses.softmax_cross_entropy(
        logits=logits, targets=labels, label_smoothing=0.1, where=where
    )
    mapped = jax.jit(jax.vmap(lambda z, v, w: loss(z, v, where=w)))(logits, labels, where)
    single = jax.jit(lambda w: loss(logits, labels, where=w))(where)  # the labels are constants
    assert_trees_close((named, mapped, single), (expected,) * 3)
    assert loss(logits[0, 0], jnp.array(9), where=jnp.array(False)) == 0


def test_the_mean_over_those_that_count(float64: np.dtype) -> None:
    y, v = jnp.array([[2.0], [jnp.nan], [0.5]]), jnp.array([0.0, jnp.nan, 0.0])
    where = jnp.array([True, False, True])

    def risk(y: Array) -> Array:
        return jnp.mean(huber(y, v, where=where), where=where)

    assert_trees_close(risk(y), np.array((1.5 + 0.125) / 2))
    slope = np.array([[0.5], [0.0], [0.25]])
    by_hand = get_loss("huber").backward(y, v, where=where) / int(where.sum())
    assert_trees_close((jax.grad(risk)(y), by_hand), (slope, slope))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_of_those_that_count(name: str, dtype: np.dtype) -> None:
    entries = 1 if name == "binary_accuracy" else 6
    outputs = jnp.asarray(np.random.default_rng(0).normal(size=(6, entries)), dtype)
    targets, metric = jnp.array([0, 1, 1, 0, 1, 0]), FUNCTIONS[name]
    y, v = spoiled(outputs, targets, WHERE)
    unmasked = np.asarray(jax.jit(metric)(outputs, targets))
    expected = np.where(WHERE, unmasked, np.zeros_like(unmasked))
    masked = jax.jit(lambda y, v, w: metric(y, v, where=w))
    assert_trees_close((metric(y, v, where=WHERE), masked(y, v, WHERE)), (expected,) * 2)
    assert expected.dtype == dtype


def of_set(name: str, y: Any, v: Any, where: Any = None, weights: Any = None) -> Array:
    functions: dict[str, Any] = {
        "confusion of scores": functools.partial(confusion_matrix, classes=3),
        "confusion of labels": lambda y, v, **mask: confusion_matrix(
            jnp.nan_to_num(y[:, 0], nan=-7).astype(jnp.int32), v, classes=3, **mask
        ),
        "calibration": expected_calibration_error,
        "r squared": lambda y, v, **mask: r_squared(y[:, :1], v, **mask),
        "F1": f1_score,
        "AUC": lambda y, v, **mask: roc_auc(y[:, :1], v // 2, **mask),
    }
    given = {"where": where, "weights": weights}
    return functions[name](y, v, **{n: each for n, each in given.items() if each is not None})


SETS = ["confusion of scores", "confusion of labels", "calibration", "r squared", "F1", "AUC"]


@pytest.mark.parametrize("name", SETS)
def test_metrics_of_a_set_are_those_of_the_rows_that_count(name: str, dtype: np.dtype) -> None:
    outputs = jnp.asarray(np.random.default_rng(0).dirichlet([1, 1, 1], size=6), dtype)
    targets = jnp.array([0, 1, 2, 0, 1, 2])
    masked = jax.jit(functools.partial(of_set, name))
    expected = masked(np.asarray(outputs)[WHERE], np.asarray(targets)[WHERE], None)
    y, v = spoiled(outputs, targets, WHERE)
    assert_trees_close((of_set(name, y, v, WHERE), masked(y, v, WHERE)), (expected,) * 2)
    none = masked(y, v, np.zeros(6, bool))
    assert not none.any() if name == "F1" or none.ndim else np.isnan(none)


@pytest.mark.parametrize("name", SETS)
def test_a_weight_counts_as_so_many_rows(name: str, dtype: np.dtype) -> None:
    random = np.random.default_rng(0)
    outputs = random.dirichlet([1, 1, 1], size=9).astype(dtype)
    outputs[7] = outputs[2]  # equal scores of two classes
    outputs, targets = jnp.asarray(outputs), jnp.tile(jnp.array([0, 1, 2]), 3)
    times = np.array([1, 0, 3, 2, 1, 0, 1, 2, 2])
    rows = np.repeat(np.arange(9), times)
    expected = of_set(name, outputs[rows], targets[rows])
    y, v = spoiled(outputs, targets, times > 0)
    counted = np.array([True] * 8 + [False])
    without_last = of_set(name, outputs[rows[:-2]], targets[rows[:-2]])
    close = functools.partial(np.testing.assert_allclose, rtol=4e-6 if dtype == "f4" else 1e-14)
    for weights in (times, times.astype(dtype)):
        close(of_set(name, y, v, weights=weights), expected)
        close(of_set(name, y, v, counted, weights), without_last)
    halves = jax.jit(functools.partial(of_set, name))(y, v, weights=times.astype(dtype) / 2)
    scale = 2 if name.startswith("confusion") else 1
    close(scale * halves, expected)
    assert np.isfinite(of_set(name, y, v, weights=np.full(9, 1e37, dtype) * (times > 0))).all()


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("name", SETS)
def test_invalid_weights(name: str) -> None:
    y, v = jnp.full((3, 3), 0.25), jnp.zeros(3, jnp.int32)
    for weights, message in [
        (np.ones(2), r"weights to have shape \(3,\), got \(2,\)"),
        (np.array([1, -1, 0.0]), r"weights finite and 0 or more, got -1\.0 at index \(1,\)"),
        (np.array([1, np.nan, 0]), r"weights finite and 0 or more, got nan at index \(1,\)"),
    ]:
        with pytest.raises(ValueError, match=f"^expected {message}"):
            of_set(name, y, v, weights=weights)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_invalid_masks(name: str) -> None:
    function = FUNCTIONS[name]
    outputs, targets = jnp.full((3, 1), 0.5), jnp.ones((3, 1))
    for where, error, message in [
        (np.ones(3), TypeError, "where to be boolean, got float64. Pass where > 0."),
        ([True] * 3, TypeError, "where to be an array, got a list. Pass jnp.asarray(where)."),
        (np.ones(1, bool), ValueError, "where to have shape (3,), got (1,)."),
    ]:
        with pytest.raises(error, match=f"^expected {re.escape(message)}"):
            function(outputs, targets, where=where)


@pytest.mark.usefixtures("no_type_checks")
def test_rows_that_count_are_checked_still() -> None:
    outputs, labels = jnp.zeros((3, 2)), np.array([0, 5, -1])
    with pytest.raises(ValueError, match=r"in \[0, 2\), got 5 at index \(1,\)"):
        FUNCTIONS["softmax_cross_entropy"](outputs, labels, where=np.array([True, True, False]))
    with pytest.raises(ValueError, match=r"targets to have shape \(3,\) or \(3, 2\), got \(2,\)"):
        accuracy(outputs, labels[:2], where=np.array([False, True, True]))


def test_help_mentions_the_mask() -> None:
    for function in (*LOSSES.values(), *METRICS.values()):
        assert "where: which examples count" in (function.__doc__ or ""), function


@pytest.mark.parametrize("targets", [np.full(3, -1), np.full((3, 3), 7)], ids=["labels", "rows"])
def test_where_none_counts_no_target_is_checked(targets: np.ndarray) -> None:
    outputs, where = jnp.full((3, 3), jnp.nan), np.zeros(3, bool)
    assert not confusion_matrix(outputs, targets, classes=3, where=where).any()
    assert jnp.isnan(expected_calibration_error(outputs, targets, where=where))
    assert jnp.isnan(r_squared(outputs, np.full((3, 3), np.nan), where=where))
