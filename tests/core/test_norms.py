"""Euclidean norms and clipping: every scale, derivatives at 0, ordinary bits."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.norms import norm, shortened, unit_scale
from jaxnet.core.trees import global_norm, near_one

CALLS = {"op": lambda f: f, "jit": jax.jit, "vmap": lambda f: jax.jit(jax.vmap(f))}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
SCALES = {
    "float32": [1e-36, 1e-30, 1e-22, 1e-19, 1e-10, 1.0, 1e15, 1e19, 1e20, 1e30, 1e37],
    "float64": [1e-305, 1e-200, 1e-160, 1e-19, 1.0, 1e20, 1e153, 1e160, 1e305],
}


def rows(dtype: np.dtype, scale: float) -> np.ndarray:
    return (np.random.default_rng(0).uniform(0.1, 1, (2, 3, 4)) * scale).astype(dtype)


@calls
@pytest.mark.usefixtures("optimized")
def test_the_norm_of_each_unit_is_right_at_every_scale(call: Any, dtype: np.dtype) -> None:
    """A unit of every scale in one array, and one of 0: none disturbs another."""
    x = np.concatenate([rows(dtype, scale) for scale in [0.0, *SCALES[dtype.name]]], axis=1)
    for axis, other in ((-1, -2), ((-1,), -2)):
        found = np.asarray(call(lambda x, axis=axis: norm(x, axis))(jnp.asarray(x)))
        largest = np.max(x, axis=-1, keepdims=True)
        near = np.divide(x, largest, where=largest > 0, out=np.zeros_like(x)).astype(np.float64)
        expected = largest * np.sqrt(np.sum(near**2, axis=-1, keepdims=True))
        assert found.shape == expected.shape
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps)
        turned = call(lambda x, axis=other: norm(x, axis))(jnp.asarray(np.swapaxes(x, -1, -2)))
        np.testing.assert_array_equal(np.swapaxes(turned, -1, -2), found)


@calls
def test_units_that_are_not_finite_do_not_disturb_the_others(call: Any, dtype: np.dtype) -> None:
    x = jnp.array([[[3e30, 4e30], [np.nan, 1.0], [-np.inf, 1.0], [0.0, 0.0], [6.0, 8.0]]], dtype)
    found = call(lambda x: norm(x, -1))(x).ravel()
    np.testing.assert_allclose(found, [5e30, np.nan, np.inf, 0.0, 10.0], rtol=1e-6)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_narrow_numbers_are_added_up_in_float32(kind: str) -> None:
    x = jnp.full((2, 5000), 300.0, kind)  # above all that float16 has
    assert norm(x).dtype == np.float32
    np.testing.assert_allclose(norm(x), 3e4, rtol=1e-6)
    np.testing.assert_allclose(norm(x, -1), 300 * 5000**0.5, rtol=1e-6)
    tiny = jnp.full(4, 6e-8, kind)
    np.testing.assert_allclose(norm(tiny), 2 * float(tiny[0]), rtol=1e-6)


def test_ordinary_norms_and_shortened_arrays_keep_the_bits_of_the_plain_formulas(
    dtype: np.dtype, optimized: None
) -> None:
    """With a bound that is Python's number, or an array."""

    def plain(g: Any, c: Any) -> Any:
        size = jnp.sqrt(jnp.sum(g * g))
        return size, g / jnp.maximum(size / c, 1)

    def ours(g: Any, c: Any) -> Any:
        return norm(g), shortened(g, norm(g), c)

    def forms(f: Any) -> list[Any]:
        return [f, jax.jit(f), *(jax.jit(functools.partial(f, c=c)) for c in bounds)]

    random, bounds = np.random.default_rng(0), (0.1, 0.7, 70.0)
    pairs = list(zip(forms(plain), forms(ours), strict=True))
    for _ in range(5):
        # their sum of squares is exact in every order
        g = jnp.asarray(random.integers(-9, 10, (5, 7)) * 2.0 ** random.integers(-9, 9), dtype)
        bound = jnp.asarray(random.choice(bounds), dtype)
        for i, (one, other) in enumerate(pairs):
            given = (g, bound) if i < 2 else (g,)
            for expected, found in zip(one(*given), other(*given), strict=True):
                np.testing.assert_array_equal(found, expected)


