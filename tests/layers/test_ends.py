"""The ends of the ranges of numbers that may be traced: a rate of 1, an eps of 0, no unit."""

import math
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.layers import (
    BatchNorm,
    MovingMoments,
    activation,
    batch_norm,
    dropout,
    gaussian_noise,
    rescale,
)
from jaxnet.layers.dropout import DropoutForm
from tests.cases import random_like
from tests.comparison import assert_trees_close

forms = pytest.mark.parametrize("form", get_args(DropoutForm))


def _closed(f: Any, rate: jax.Array) -> Any:
    """Call a function with a rate that is known, as one program."""
    return jax.jit(lambda: f(rate))()


HALF_AND_1 = np.array([0.5, 1.0])

ENDS = {
    "an array": lambda f: _closed(f, jnp.asarray(1.0)),
    "an integer": lambda f: _closed(f, jnp.asarray(1)),
    "traced": lambda f: jax.jit(f)(jnp.asarray(1.0)),
    "in a sweep": lambda f: [a[1] for a in map(np.asarray, jax.jit(jax.vmap(f))(HALF_AND_1))],
}
"""Ways to pass the rate 1 that are not a Python number."""


@forms
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("kind", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64])
def test_at_rate_one_all_is_zero_and_so_is_the_gradient(
    form: DropoutForm, end: Any, kind: Any
) -> None:
    with jax.enable_x64(kind == jnp.float64):
        # the hash of unit 15,477 is beyond the largest float32 that is a 32-bit word
        x, key = jnp.asarray(np.full((64, 256), 3.0, kind)), jax.random.key(7)

        def both(rate: jax.Array) -> Any:
            layer = dropout(rate, like=form)
            y, residual, _ = layer.forward((), (), x, key=key, training=True)

            def risk(x: jax.Array, rate: jax.Array) -> jax.Array:
                y, _ = dropout(rate, like=form).apply((), (), x, key=key, training=True)
                return jnp.sum(y)

            dx, drate = jax.grad(risk, argnums=(0, 1))(x, jnp.asarray(rate, float))
            by_hand = layer.backward((), residual, jnp.ones_like(x))[1]
            return jnp.abs(y).max(), jnp.abs(dx).max(), drate, jnp.abs(by_hand).max()

        assert [float(value) for value in end(both)] == [0.0, 0.0, 0.0, 0.0]


def _scaled(negative_slope: jax.Array) -> Any:
    return activation("leaky_relu", negative_slope=negative_slope).apply((), (), jnp.ones((1, 2)))


@pytest.mark.parametrize(
    ("call", "argument", "value"),
    [
        (dropout, "drop_rate", -0.25),
        (dropout, "drop_rate", 1.5),
        (dropout, "drop_rate", math.nan),
        (gaussian_noise, "stddev", -1.0),
        (lambda eps: batch_norm(eps=eps), "eps", -1.0),
        (lambda momentum: batch_norm(momentum=momentum), "momentum", 1.25),
        (rescale, "scale", math.inf),
        (_scaled, "negative_slope", math.nan),
        (lambda rate: jaxnet.mlp((2, 3, 1), drop_rate=rate), "drop_rate", 1.25),
    ],
)
def test_an_array_out_of_range_is_refused_like_a_number(
    call: Any, argument: str, value: float
) -> None:
    for given in (value, jnp.asarray(value)):
        message = rf"expected {argument} finite and in .*, got {value}\."
        with pytest.raises(ValueError, match=message):
            call(given)


def _ones(dtype: Any) -> BatchNorm:
    return BatchNorm(jnp.ones(2, dtype), jnp.zeros(2, dtype))


def _still(dtype: Any) -> MovingMoments:
    return MovingMoments(jnp.zeros(2, dtype), jnp.zeros(2, dtype))


def _normalized(layer: Any, x: jax.Array, dy: jax.Array, training: bool) -> Any:
    """Return outputs and gradients of one pass, by hand and by autodiff."""
    params, statistics = _ones(x.dtype), _still(x.dtype)
    y, residual, _ = layer.forward(params, statistics, x, key=None, training=training)

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return layer.apply(params, statistics, x, training=training)[0]

    return y, layer.backward(params, residual, dy), jax.vjp(apply, params, x)[1](dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("examples", [1, 4])
def test_constant_features_without_eps_give_zero(
    examples: int, training: bool, dtype: np.dtype
) -> None:
    row = [[3.0, -0.1]] if training else [[0.0, 0.0]]
    x = jnp.asarray(np.tile(np.array(row, dtype), (examples, 1)))
    dy = random_like(x)

    @jax.jit
    def both(eps: jax.Array) -> Any:
        return _normalized(batch_norm(eps=eps), x, dy, training)

    zeros = np.zeros_like(x)
    gradient = BatchNorm(jnp.zeros(2, dtype), jnp.asarray(np.asarray(dy).sum(0))), zeros
    assert_trees_close(both(jnp.zeros((), dtype)), (zeros, gradient, gradient))


@pytest.mark.parametrize("training", [True, False])
def test_an_eps_below_the_precision_is_none(training: bool) -> None:
    x = jnp.zeros((4, 2), jnp.float32)
    layer = batch_norm(eps=1e-60)
    found = jax.jit(lambda x: _normalized(layer, x, x + 1, training))(x)
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize(
    ("count", "message"),
    [(0, r"got 0\."), (-1, r"got -1\."), (5, r"at most the width 4, got 5\.")],
)
def test_a_number_of_units_out_of_range_is_refused_in_an_array(count: int, message: str) -> None:
    for given in (count, jnp.asarray(count)):
        with pytest.raises(ValueError, match=f"expected (count|active_units) .*{message}"):
            jaxnet.layers.active_units(given).init(jax.random.key(0), (4,))
        with pytest.raises(ValueError, match=f"expected active_units .*{message}"):
            jaxnet.mlp((3, 4, 2), active_units=given)


def test_a_network_without_active_units_is_finite() -> None:
    @jax.jit
    def gradient(count: jax.Array) -> Any:
        network = jaxnet.mlp((3, 4, 4, 2), active_units=count, batch_norm="before")
        params, statistics = network.init(jax.random.key(0), (3,))
        x = jnp.arange(15.0).reshape(5, 3)
        return jax.grad(lambda p: network.apply(p, statistics, x, training=True)[0].sum())(params)

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient(jnp.int32(0))))
