"""Batch normalization: by hand, by the lecture's derivatives one by one, and properties."""

import math
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import BatchNorm, MovingMoments, activation, batch_norm, dense, serial
from jaxnet.layers.batch_norm import CONVENTIONS, ConventionName
from tests.cases import random_like
from tests.comparison import Tolerance, assert_trees_close

# Four examples of two features, eps = 4, scale (3, 4), offset (1, -1), worked by hand.
#
# Feature 1: x = (1, 3, 5, 7), mu = 4, variance = (9 + 1 + 1 + 9) / 4 = 5, sigma = sqrt(5 + 4) = 3
#   u = (x - 4) / 3 = (-1, -1/3, 1/3, 1),  y = 3 u + 1 = (-2, 0, 2, 4)
#   dy = (1, 0, 0, 2): doffset = 3, mean(dy) = 3/4; dscale = -1 + 2 = 1, mean(dy u) = 1/4
#   dx = 3/3 (dy - 3/4 - u/4) = (1 - 3/4 + 1/4, -3/4 + 1/12, -3/4 - 1/12, 2 - 3/4 - 1/4)
# Feature 2: x = (6, 6, 6, 6), mu = 6, variance = 0, sigma = 2, u = 0, y = -1
#   dy = (4, 0, 0, 0): doffset = 4, mean(dy) = 1; dscale = 0; dx = 4/2 (dy - 1) = (6, -2, -2, -2)
EPS = 4.0
PARAMS = [3.0, 4.0], [1.0, -1.0]
X = np.array([[1.0, 6.0], [3.0, 6.0], [5.0, 6.0], [7.0, 6.0]])
Y = np.array([[-2.0, -1.0], [0.0, -1.0], [2.0, -1.0], [4.0, -1.0]])
DY = np.array([[1.0, 4.0], [0.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
DPARAMS = [1.0, 0.0], [3.0, 4.0]
DX = np.array([[1 / 2, 6.0], [-2 / 3, -2.0], [-5 / 6, -2.0], [1.0, -2.0]])
# A second mini-batch: means (1, 8), variances (1, 4), over n - 1 (4/3, 16/3); those of the first
# over n - 1 are (20/3, 0). Moving from 0 and 1, with 3/4 the weight of the old value:
#   mean      1/4 4 = 1,         3/4 1 + 1/4 1 = 1         1/4 6 = 3/2,   9/8 + 1/4 8 = 25/8
#   variance  3/4 + 1/4 5 = 2,   3/2 + 1/4 = 7/4           3/4 + 0,       9/16 + 1/4 4 = 25/16
#   unbiased  3/4 + 5/3 = 29/12, 29/16 + 1/3 = 103/48      3/4 + 0,       9/16 + 4/3 = 91/48
SECOND_X = np.array([[0.0, 6.0], [0.0, 6.0], [2.0, 10.0], [2.0, 10.0]])
BIASED = [1.0, 25 / 8], [7 / 4, 25 / 16]
UNBIASED = [1.0, 25 / 8], [103 / 48, 91 / 48]
MOVED: dict[ConventionName, tuple[float, Any]] = {
    "lecture": (0.75, BIASED),
    "flax": (0.75, BIASED),
    "keras": (0.75, BIASED),
    "torch": (0.25, UNBIASED),
}
"""Convention -> the momentum that gives the old value the weight 3/4, the moments to expect."""

conventions = pytest.mark.parametrize("convention", sorted(CONVENTIONS))


def _cast(tree: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)


def _params(values: Any, dtype: Any) -> BatchNorm:
    scale, offset = values
    return BatchNorm(jnp.asarray(scale, dtype), jnp.asarray(offset, dtype))


def _moments(values: Any, dtype: Any) -> MovingMoments:
    mean, variance = values
    return MovingMoments(jnp.asarray(mean, dtype), jnp.asarray(variance, dtype))


def _start(features: int, dtype: Any) -> MovingMoments:
    zeros, ones = np.zeros(features, dtype), np.ones(features, dtype)
    return MovingMoments(jnp.asarray(zeros), jnp.asarray(ones))


def _train(
    layer: Any, params: Any, x: jax.Array, dy: jax.Array, *, start: Any = None
) -> tuple[Any, Any, Any]:
    """Return outputs, gradient and updated statistics of one pass in training."""

    @jax.jit
    def once(params: Any, start: Any, x: jax.Array, dy: jax.Array) -> tuple[Any, Any, Any]:
        y, residual, updated = layer.forward(params, start, x, key=None, training=True)
        return y, layer.backward(params, residual, dy), updated

    return once(params, start or _start(x.shape[1], x.dtype), x, dy)


@conventions
def test_training_worked_by_hand(convention: ConventionName, dtype: np.dtype) -> None:
    layer = batch_norm(like=convention, eps=EPS)
    x, y, dy, dx = _cast((X, Y, DY, DX), dtype)
    actual_y, gradient, _ = _train(layer, _params(PARAMS, dtype), x, dy)
    assert_trees_close((actual_y, gradient), (y, (_params(DPARAMS, dtype), dx)))


@conventions
def test_moving_averages_worked_by_hand(convention: ConventionName, dtype: np.dtype) -> None:
    momentum, expected = MOVED[convention]
    layer, params = batch_norm(like=convention, momentum=momentum), _params(PARAMS, dtype)
    _, statistics = layer.init(jax.random.key(0), (2,))
    for x in (X, SECOND_X):
        _, statistics = layer.apply(params, statistics, _cast(x, dtype), training=True)
    assert_trees_close(statistics, _moments(expected, dtype))


def test_evaluation_worked_by_hand(dtype: np.dtype) -> None:
    # mean (1, 2), variance (5, 12): sigma (3, 4), of x = (4, 6) u = (1, 1), y = (3 + 1, 4 - 1);
    # of dy = (2, 3), dscale = dy u, doffset = dy, dx = scale / sigma dy = dy
    statistics = _moments(([1.0, 2.0], [5.0, 12.0]), dtype)
    x, params, layer = jnp.array([[4.0, 6.0]], dtype), _params(PARAMS, dtype), batch_norm(eps=EPS)
    y, residual, kept = layer.forward(params, statistics, x, key=None, training=False)
    assert_trees_close((y, kept), (jnp.array([[4.0, 3.0]], dtype), statistics))
    dy = jnp.array([[2.0, 3.0]], dtype)
    assert_trees_close(layer.backward(params, residual, dy), (BatchNorm(dy[0], dy[0]), dy))


def _lecture_dx(y: np.ndarray, upstream: np.ndarray, gamma: float, eps: float) -> np.ndarray:
    """Return the derivatives of lecture 004 of one feature, corrected, summed by loops."""
    omega, mu = len(y), sum(y) / len(y)
    sigma = math.sqrt(sum((y - mu) ** 2) / omega + eps)
    dx = np.zeros(omega)
    for w in range(omega):
        for t in range(omega):
            through_mu = -1 / (omega * sigma)
            through_sigma = -(y[t] - mu) * (y[w] - mu) / (omega * sigma**3)
            direct = 1 / sigma if t == w else 0.0
            dx[w] += gamma * upstream[t] * (direct + through_mu + through_sigma)
    return dx


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_backward_equals_the_derivatives_of_the_lecture(eps: float, float64: np.dtype) -> None:
    rng = np.random.default_rng(0)
    gamma, beta = rng.normal(size=(2, 3))
    x, dy = rng.normal(2.0, 3.0, (7, 3)), rng.normal(size=(7, 3))
    params = _params((gamma, beta), float64)
    _, (_, dx), _ = _train(batch_norm(eps=eps), params, *_cast((x, dy), float64))
    columns = [_lecture_dx(x[:, i], dy[:, i], gamma[i], eps) for i in range(3)]
    assert_trees_close(np.asarray(dx), np.stack(columns, axis=1))


@jax.jit
def _normalize(params: BatchNorm, x: jax.Array, eps: jax.Array) -> jax.Array:
    return batch_norm(eps=eps).apply(params, _start(2, x.dtype), x, training=True)[0]


def _drawn(seed: int) -> tuple[BatchNorm, jax.Array]:
    params = _params(np.zeros((2, 2)), "float64")
    return random_like((params, jnp.zeros((6, 2), "float64")), seed=seed)


@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    eps=st.floats(1e-6, 1.0),
)
def test_output_has_mean_offset_and_variance_scale(
    seed: int, spread: float, shift: float, eps: float
) -> None:
    with jax.enable_x64(True):
        params, x = _drawn(seed)
        x = spread * x + shift
        y = np.asarray(_normalize(params, x, jnp.float64(eps)))
        # a shift 1e6 times the spread costs as many units of 1e-16
        np.testing.assert_allclose(y.mean(0), params.offset, rtol=0, atol=1e-9)
        variance = np.var(x, axis=0)
        expected = params.scale**2 * variance / (variance + eps)
        np.testing.assert_allclose(y.var(0), expected, rtol=1e-8, atol=1e-20)


@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    factor=st.floats(1e-3, 1e3),
    sign=st.sampled_from([-1, 1]),
    shift=st.floats(-1e3, 1e3),
)
def test_invariant_to_shift_and_scale_of_the_inputs(
    seed: int, factor: float, sign: int, shift: float
) -> None:
    """Exactly so if eps, in the unit of the variance, is rescaled too."""
    with jax.enable_x64(True):
        params, x = _drawn(seed)
        y = _normalize(params, x, jnp.float64(1e-2))
        other = _normalize(params, sign * factor * x + shift, jnp.float64(1e-2 * factor**2))
        mirrored = params.offset[None] + sign * (y - params.offset[None])
        np.testing.assert_allclose(other, mirrored, rtol=0, atol=1e-9)


@conventions
def test_mini_batch_of_one(convention: ConventionName, dtype: np.dtype) -> None:
    layer, x = batch_norm(like=convention), jnp.array([[3.0, -1e4, 0.1]], dtype)
    params, dy = _params((np.ones(3), np.arange(3.0)), dtype), jnp.ones((1, 3), dtype)
    y, (gradient, dx), updated = _train(layer, params, x, dy)
    np.testing.assert_array_equal(y, params.offset[None])
    np.testing.assert_array_equal(dx, np.zeros((1, 3)))
    np.testing.assert_array_equal(gradient.scale, np.zeros(3))
    np.testing.assert_array_equal(gradient.offset, dy[0])
    old = 0.9 if convention == "torch" else 0.99
    expected = (1 - old) * np.asarray(x[0]), np.full(3, old)  # the variance of one counts as 0
    assert_trees_close(updated, _moments(expected, dtype))


@pytest.mark.parametrize("examples", [3, 100])
def test_a_constant_feature_gives_exactly_zero(examples: int, dtype: np.dtype) -> None:
    # 100 copies of most of these numbers do not add up to exactly 100 times the number
    values = np.array([0.1, 1 / 3, 1e4 / 3, 1e10 / 3, 1e20, 1e30], dtype)
    x = jnp.asarray(np.tile(values, (examples, 1)))
    dy = random_like(x)
    y, (gradient, dx), updated = _train(batch_norm(), _ones(6, dtype), x, dy)
    np.testing.assert_array_equal(y, np.zeros(x.shape))
    np.testing.assert_array_equal(gradient.scale, np.zeros(6))
    assert_trees_close(updated.variance, np.full(6, 0.99, dtype))
    # the derivative is not zero: one example that moves is no longer alike
    dy = np.asarray(dy)
    assert_trees_close(dx, (dy - dy.mean(0)) / np.sqrt(np.asarray(1e-5, dtype)))


def _ones(features: int, dtype: Any) -> BatchNorm:
    ones, zeros = np.ones(features, dtype), np.zeros(features, dtype)
    return BatchNorm(jnp.asarray(ones), jnp.asarray(zeros))


def test_extremes_are_finite(dtype: np.dtype) -> None:
    sizes = np.array([1e-30, 1e-10, 1e4, 1e10, 1e18, 1e20, 1e30, 1e36])
    x = jnp.asarray(sizes * np.random.default_rng(0).normal(size=(50, 8)), dtype)
    layer, params, dy = batch_norm(), _ones(8, dtype), random_like(x, seed=1)

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return layer.apply(params, _start(8, dtype), x, training=True)[0]

    by_autodiff = jax.jit(lambda: jax.vjp(apply, params, x)[1](dy))()
    y, gradient, updated = jax.jit(lambda: _train(layer, params, x, dy))()
    evaluated, _ = layer.apply(params, updated, x)
    everything = (y, gradient, by_autodiff, evaluated)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(everything))
    assert not any(np.isnan(leaf).any() for leaf in updated)
    # what is far below eps stays about 0; the square of 1e20 is beyond float32, and counts as 0
    std = np.where((sizes < 1) | ((sizes > 1e19) & (dtype == np.float32)), 0.0, 1.0)
    np.testing.assert_allclose(y.std(0), std, atol=1e-4)


