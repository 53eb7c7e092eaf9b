"""Dropout: outputs in training and evaluation, in both forms, and gradients."""

import itertools
import math
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import Dense, dense, dropout, rescale, residual, serial
from jaxnet.layers.dropout import DropoutForm, keep_mask
from tests.comparison import assert_trees_close

STANDARD_ERRORS = 5  # a right mean fails once in 1.7 million draws; the keys are fixed

forms = pytest.mark.parametrize("form", get_args(DropoutForm))


@forms
@pytest.mark.parametrize("rate", [0.2, 0.9])
def test_training_and_evaluation_agree_in_expectation(form: DropoutForm, rate: float) -> None:
    layer = dropout(rate, like=form)
    row, n = np.array([-3.0, 0.0, 0.5, 1.0, 20.0], np.float32), 40_000
    x = jnp.asarray(np.tile(row, (n, 1)))
    trained = np.asarray(layer.apply((), (), x, key=jax.random.key(0), training=True)[0])
    evaluated = np.asarray(layer.apply((), (), jnp.asarray(row[None]))[0])
    # m x / q has the standard deviation |x| sqrt(p / q), and m x has |x| sqrt(p q)
    std = math.sqrt(rate / (1 - rate) if form == "inverted" else rate * (1 - rate))
    error = np.abs(trained.mean(0) - evaluated[0])
    assert (error <= STANDARD_ERRORS * np.abs(row) * std / math.sqrt(n) + 1e-6).all()


@pytest.mark.parametrize("rate", [0.2, 0.01])
def test_forms_differ_in_training_by_the_factor_q(rate: float, dtype: np.dtype) -> None:
    x, key = _inputs(dtype), jax.random.key(5)
    inverted, _ = dropout(rate).apply((), (), x, key=key, training=True)
    lecture, _ = dropout(rate, like="lecture").apply((), (), x, key=key, training=True)
    np.testing.assert_array_equal(inverted, lecture * jnp.asarray(1 / (1 - rate), dtype))
    kept = np.asarray(lecture != 0)
    np.testing.assert_array_equal(lecture, np.where(kept, x, 0))
    assert 0 < kept.sum() <= kept.size


def test_values_worked_by_hand(dtype: np.dtype) -> None:
    # drop rate 3/4: q = 1/4, so that the inverted form multiplies by 4 what is kept, in training
    # only, and the lecture's form multiplies by 1/4 everything, otherwise
    x, key = jnp.array([[1.0, -2.0, 3.0, 8.0, 5.0, 6.0]], dtype), jax.random.key(2)
    mask = np.asarray(keep_mask(key, x.shape, 0.75))
    assert mask.tolist() == [[True, False, False, False, True, False]]
    expected: dict[DropoutForm, Any] = {
        "inverted": ([[4.0, 0.0, 0.0, 0.0, 20.0, 0.0]], x.tolist()),
        "lecture": ([[1.0, 0.0, 0.0, 0.0, 5.0, 0.0]], [[0.25, -0.5, 0.75, 2.0, 1.25, 1.5]]),
    }
    for form, (trained, otherwise) in expected.items():
        layer = dropout(0.75, like=form)
        y, residual, _ = layer.forward((), (), x, key=key, training=True)
        assert y.tolist() == trained
        # with dy = x, dx is what y is
        assert layer.backward((), residual, x)[1].tolist() == trained
        assert layer.apply((), (), x)[0].tolist() == otherwise


def test_lecture_form_scales_the_next_weights_by_q(float64: np.dtype) -> None:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(-8, 8, (4, 5)), float64)
    w = jnp.asarray(rng.integers(-8, 8, (3, 5)), float64)
    b = jnp.asarray(rng.integers(-8, 8, 3), float64)
    for rate in (0.5, 0.25, 0.2):
        network, q = serial(dropout(rate, like="lecture"), dense(3)), 1 - rate
        evaluated, _ = network.apply(((), Dense(w, b)), ((), ()), x)
        scaled, _ = dense(3).apply(Dense(q * w, b), (), x)
        if rate == 0.2:  # q is not a binary fraction, so that the products are rounded
            assert_trees_close(evaluated, scaled)
        else:
            np.testing.assert_array_equal(evaluated, scaled)