@calls
def test_the_derivative_of_a_norm_is_the_direction_and_0_at_0(call: Any, dtype: np.dtype) -> None:
    scales = SCALES[dtype.name]
    x = jnp.asarray([[[3 * s, 4 * s] for s in (0.0, *scales[:-1])]], dtype)
    expected = np.array([[[0.0, 0.0], *([0.6, 0.8] for _ in scales[:-1])]])
    each = call(jax.grad(lambda x: jnp.sum(norm(x, -1) / jnp.where(norm(x, -1) > 0, 1, 1))))(x)
    np.testing.assert_allclose(each, expected, rtol=1e-6)
    for row, direction in list(zip(x[0], expected[0], strict=True))[:2]:
        np.testing.assert_allclose(call(jax.grad(norm))(row[None])[0], direction, rtol=1e-6)
        tree = call(jax.grad(lambda x: global_norm([x[..., :1], {"b": x[..., 1]}])))(row[None])
        np.testing.assert_allclose(tree[0], direction, rtol=1e-6)
        pushed = jax.jvp(norm, (row,), (jnp.ones_like(row),))[1]
        np.testing.assert_allclose(pushed, sum(direction), rtol=1e-6)


def test_the_second_derivative_of_a_norm_is_that_of_the_formula(dtype: np.dtype) -> None:
    """``(I - u u^T) / |x|`` with the direction u."""
    u = np.array([0.6, 0.8])
    hessian = jax.jit(jax.hessian(norm))(jnp.array([3.0, 4.0], dtype))
    np.testing.assert_allclose(hessian, (np.eye(2) - np.outer(u, u)) / 5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("bound", [1e-3, 2.0, 1e18])
def test_clipped_arrays_have_the_bound_as_norm(scale: float, bound: float, dtype: np.dtype) -> None:
    """And the derivative ``c / |x| (I - u u^T)``; within the bound it is as it was."""
    x, u = jnp.array([3 * scale, 4 * scale], dtype), np.array([0.6, 0.8])

    def short(x: Any) -> Any:
        return shortened(x, norm(x), bound)

    jacobian = np.asarray(jax.jit(jax.jacobian(short))(x)) * dtype.type(scale)
    if 5 * scale > bound:
        np.testing.assert_allclose(short(x), bound * u, rtol=1e-6)
        expected = bound / 5 * (np.eye(2) - np.outer(u, u))
        np.testing.assert_allclose(jacobian, expected, rtol=1e-5, atol=1e-6 * bound)
    else:
        np.testing.assert_array_equal(short(x), x)
        np.testing.assert_array_equal(jacobian / dtype.type(scale), np.eye(2))


def test_sizes_and_bounds_far_apart_neither_overflow_nor_underflow() -> None:
    for size, bound in ((3e38, 1e-37), (1e30, 1e-30), (3e38, 1e38), (1e-30, 1e-37)):
        x = jnp.array([size, 0.0], jnp.float32)
        np.testing.assert_allclose(shortened(x, norm(x), bound), [bound, 0.0], rtol=1e-6)


def test_a_bound_of_0_gives_0_and_nothing_gives_nan(dtype: np.dtype) -> None:
    both = jax.jit(jax.value_and_grad(lambda x, c: jnp.sum(shortened(x, norm(x), c)), (0, 1)))
    for x in ([0.0, 0.0], [3.0, -4.0], [3e30, 4e30]):
        x = jnp.array(x, dtype)
        for limit in (0.0, 1.0):
            value, slopes = both(x, jnp.asarray(limit, dtype))
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, slopes)))
            if limit == 0:
                assert value == 0


def test_a_power_of_two_brings_every_size_near_1(dtype: np.dtype, optimized: None) -> None:
    limits = np.finfo(dtype)
    powers = np.exp2(np.linspace(limits.minexp, limits.maxexp - 0.01, 999)).astype(dtype)
    sizes = np.concatenate([powers, np.array([limits.tiny, limits.max, limits.max / 8], dtype)])
    scales = np.asarray(jax.jit(unit_scale)(jnp.asarray(sizes)), np.longdouble)
    assert np.all(np.frexp(scales)[0] == 0.5)
    assert np.all((sizes * scales > 0.6) & (sizes * scales < 12))
    assert np.all((1 / scales >= limits.tiny) & (1 / scales <= limits.max))
    odd = jnp.array([0.0, np.inf, np.nan], dtype)
    assert unit_scale(odd).tolist() == [1.0, 1.0, 1.0]


def test_a_tree_is_brought_near_1_exactly() -> None:
    tree = {"w": jnp.array([3e-30, -1e-31]), "h": jnp.array([2e-7], jnp.float16), "n": None}
    make: Callable[[Any], Any] = jax.jit(near_one)
    near, scale = make(tree)
    assert np.frexp(float(scale))[0] == 0.5
    assert near["h"].dtype == np.float16
    np.testing.assert_array_equal(near["h"].astype(float), tree["h"].astype(float) * float(scale))
    assert 0.5 < float(near["h"][0]) < 2
    assert make({"w": jnp.zeros(3)})[1] == 1