def test_bias_before_it_has_no_gradient(dtype: np.dtype) -> None:
    network = serial(dense(4), batch_norm(), activation("tanh"))
    without = serial(dense(4, bias_initializer=None), batch_norm(), activation("tanh"))
    params, statistics = network.init(jax.random.key(0), (5,))
    x = random_like(jnp.zeros((16, 5), dtype))
    dy = random_like(jnp.zeros((16, 4), dtype), seed=1)

    @jax.jit
    def backpropagate(params: Any) -> Any:
        y, residual, _ = network.forward(params, statistics, x, key=None, training=True)
        (gradient, scale_gradient, _), _ = network.backward(params, residual, dy)
        return y, gradient, scale_gradient

    y, gradient, scale_gradient = backpropagate(params)
    expected = gradient._replace(bias=jnp.zeros(4, dtype))
    assert_trees_close(gradient, expected)
    assert min(np.abs(leaf).min() for leaf in (gradient.weights, *scale_gradient)) > 1e-3
    shifted = (params[0]._replace(bias=jnp.arange(4.0, dtype=dtype)), *params[1:])
    assert_trees_close(backpropagate(shifted)[0], y)
    bare = (params[0]._replace(bias=None), *params[1:])
    assert_trees_close(without.apply(bare, statistics, x, training=True)[0], y)


