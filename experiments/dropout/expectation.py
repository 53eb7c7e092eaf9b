"""Dropout in expectation: over masks, and over all thinned networks of one layer."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Key


def expectation_error(trained: Any, evaluated: Any, key: Key, masks: int = 4000) -> float:
    """Return how far the mean output over masks is from that without any, in standard errors.

    Of dropout in the form ``trained`` while training and ``evaluated`` otherwise, and a linear
    layer of 30 inputs; the largest of 20 outputs.
    """
    masked, network = (
        jaxnet.layers.serial(jaxnet.layers.dropout(0.5, like=like), jaxnet.layers.dense(20))
        for like in (trained, evaluated)
    )
    draw, drop = jax.random.split(key)
    params, statistics = network.init(draw, (30,))
    x = jnp.abs(jax.random.normal(draw, (1, 30)))

    def output(key: Key) -> Array:
        return masked.apply(params, statistics, x, key=key, training=True)[0][0]

    each = np.asarray(jax.jit(jax.vmap(output))(jax.random.split(drop, masks)), float)
    whole = np.asarray(network.apply(params, statistics, x)[0][0], float)
    return float(np.max(np.abs(each.mean(axis=0) - whole) / (each.std(axis=0) / masks**0.5)))


def geometric_error(key: Key, inputs: int = 8) -> float:
    """Return how far the normalized geometric mean of 2^8 thinned networks is from the scaled one.

    Of softmax over a linear layer, whose inputs are dropped with probability 1/2.
    """
    draw = jax.random.split(key)
    w, x = jax.random.normal(draw[0], (5, inputs)), jax.random.normal(draw[1], (inputs,))
    masks = jnp.array(list(itertools.product([0.0, 1.0], repeat=inputs)))
    logs = jax.nn.log_softmax((masks * x[None]) @ w.T)
    mean = jax.nn.softmax(logs.mean(axis=0))
    return float(jnp.max(jnp.abs(mean - jax.nn.softmax(w @ (0.5 * x)))))
