"""Variance of momentum's moving average: of independent numbers, and of mini-batch gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Key
from jaxnet.optim import momentum

FACTORS = (0.0, 0.5, 0.9)
"""Of the moving average; 0 is the gradient itself."""
STEPS = 60
"""After which ``b^(2 t)`` is below 1e-5."""
NETWORK = jaxnet.mlp((64, 20, 10), input_scale=1 / 16)
BATCH = 50


def predicted() -> np.ndarray:
    """Return the variance of the average over that of a gradient, ``(1 - b) / (1 + b)``."""
    b = np.array(FACTORS)
    return (1 - b) / (1 + b)


def averaged(draw: Any, params: Any, key: Key, like: Any = "lecture") -> Any:
    """Return, by factor, momentum's step at rate 1 after 60 gradients at fixed weights.

    Args:
        draw: ``key -> gradient``.
        params: the weights.
        key: key of the gradients.
        like: convention of momentum; the lecture's is the moving average.
    """

    def chain(factor: Array) -> Any:
        optimizer = momentum(1.0, momentum=factor, like=like)

        def step(carry: Any, t: Array) -> tuple[Any, None]:
            change, state = optimizer.update(draw(jax.random.fold_in(key, t)), carry[1], params)
            return (change, state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), jnp.arange(STEPS))[0][0]

    return jax.vmap(chain)(jnp.array(FACTORS))


def of_numbers(key: Key, chains: int, like: Any = "lecture") -> np.ndarray:
    """Return squared averages of standard normal numbers, shape (chains, factors)."""

    def chain(key: Key) -> Array:
        return averaged(lambda each: jax.random.normal(each, ()), jnp.zeros(()), key, like)

    steps = jax.jit(jax.vmap(chain))(jax.random.split(key, chains))
    return np.asarray(steps, float) ** 2


def of_gradients(key: Key, chains: int) -> np.ndarray:
    """Return squared errors of averaged mini-batch gradients over the variance of one of them.

    Of a network on digits at its first weights, over all of them; each mini-batch is drawn with
    replacement, so that its variance is that of an example over its size. Shape (chains, factors).
    """
    start, draws = jax.random.split(key)
    weights, statistics = NETWORK.init(start, (64,))
    inputs, labels = (jnp.asarray(field) for field in jaxnet.data.load_dataset("digits").train)

    def gradient(rows: Array) -> Any:
        def risk(params: Any) -> Array:
            outputs, _ = NETWORK.apply(params, statistics, inputs[rows])
            return jnp.mean(jaxnet.losses.softmax_cross_entropy(outputs, labels[rows]))

        return jax.grad(risk)(weights)

    def square(tree: Any) -> Array:
        return sum((jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)), jnp.zeros(()))

    def off(step: Any) -> Array:
        return square(jax.tree.map(jnp.add, step, whole))  # a step is minus an average

    def chain(key: Key) -> Array:
        def batch(key: Key) -> Any:
            return gradient(jax.random.randint(key, (BATCH,), 0, len(inputs)))

        return jax.vmap(off)(averaged(batch, weights, key))

    rows = jnp.arange(len(inputs))
    whole = jax.jit(gradient)(rows)
    mean = jnp.mean(jax.jit(jax.vmap(lambda row: square(gradient(row[None]))))(rows))
    errors = jax.jit(lambda keys: jax.lax.map(chain, keys))(jax.random.split(draws, chains))
    return np.asarray(errors / ((mean - square(whole)) / BATCH), float)
