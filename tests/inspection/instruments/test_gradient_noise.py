"""Gradient noise: by hand, in closed form, and by all mini-batches there are."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import dot
from jaxnet.data import Examples
from jaxnet.functions.penalties import get_penalty
from jaxnet.inspection import (
    GradientNoise,
    gradient_noise,
    gradient_variance,
    map_batch_gradients,
    map_gradients,
    measured_variance,
    noise_scale,
    per_example_gradients,
    predicted_variance,
    two_batch_noise,
)
from jaxnet.layers import batch_norm, dense, dropout, residual
from tests.comparison import assert_trees_close
from tests.inspection.instruments.regressions import Here, classifier, regression


def flat(tree) -> np.ndarray:
    leaves = jax.tree.leaves(tree)
    return np.concatenate([np.asarray(leaf, float).reshape(len(leaf), -1) for leaf in leaves], 1)


def square(gradient) -> jax.Array:
    return dot(gradient, gradient)


def first_bias(gradient) -> jax.Array:
    return jax.tree.leaves(gradient)[1][0]


@pytest.mark.parametrize("chunk", [7, 50, 1000])
def test_per_example_gradients_of_a_regression(dtype: np.dtype, chunk: int) -> None:
    known = regression(dtype)
    found = per_example_gradients(*known.here, chunk=chunk)
    assert_trees_close(flat(found).astype(dtype), known.gradients.astype(dtype))


def test_per_example_gradients_are_those_of_batches_of_one(dtype: np.dtype) -> None:
    here = classifier(batch_norm(), dense(4), jaxnet.layers.activation("tanh"), dense(3), n=5)
    moved = jax.tree.map(lambda leaf: leaf + 0.5, here.statistics)
    here = here._replace(statistics=moved)
    found = per_example_gradients(*here)

    def risk(params, i: int) -> jax.Array:
        x, label = here.examples.take(slice(i, i + 1))
        outputs, _ = here.objective.network.apply(params, moved, x)
        return here.objective.loss.function(outputs, label)[0]

    rows = jax.jit(lambda params: [jax.grad(risk)(params, i) for i in range(5)])(here.params)
    assert_trees_close(found, jax.tree.map(lambda *leaves: np.stack(leaves), *rows))


def test_the_mean_of_all_gradients_is_that_of_the_risk_with_its_penalty(dtype: np.dtype) -> None:
    known = regression(dtype, penalty=get_penalty("l2", strength=0.3))
    objective, params, statistics, examples = known.here
    engine = jaxnet.training.ENGINES["by_hand"](objective)
    whole = engine(params, statistics, examples, jax.random.key(0), 50).dparams
    means = jax.tree.map(lambda leaf: leaf.mean(axis=0), per_example_gradients(*known.here))
    assert_trees_close(means, whole)
    noise = gradient_noise(*known.here)
    assert_trees_close(noise.square, square(whole))
    # the penalty moves every gradient alike
    assert_trees_close(noise.variance, gradient_noise(*regression(dtype).here).variance)


@pytest.mark.parametrize("chunk", [7, 100])
def test_the_variance_is_the_trace_of_the_covariance(dtype: np.dtype, chunk: int) -> None:
    known = regression(dtype)
    trace = np.trace(np.cov(known.gradients.T, ddof=0))
    mean = known.gradients.mean(axis=0)
    noise = gradient_noise(*known.here, chunk=chunk)
    assert float(noise.variance) == pytest.approx(trace, rel=1e-5)
    assert float(noise.square) == pytest.approx(mean @ mean, rel=1e-5)
    assert float(gradient_variance(*known.here)) == float(gradient_noise(*known.here).variance)
    assert float(noise_scale(*known.here)) == pytest.approx(trace / (mean @ mean), rel=1e-5)


def test_a_small_variance_beside_a_large_gradient_does_not_cancel() -> None:
    x = np.full((8, 1), 1000.0) + np.arange(8)[:, None] * 0.001
    targets = np.zeros((8, 1))
    params = jaxnet.layers.Dense(jnp.zeros((1, 1)), jnp.full((1,), 1.0))
    objective = jaxnet.training.make_objective(dense(1), "squared_error")
    found = gradient_variance(objective, params, (), Examples(jnp.asarray(x, jnp.float32), targets))
    # gradients (2 x, 2): squares of 4e6, whose last digits in float32 are 0.25
    assert float(found) == pytest.approx(4 * np.var(np.float32(x)), rel=0.01)


@pytest.mark.parametrize("narrow", ["bfloat16", "float16"])
def test_gradients_of_narrow_parameters_are_summed_in_float32(narrow: str) -> None:
    known = regression(jnp.dtype(narrow), n=3000)
    rows = flat(per_example_gradients(*known.here)).astype(np.float64)
    mean = rows.mean(axis=0)
    noise = gradient_noise(*known.here, chunk=3)  # 1,000 chunks: in bfloat16 a sum stands still
    assert noise.square.dtype == noise.variance.dtype == np.float32
    assert float(noise.square) == pytest.approx(mean @ mean, rel=1e-3)
    assert float(noise.variance) == pytest.approx(np.square(rows - mean).sum(1).mean(), rel=1e-3)


def test_dropout_adds_its_own_noise(float64: np.dtype) -> None:
    here = classifier(dropout(0.5), dense(3))
    keyed = {"key": jax.random.key(4), "training": True}
    gradients = flat(per_example_gradients(*here, **keyed))
    assert float(gradient_variance(*here, chunk=5, **keyed)) == pytest.approx(
        np.trace(np.cov(gradients.T, ddof=0)), rel=1e-12
    )
    others = flat(per_example_gradients(*here, key=jax.random.key(5), training=True))
    assert not np.allclose(gradients, others)
    # masks differ between examples, too
    assert len({tuple(row == 0) for row in gradients[:, :9]}) > 2


@pytest.mark.parametrize("replace", [True, False], ids=["with", "without"])
def test_the_predicted_variance_is_that_of_all_mini_batches(
    float64: np.dtype, replace: bool
) -> None:
    known = regression(float64, n=5)
    choose = functools.partial(itertools.product, repeat=3)
    chosen = choose(range(5)) if replace else itertools.combinations(range(5), 3)
    means = np.array([known.gradients[list(batch)].mean(axis=0) for batch in chosen])
    expected = np.trace(np.cov(means.T, ddof=0))
    variance = gradient_variance(*known.here)
    found = predicted_variance(variance, 3, examples=None if replace else 5)
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("replace", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("batch_size", [1, 8, 40])
def test_the_measured_variance_is_the_predicted_one(batch_size: int, replace: bool) -> None:
    known = regression(np.float32)
    found = measured_variance(
        *known.here, batch_size=batch_size, draws=2000, key=jax.random.key(7), replace=replace
    )
    trace = np.trace(np.cov(known.gradients.T, ddof=0))
    expected = predicted_variance(trace, batch_size, examples=None if replace else 50)
    # four standard errors: one of 16,000 such tests fails by chance; the key is fixed
    assert abs(float(found.value) - float(expected)) < 4 * float(found.standard_error)
    assert 0.01 < float(found.standard_error) / float(found.value) < 0.1


def test_the_standard_error_is_the_deviation_over_repetitions() -> None:
    known = regression(np.float32)
    measure = functools.partial(measured_variance, *known.here, batch_size=4, draws=60)
    values, errors = jax.vmap(lambda key: measure(key=key))(
        jax.random.split(jax.random.key(1), 1000)
    )
    # means of 60 draws are nearly normal, and the deviation of 1,000 of them is known to
    # 1 / sqrt(2,000) = 2.2 %: four such errors
    deviation = float(np.std(values, ddof=1))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(deviation, rel=0.09)


def test_a_full_batch_without_replacement_has_no_noise(float64: np.dtype) -> None:
    known = regression(float64)
    found = measured_variance(*known.here, batch_size=50, draws=5, key=jax.random.key(0))
    assert float(found.value) < 1e-25


def test_gradients_of_mini_batches_are_unbiased() -> None:
    known = regression(np.float32)
    found = map_batch_gradients(
        first_bias, *known.here, batch_size=3, draws=4000, key=jax.random.key(2)
    )
    error = np.std(found, ddof=1) / np.sqrt(4000)
    assert abs(np.mean(found) - known.gradients.mean(axis=0)[2]) < 4 * error


def test_two_batch_sizes_tell_noise_from_gradient() -> None:
    known = regression(np.float32)
    key = jax.random.key(3)
    squares = {
        size: map_batch_gradients(
            square, *known.here, batch_size=size, draws=8000, key=key, replace=True
        )
        for size in (2, 16)
    }
    noise = two_batch_noise(squares[2], squares[16], small=2, large=16)
    mean = known.gradients.mean(axis=0)
    expected = (np.trace(np.cov(known.gradients.T, ddof=0)), mean @ mean)
    for estimates, exact in zip(noise, expected, strict=True):
        # the draws of both sizes share their keys but not their examples' number: take no credit
        error = np.std(estimates, ddof=1) / np.sqrt(8000)
        assert abs(np.mean(estimates) - exact) < 4 * error
        assert error < 0.1 * exact


def test_batch_normalization_is_refused_where_examples_have_no_gradient(float64: np.dtype) -> None:
    here = classifier(residual(batch_norm()), dense(3))
    for instrument in (per_example_gradients, gradient_noise, gradient_variance, noise_scale):
        with pytest.raises(ValueError, match="batch normalization, which couples a batch's examp"):
            instrument(*here, training=True)
    found = measured_variance(*here, batch_size=8, draws=20, key=jax.random.key(0), training=True)
    moving = measured_variance(*here, batch_size=8, draws=20, key=jax.random.key(0))
    assert 0 < float(found.value) != float(moving.value)


def test_instruments_are_compiled_into_a_program(dtype: np.dtype) -> None:
    known = regression(dtype)
    objective, *rest = known.here
    instruments = {
        "variance": functools.partial(gradient_variance, objective),
        "scale": functools.partial(noise_scale, objective),
    }
    program = jax.jit(lambda *here: {name: f(*here) for name, f in instruments.items()})
    found = program(*rest)
    assert_trees_close(found["variance"], gradient_variance(*known.here))
    assert_trees_close(found["scale"], noise_scale(*known.here))


def test_map_gradients_reduces_each(dtype: np.dtype) -> None:
    known = regression(dtype)
    found = map_gradients(square, *known.here, chunk=8)
    expected = np.square(known.gradients).sum(axis=1)
    assert_trees_close(found, expected.astype(dtype))


def spoiled(known: Here) -> Here:
    return known._replace(examples=Examples(np.full((5, 2), np.nan), np.zeros((5, 1))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: per_example_gradients(*h, chunk=0), "expected chunk >= 1"),
        (lambda h: gradient_noise(*spoiled(h)), "expected examples.inputs to be f"),
        (
            lambda h: measured_variance(*h, batch_size=51, draws=2, key=jax.random.key(0)),
            "expected batch_size to be at most the 50 examples, got 51",
        ),
        (
            lambda h: measured_variance(*h, batch_size=5, draws=1, key=jax.random.key(0)),
            "expected draws >= 2, got 1",
        ),
        (
            lambda h: map_batch_gradients(square, *h, batch_size=0, draws=1, key=jax.random.key(0)),
            "expected batch_size >= 1, got 0",
        ),
        (lambda h: predicted_variance(1.0, 9, examples=8), "at most the 8 examples, got 9"),
        (lambda h: predicted_variance(-1.0, 9), "expected variance finite and in"),
        (lambda h: two_batch_noise(1.0, 1.0, small=4, large=4), "expected large >= 5, got 4"),
    ],
    ids=["chunk", "NaN", "too large", "one draw", "no batch", "prediction", "negative", "sizes"],
)
def test_mistakes(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(regression(np.float32).here)


@pytest.mark.parametrize("unit", [1e-30, 1e-19, 1.0, 1e20, 1e30])
def test_the_noise_scale_does_not_depend_on_the_unit_of_the_risk(unit: float) -> None:
    """Of gradients (2, 2) and (-12, -6), whose variance is 65 and whose mean's square is 29."""

    def loss(outputs, targets) -> jax.Array:
        return unit * jnp.sum(jnp.square(outputs - targets), axis=-1)

    objective = jaxnet.training.make_objective(dense(1), loss)
    params = jaxnet.layers.Dense(jnp.ones((1, 1), jnp.float32), jnp.zeros(1, jnp.float32))
    x, y = (jnp.array(rows, jnp.float32) for rows in ([[1.0], [2.0]], [[0.0], [5.0]]))
    found = noise_scale(objective, params, (), Examples(x, y))
    np.testing.assert_allclose(found, 65 / 29, rtol=1e-5)


def test_without_any_gradient_the_noise_scale_is_infinite() -> None:
    zero, one = jnp.zeros(()), jnp.ones(())
    assert GradientNoise(zero, zero).scale == np.inf
    assert GradientNoise(one, zero).scale == np.inf
    assert np.isnan(GradientNoise(zero * jnp.nan, one).scale)
    assert GradientNoise(6 * one, 2 * one).scale == 3.0