def test_evaluation_looks_at_each_example_alone(dtype: np.dtype) -> None:
    layer, (params, statistics, x) = batch_norm(), _scene(dtype)
    together, kept = layer.apply(params, statistics, x)
    rows = np.asarray(x)
    singles = [jnp.asarray(row[None]) for row in rows]
    alone = [layer.apply(params, statistics, single)[0] for single in singles]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    jax.tree.map(np.testing.assert_array_equal, kept, statistics)
    moved = rows.copy()
    moved[0] += 1
    found = np.asarray(layer.apply(params, statistics, jnp.asarray(moved))[0])
    np.testing.assert_array_equal(found[1:], np.asarray(together)[1:])
    trained, changed = (
        np.asarray(layer.apply(params, statistics, jnp.asarray(inputs), training=True)[0])
        for inputs in (rows, moved)
    )
    assert (trained[1:] != changed[1:]).all()


def _scene(dtype: Any) -> tuple[BatchNorm, MovingMoments, jax.Array]:
    """Draw parameters, moments and a mini-batch of five examples."""
    params, statistics = batch_norm(dtype=dtype).init(jax.random.key(0), (3,))
    tree = params, statistics, jnp.zeros((5, 3), dtype)
    params, statistics, x = random_like(tree)
    return params, jax.tree.map(jnp.abs, statistics), x


