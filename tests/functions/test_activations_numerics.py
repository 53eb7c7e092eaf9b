"""Activations at the ends of the number range, in float32, float64 and bfloat16."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.functions.activations import ACTIVATIONS, get_activation
from tests.comparison import assert_trees_close

DTYPES = ["float32", "float64", "bfloat16"]
PARTS = ["y", "dz by hand", "dz by autodiff"]


@functools.cache
def _inputs(dtype: str) -> np.ndarray:
    """Return pairs: all of the extremes of a dtype, and ordinary ones from about -12 to 12."""
    limits = jnp.finfo(dtype)
    big, tiny = float(limits.max) / 4, float(limits.tiny)
    extremes = np.array([1e4, -1e4, big, -big, tiny, -tiny, 0.0])
    pairs = np.stack(np.meshgrid(extremes, extremes), axis=-1).reshape(-1, 2)
    ordinary = 4 * np.random.default_rng(0).normal(size=(200, 2))
    return np.concatenate([pairs, ordinary]).astype(jnp.dtype(dtype))


@jax.jit
def _run(z: jax.Array) -> Any:
    """Return what `PARTS` names, for every activation in one program."""

    def parts(name: str) -> Any:
        pair = get_activation(name)
        y, pullback = jax.vjp(pair.function, z)
        dy = jnp.ones_like(z).at[:, 1].set(2)
        return y, pair.backward(z, y, dy), pullback(dy)[0]

    return {name: parts(name) for name in ACTIVATIONS}


@functools.cache
def _results(dtype: str, computed_in: str) -> Any:
    with jax.enable_x64(True):
        results = _run(jnp.asarray(_inputs(dtype)).astype(computed_in))
        return jax.tree.map(np.asarray, results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_extremes_are_finite(name: str, dtype: str) -> None:
    assert np.isfinite(_inputs(dtype).astype(np.float64)).all()
    for part, values in zip(PARTS, _results(dtype, dtype)[name], strict=True):
        assert values.dtype == jnp.dtype(dtype), part
        assert np.isfinite(values.astype(np.float64)).all(), part


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_hand_rule_equals_autodiff(name: str, dtype: np.dtype) -> None:
    _, by_hand, by_autodiff = _results(dtype.name, dtype.name)[name]
    # without the pairs that hold 1e4 or more, which would fill the norm; zeros stay
    rows = np.abs(_inputs(dtype.name)).max(axis=1) < 100
    assert (_inputs(dtype.name)[rows] == 0).any()
    assert_trees_close(by_hand[rows], by_autodiff[rows])


# Worst measured, in units of eps: 2.
UNITS = 4.0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_results_are_those_of_float64_but_for_rounding(name: str, dtype: str) -> None:
    eps = float(jnp.finfo(dtype).eps)
    for part, values, exact in zip(
        PARTS, _results(dtype, dtype)[name], _results(dtype, "float64")[name], strict=True
    ):
        errors = np.abs(values.astype(np.float64) - exact) / np.maximum(1, np.abs(exact))
        assert errors.max() <= UNITS * eps, part


# the limits at -1e4, 0, 1e4
LIMITS = {
    "linear": [-1e4, 0, 1e4],
    "step": [0, 1, 1],
    "sign": [-1, 0, 1],
    "sigmoid": [0, 0.5, 1],
    "tanh": [-1, 0, 1],
    "relu": [0, 0, 1e4],
    "leaky_relu": [-100, 0, 1e4],
    "elu": [-1, 0, 1e4],
    "selu": [-1.7580993408473766, 0, 1.0507009873554805e4],
    "softplus": [0, np.log(2), 1e4],
    "silu": [0, 0, 1e4],
    "gelu": [0, 0, 1e4],
    "gelu_tanh": [0, 0, 1e4],
    "softmax": [0, 0, 1],
    "log_softmax": [-2e4, -1e4, 0],
}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_limits(name: str, dtype: np.dtype) -> None:
    y = np.asarray(ACTIVATIONS[name](jnp.array([-1e4, 0.0, 1e4], dtype)))
    np.testing.assert_allclose(y, LIMITS[name], rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax", "log_softmax"}))
def test_second_derivatives_are_finite(name: str, dtype: np.dtype) -> None:
    z = jnp.asarray([*_inputs(dtype.name)[:, 0], 0.0], dtype)
    second = jax.jit(jax.vmap(jax.grad(jax.grad(ACTIVATIONS[name]))))(z)
    assert np.isfinite(second).all()


# by hand at 0: s' = 1/4; 2 s' = 1/2; 2 phi(0) = sqrt(2 / pi) for both
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("softplus", 0.25),
        ("silu", 0.5),
        ("gelu", np.sqrt(2 / np.pi)),
        ("gelu_tanh", np.sqrt(2 / np.pi)),
    ],
)
def test_smooth_ones_are_smooth_at_zero(name: str, value: float, dtype: np.dtype) -> None:
    second = jax.jit(jax.grad(jax.grad(ACTIVATIONS[name])))(jnp.zeros((), dtype))
    assert float(second) == pytest.approx(value, rel=4 * float(np.finfo(dtype).eps))
