"""Clipping: numbers worked by hand, bounds, unchanged leaves, extreme gradients."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import adaptive_grad_clip, clip, clip_by_global_norm, clip_by_norm, global_norm


def clipped(transformation: Any, gradients: Any, params: Any = None) -> Any:
    return transformation.update(gradients, optax.EmptyState(), params)[0]


def test_global_norm_by_hand(float64: np.dtype) -> None:
    """``sqrt(9 + 16 + 144) = 13``: to a bound of 6.5 everything is halved."""
    gradients = {"a": jnp.array([3.0, 4.0]), "b": jnp.array(12.0)}
    found = clipped(clip_by_global_norm(6.5), gradients)
    np.testing.assert_allclose(found["a"], [1.5, 2.0], rtol=1e-15)
    np.testing.assert_allclose(found["b"], 6.0, rtol=1e-15)


def test_norm_of_each_leaf_by_hand(float64: np.dtype) -> None:
    found = clipped(clip_by_norm(2.5), {"a": jnp.array([3.0, 4.0]), "b": jnp.array(1.0)})
    np.testing.assert_allclose(found["a"], [1.5, 2.0], rtol=1e-15)
    assert float(found["b"]) == 1.0


def test_pytorch_adds_a_millionth_to_the_norm(float64: np.dtype) -> None:
    gradient = jnp.array([3.0, 4.0])
    found = clipped(clip_by_global_norm(1.0, like="torch"), gradient)
    np.testing.assert_allclose(found, [3 / 5.000001, 4 / 5.000001], rtol=1e-15)
    np.testing.assert_array_equal(clipped(clip_by_norm(1.0, like="torch"), gradient), found)


def test_adaptive_clipping_by_hand(float64: np.dtype) -> None:
    """Rows of weights of norm 5 and 0: bounds ``0.1 * 5`` and ``0.1 * 0.001``."""
    weights = jnp.array([[3.0, 4.0], [0.0, 0.0]])
    gradients = jnp.array([[6.0, 8.0], [0.0, 1e-3]])
    found = clipped(adaptive_grad_clip(0.1, axis=-1), gradients, weights)
    np.testing.assert_allclose(found, [[0.3, 0.4], [0.0, 1e-4]], rtol=1e-14)


def test_units_of_adaptive_clipping_are_those_of_optax(float64: np.dtype) -> None:
    """Scalars, vectors, matrices and kernels, also with axes of size 1."""
    shapes = [(), (3,), (1, 3), (2, 3), (2, 3, 4), (2, 1, 3, 4)]
    rng = np.random.default_rng(0)
    g, w = ({str(s): jnp.asarray(rng.normal(9.0, size=s)) for s in shapes} for _ in range(2))
    with jax.numpy_rank_promotion("allow"):
        expected = jax.jit(lambda: clipped(optax.adaptive_grad_clip(0.3), g, w))()
        found = jax.jit(lambda: clipped(adaptive_grad_clip(0.3), g, w))()
    for shape, leaf in expected.items():
        np.testing.assert_allclose(found[shape], leaf, rtol=1e-14)
        assert not np.array_equal(leaf, g[shape])


NORMS = {
    "optax": clip_by_global_norm(1.0),
    "torch": clip_by_global_norm(1.0, like="torch"),
    "keras": clip_by_global_norm(1.0, like="keras"),
    "leaf, keras": clip_by_norm(1.0),
    "leaf, torch": clip_by_norm(1.0, like="torch"),
}
norms = pytest.mark.parametrize("transformation", NORMS.values(), ids=NORMS.keys())


@norms
def test_gradients_of_zero_and_within_the_bound_are_left_alone(
    transformation: Any, dtype: np.dtype
) -> None:
    for gradient in ([0.0, 0.0], [0.3, -0.4]):
        gradient = jnp.array(gradient, dtype)
        np.testing.assert_array_equal(clipped(transformation, gradient), gradient)


@norms
@pytest.mark.parametrize("size", [1e19, 1e38])
def test_squares_that_overflow_are_clipped_too(transformation: Any, size: float) -> None:
    gradient = jnp.array([3 * size, -4 * size][: 2 if size < 1e30 else 1], jnp.float32)
    expected = [0.6, -0.8] if size < 1e30 else [1.0]
    for call in (clipped, jax.jit(clipped, static_argnums=0)):
        np.testing.assert_allclose(call(transformation, gradient), expected, rtol=1e-6)


def test_norms_that_overflow_are_finite_under_vmap() -> None:
    rows = jnp.array([[3e30, 4e30], [3e-3, 4e-3], [0.0, 0.0], [1e38, 3e38]], jnp.float32)
    expected = [5e30, 5e-3, 0.0, math.sqrt(10) * 1e38]
    np.testing.assert_allclose(jax.jit(jax.vmap(global_norm))(rows), expected, rtol=1e-6)


def test_gradients_that_are_not_finite() -> None:
    """One infinite entry: PyTorch and optax make it NaN and the others 0, Keras all NaN."""
    infinite, nan = jnp.array([jnp.inf, 2.0]), jnp.array([jnp.nan, 2.0])
    for like, transformation in NORMS.items():
        all_nan = like == "keras"
        expected = [np.nan, np.nan if all_nan else 0.0]
        np.testing.assert_array_equal(clipped(transformation, infinite), expected)
        assert np.isnan(clipped(transformation, nan)).all()
    np.testing.assert_array_equal(clipped(clip(1.0), infinite), [1.0, 1.0])
    np.testing.assert_array_equal(clipped(clip(1.0), nan), [np.nan, 1.0])


def test_no_leaf_is_no_norm() -> None:
    assert float(global_norm({})) == 0.0
    assert clipped(clip_by_global_norm(1.0), {}) == {}


def test_narrow_leaves_keep_their_dtype_and_bounds_may_be_traced(float64: np.dtype) -> None:
    gradients = {"half": jnp.array([300.0, 400.0], jnp.bfloat16), "double": jnp.array([0.0])}

    def run(bound: Any) -> Any:
        both = clip_by_global_norm(bound), adaptive_grad_clip(bound), clip(bound)
        return [clipped(t, gradients, gradients) for t in both]

    for found in jax.jit(run)(5.0):
        assert [found[name].dtype for name in ("half", "double")] == [jnp.bfloat16, float64]
    np.testing.assert_array_equal(jax.jit(run)(5.0)[0]["half"].astype(float), [3.0, 4.0])