@conventions
def test_vmap_over_momentum_and_eps_equals_the_loop(
    convention: ConventionName, dtype: np.dtype
) -> None:
    params, statistics, x = _scene(dtype)

    def outputs(momentum: Any, eps: Any) -> Any:
        layer = batch_norm(like=convention, momentum=momentum, eps=eps)
        y, residual, updated = layer.forward(params, statistics, x, key=None, training=True)
        return y, updated, layer.backward(params, residual, x)

    # numbers of another precision than the inputs, which promotion must not mix
    momenta = np.array([0.0, 0.5, 1.0], np.float32)
    epsilons = np.array([0.125, 0.5, 4.0], np.float32)
    together = jax.jit(jax.vmap(outputs))(momenta, epsilons)
    for i in range(3):
        one = jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], together)
        alone = jax.jit(lambda i=i: outputs(float(momenta[i]), float(epsilons[i])))()
        assert_trees_close(one, alone)


def test_many_mini_batches_compile_once(dtype: np.dtype) -> None:
    layer, traces = batch_norm(), []

    @jax.jit
    def train(params: Any, statistics: Any, x: jax.Array) -> Any:
        traces.append(x)
        return layer.apply(params, statistics, x, training=True)

    params, statistics = layer.init(jax.random.key(0), (3,))
    for seed in range(3):
        _, statistics = train(params, statistics, random_like(jnp.zeros((5, 3)), seed=seed))
    assert len(traces) == 1
    assert statistics.mean.dtype == dtype


def _widened(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf).astype(np.float32)), tree)


HALF = {"bfloat16": Tolerance(2**-6, 0.0), "float16": Tolerance(2**-9, 0.0)}
"""Bounds of four units of their precision."""


@pytest.mark.parametrize("name", sorted(HALF))
def test_half_precision_keeps_its_moments_in_float32(name: str) -> None:
    layer, half = batch_norm(dtype=name), jnp.dtype(name)
    params, statistics = layer.init(jax.random.key(0), (3,))
    assert {leaf.dtype for leaf in params} == {half}
    assert {leaf.dtype for leaf in statistics} == {np.dtype("float32")}
    # deviations whose squares are beyond float16
    x = jnp.asarray((1000 * np.asarray(random_like(jnp.zeros((64, 3)))) + 5000).astype(half))
    dy = random_like(x, seed=1)
    y, gradient, updated = _train(layer, params, x, dy, start=statistics)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, gradient))} == {half}
    wide, wide_statistics, *rest = _widened((params, statistics, x, dy))
    *expected, moved = _train(layer, wide, *rest, start=wide_statistics)
    assert_trees_close(updated, moved)
    actual, expected = _widened((y, gradient)), tuple(expected)
    assert_trees_close(actual, expected, tolerance=HALF[name])
    assert layer.apply(params, updated, x)[0].dtype == half


def test_init(dtype: np.dtype) -> None:
    params, statistics = batch_norm().init(jax.random.key(0), (2, 3))
    ones, zeros = jnp.ones((2, 3), dtype), jnp.zeros((2, 3), dtype)
    assert_trees_close((params, statistics), (BatchNorm(ones, zeros), MovingMoments(zeros, ones)))
