"""The chain of lecture 003: its gradient link by link, as layers, by autodiff, by hand."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import Dense
from jaxnet.networks import Chain, chain, chain_backward
from tests.cases import random_like
from tests.comparison import assert_trees_close


def _layers(params: Chain) -> Any:
    """Return the parameters of the chain as those of its layers."""
    w1, b1, w2, w3 = (jnp.reshape(value, (1, 1)) for value in params)
    return Dense(w1, b1[0]), (), Dense(w2, None), (), Dense(w3, None), ()


ACTIVATIONS = [
    ("sigmoid", "sigmoid", "sigmoid"),
    ("tanh", "relu", "linear"),
    ("linear", "linear", "sigmoid"),
]


@pytest.mark.parametrize("activations", ACTIVATIONS, ids="-".join)
def test_chain_rule_by_hand_equals_layers_and_autodiff(
    activations: tuple[str, ...], dtype: np.dtype
) -> None:
    scalar = jnp.zeros((), dtype)
    # positive, so that no ReLU is dead
    params, x, v = jax.tree.map(jnp.abs, random_like((Chain(*[scalar] * 4), scalar, scalar)))
    network = chain(activations=activations)
    by_hand = chain_backward(params, x, v, activations=activations)

    def output(params: Chain) -> Any:
        inputs = x[None, None]
        return network.forward(_layers(params), ((),) * 6, inputs, key=None, training=True)

    @jax.jit
    def otherwise(params: Chain) -> Any:
        """Return the gradient of the layers, and that by autodiff."""
        y, kept, _ = output(params)
        by_layers, _ = network.backward(_layers(params), kept, -(v - y))
        return by_layers, jax.grad(lambda p: (v - output(p)[0][0, 0]) ** 2 / 2)(params)

    by_layers, by_autodiff = otherwise(params)
    assert_trees_close(_layers(by_hand), by_layers)
    assert_trees_close(by_hand, by_autodiff)
    assert all(float(entry) != 0 for entry in by_hand)  # no unit is dead


def test_chain_rule_worked_by_hand(dtype: np.dtype) -> None:
    # w1 = log 3, b1 = 0, x = 1: a1 = log 3, f1 = 3/4, f1' = 3/16
    # w2 = -4/3 log 3: a2 = -log 3, f2 = 1/4, f2' = 3/16; w3 = 0: a3 = 0, f3 = 1/2, f3' = 1/4
    # v = 1: dL/df3 = -1/2, dL/da3 = -1/8, dL/dw3 = -1/32; w3 = 0 stops the rest
    log3 = np.log(3)
    one = jnp.ones((), dtype)
    params = Chain(*(jnp.array(value, dtype) for value in (log3, 0, -4 / 3 * log3, 0)))
    expected = Chain(*(jnp.array(value, dtype) for value in (0, 0, 0, -1 / 32)))
    assert_trees_close(chain_backward(params, one, one), expected)
    # w3 = 4 log 3 instead: a3 = log 3, f3 = 3/4, f3' = 3/16: dL/da3 = -1/4 * 3/16 = -3/64,
    # dL/dw3 = -3/256; dL/da2 = -3/64 * 4 log 3 * 3/16 = -9/256 log 3, dL/dw2 = -27/1024 log 3;
    # dL/da1 = -9/256 log 3 * -4/3 log 3 * 3/16 = 9/1024 (log 3)^2 = dL/dw1 = dL/db1
    params = params._replace(w3=jnp.array(4 * log3, dtype))
    first = 9 / 1024 * log3**2
    values = first, first, -27 / 1024 * log3, -3 / 256
    expected = Chain(*(jnp.array(value, dtype) for value in values))
    assert_trees_close(chain_backward(params, one, one), expected)


def test_chain_backward_takes_several_samples_by_vmap(dtype: np.dtype) -> None:
    params = random_like(Chain(*[jnp.zeros((), dtype)] * 4))
    x, v = random_like((jnp.zeros(3, dtype), jnp.zeros(3, dtype)))
    each = jax.jit(jax.vmap(chain_backward, in_axes=(None, 0, 0)))(params, x, v)
    assert_trees_close(jax.tree.map(lambda d: d[1], each), chain_backward(params, x[1], v[1]))


@pytest.mark.parametrize("function", [chain, chain_backward])
def test_activations_for_other_than_three_layers(function: Any) -> None:
    message = "expected activations to be three, got ('tanh',)."
    one = jnp.ones(())
    arguments = () if function is chain else (Chain(one, one, one, one), one, one)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(*arguments, activations=("tanh",))
