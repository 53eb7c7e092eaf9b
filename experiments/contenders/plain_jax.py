"""Plain JAX and optax: an epoch as one compiled scan, as an expert writes it by hand."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.contenders.workload import Workload


def scan(workload: Workload) -> Callable[[], float]:
    """Train by one program an epoch, its state donated.

    Weights are (in, out). NumPy draws the order, faster than a sort by XLA; dropout takes a random
    byte a unit, faster than a random word.
    """
    optimizer = getattr(optax, workload.optimizer)(workload.learning_rate)
    size, threshold = workload.batch_size, round(256 * workload.drop_rate)
    train, test = jax.tree.map(jnp.asarray, workload.in_memory())
    generator = np.random.default_rng(0)

    def layer(a: int, b: int) -> tuple[jax.Array, jax.Array]:
        deviation = np.float32((2 / a) ** 0.5)
        return jnp.asarray(generator.standard_normal((a, b), np.float32) * deviation), jnp.zeros(b)

    params = [layer(*pair) for pair in itertools.pairwise(workload.widths)]
    state, key = (params, optimizer.init(params)), jax.random.key(0)

    def logits(params: Any, x: jax.Array, key: Any = None) -> jax.Array:
        x = workload.scaled(x)
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
            if key is not None:
                key, own = jax.random.split(key)
                kept = jax.random.bits(own, x.shape, jnp.uint8) >= threshold
                x = jnp.where(kept, x / (1 - workload.drop_rate), 0)
        w, b = params[-1]
        return x @ w + b

    def risk(params: Any, inputs: jax.Array, labels: jax.Array, key: Any) -> jax.Array:
        scores = logits(params, inputs, key)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    @functools.partial(jax.jit, donate_argnums=0)
    def train_epoch(state: Any, train: Any, order: jax.Array, key: Any) -> Any:
        def step(state: Any, drawn: Any) -> tuple[Any, None]:
            number, indices = drawn
            own = jax.random.fold_in(key, number) if workload.drop_rate else None
            params, opt_state = state
            batch = train.inputs[indices], train.targets[indices]
            gradient = jax.grad(risk)(params, *batch, own)
            updates, opt_state = optimizer.update(gradient, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), None

        full, rest = divmod(len(order), size)
        batches = order[: full * size].reshape(full, size)
        state, _ = jax.lax.scan(step, state, (jnp.arange(full), batches))
        return step(state, (full, order[full * size :]))[0] if rest else state

    @jax.jit
    def accuracy(params: Any, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        return (logits(params, inputs).argmax(-1) == labels).mean()

    def epoch() -> float:
        nonlocal state, key
        key, own = jax.random.split(key)
        order = generator.permutation(len(train.targets)).astype(np.int32)
        state = train_epoch(state, train, order, own)
        return float(accuracy(state[0], test.inputs, test.targets))

    return epoch