@forms
def test_gradient_flows_through_the_kept_units_only(form: DropoutForm, dtype: np.dtype) -> None:
    layer, x, key = dropout(0.4, like=form), _inputs(dtype), jax.random.key(1)
    y, pullback = jax.vjp(lambda x: layer.apply((), (), x, key=key, training=True)[0], x)
    dy = _inputs(dtype, seed=1)
    dx = np.asarray(pullback(dy)[0])
    factor = 1 / 0.6 if form == "inverted" else 1.0
    assert_trees_close(dx, np.where(np.asarray(y) != 0, dy * jnp.asarray(factor, dtype), 0))
    np.testing.assert_array_equal(dx == 0, np.asarray(y) == 0)
    assert 0 < (dx == 0).sum() < dx.size


@forms
def test_dropped_entries_are_zero_even_if_infinite(form: DropoutForm) -> None:
    x = jnp.full((1, 32), jnp.inf)
    y, _ = dropout(0.5, like=form).apply((), (), x, key=jax.random.key(0), training=True)
    assert set(np.asarray(y[0]).tolist()) == {0.0, float("inf")}


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@forms
def test_half_precision_stays(form: DropoutForm, dtype: Any) -> None:
    layer, x = dropout(jnp.float32(0.2), like=form), jnp.ones((4, 8), dtype)
    for training in (True, False):
        y, residual, _ = layer.forward((), (), x, key=jax.random.key(0), training=training)
        assert y.dtype == layer.backward((), residual, x)[1].dtype == dtype


def test_the_key_decides(dtype: np.dtype) -> None:
    layer, x = dropout(0.5), _inputs(dtype)
    first, again, other = (
        layer.apply((), (), x, key=jax.random.key(seed), training=True)[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert 0.2 < np.mean(np.asarray(first != other)) < 0.8


@forms
def test_evaluation_needs_no_key_and_heeds_none(form: DropoutForm, dtype: np.dtype) -> None:
    layer, x = dropout(0.2, like=form), _inputs(dtype)
    without, _ = layer.apply((), (), x)
    with_key, _ = layer.apply((), (), x, key=jax.random.key(0), training=False)
    np.testing.assert_array_equal(without, with_key)
    np.testing.assert_array_equal(without, x if form == "inverted" else x * (1 - 0.2))


def test_training_without_a_key_is_an_error() -> None:
    message = (
        r"^expected key while training, got None\. "
        r"Pass a PRNG key, or training=False\.$"
    )
    network = serial(rescale(1.0), dropout(0.5))
    with pytest.raises(ValueError, match=message):
        dropout(0.5).apply((), (), jnp.ones((2, 3)), training=True)
    with pytest.raises(ValueError, match=message):
        network.apply(((), ()), ((), ()), jnp.ones((2, 3)), training=True)
    with pytest.raises(ValueError, match=message):
        dropout(jnp.array(0.0)).apply((), (), jnp.ones((2, 3)), training=True)


@forms
@pytest.mark.parametrize("rate", [0, 0.0])
def test_rate_zero_is_the_identity_and_needs_no_key(
    form: DropoutForm, rate: float, dtype: np.dtype
) -> None:
    layer, x = dropout(rate, like=form), _inputs(dtype)
    for training in (True, False):
        y, residual, _ = layer.forward((), (), x, key=None, training=training)
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(layer.backward((), residual, x)[1], x)


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 1.5, math.nan, math.inf])
def test_rate_out_of_range_is_an_error(rate: float) -> None:
    message = rf"^expected drop_rate finite and in \[0, 1\), got {rate}\.$"
    with pytest.raises(ValueError, match=message):
        dropout(rate)


def test_invalid_rates_and_forms(no_type_checks: None) -> None:
    wrong: Any = "0.5"
    misspelt: Any = "invert"
    with pytest.raises(TypeError, match=r"^expected drop_rate to be a number, got '0.5'"):
        dropout(wrong)
    with pytest.raises(
        ValueError,
        match=r"^expected like to be one of inverted, lecture, got 'invert'\. "
        r"Did you mean 'inverted'\?$",
    ):
        dropout(0.5, like=misspelt)


@forms
@pytest.mark.parametrize("training", [True, False])
def test_vmap_over_rates_equals_the_loop(
    form: DropoutForm, training: bool, dtype: np.dtype
) -> None:
    x, key = _inputs(dtype), jax.random.key(0)

    def outputs(rate: jax.Array) -> Any:
        layer = dropout(rate, like=form)
        y, residual, _ = layer.forward((), (), x, key=key, training=training)
        return y, layer.backward((), residual, x)[1]

    # rates of another precision than the inputs, which promotion must not mix
    values = jnp.array([0.0, 0.001, 0.2, 0.5, 0.9], jnp.float32)
    together = jax.tree.map(np.asarray, jax.jit(jax.vmap(outputs))(values))
    compiled = jax.jit(outputs)
    for i, rate in enumerate(np.asarray(values)):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        assert_trees_close(one, compiled(rate))
        assert one[0].dtype == dtype


def test_another_key_or_rate_compiles_nothing_new() -> None:
    traces = []

    @jax.jit
    def train(key: jax.Array, rate: jax.Array, x: jax.Array) -> jax.Array:
        traces.append(rate)
        return dropout(rate).apply((), (), x, key=key, training=True)[0]

    outputs = [
        train(jax.random.key(seed), jnp.array(rate), jnp.ones((8, 16)))
        for seed, rate in itertools.product((0, 1), (0.2, 0.5))
    ]
    assert len(traces) == 1
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(outputs, 2))


@forms
def test_backpropagation_uses_the_masks_of_the_forward_pass(
    form: DropoutForm, dtype: np.dtype
) -> None:
    """A network of dropout alone is diagonal: with ``dy = x``, ``dx`` is its output."""
    network = serial(dropout(0.2, like=form), serial(dropout(0.5, like=form), dropout(0.1)))
    params, statistics = network.init(jax.random.key(0), (16,))
    x = _inputs(dtype)
    y, residual, _ = network.forward(params, statistics, x, key=jax.random.key(1), training=True)
    dx = network.backward(params, residual, x)[1]
    assert_trees_close(dx, y)
    np.testing.assert_array_equal(dx == 0, y == 0)
    assert 0.4 < np.mean(np.asarray(y) == 0) < 0.9  # 1 - 0.8 0.5 0.9 = 0.64, standard error 0.04


@forms
def test_whole_examples_are_dropped_together(form: DropoutForm, dtype: np.dtype) -> None:
    layer = dropout(0.25, like=form, whole_examples=True)
    x = jnp.ones((4000, 2, 3), dtype)
    y, _ = layer.apply((), (), x, key=jax.random.key(0), training=True)
    rows = np.asarray(y).reshape(4000, 6)
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape))
    kept = 4 / 3 if form == "inverted" else 1.0
    np.testing.assert_allclose(np.unique(rows), [0.0, kept], rtol=1e-6)
    assert abs(np.mean(rows[:, 0] == 0) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    outside, _ = layer.apply((), (), x)
    np.testing.assert_allclose(outside, x if form == "inverted" else 0.75 * x, rtol=1e-6)


def test_a_dropped_block_of_stochastic_depth_is_its_shortcut(dtype: np.dtype) -> None:
    network = residual(serial(dense(16), dropout(0.5, whole_examples=True)))
    params, statistics = network.init(jax.random.key(0), (16,))
    x = _inputs(dtype)
    y, _ = network.apply(params, statistics, x, key=jax.random.key(1), training=True)
    skipped = (np.asarray(y) == np.asarray(x)).all(axis=1)
    assert 0 < skipped.sum() < len(x)


def _inputs(dtype: Any, *, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=(8, 16)), dtype)
