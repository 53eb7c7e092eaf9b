"""flax linen: a Python loop over jitted steps of a ``TrainState``, as its guide shows."""

# pyright: reportMissingImports=false
# peers are optional

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from flax.training.train_state import TrainState

from experiments.contenders.workload import Workload


class Network(linen.Module):
    """A multilayer perceptron with ReLU and dropout."""

    widths: tuple[int, ...]
    drop_rate: float

    @linen.compact
    def __call__(self, x: jax.Array, *, training: bool) -> jax.Array:
        """Return the logits."""
        for width in self.widths[1:-1]:
            x = linen.relu(linen.Dense(width)(x))
            x = linen.Dropout(self.drop_rate, deterministic=not training)(x)
        return linen.Dense(self.widths[-1])(x)


def loop(workload: Workload) -> Callable[[], float]:
    """Train by jitted steps on batches taken from arrays on the device."""
    network = Network(workload.widths, workload.drop_rate)
    train, test = jax.tree.map(jnp.asarray, workload.in_memory())
    params = network.init(jax.random.key(0), workload.scaled(test.inputs[:1]), training=False)
    optimizer = getattr(optax, workload.optimizer)(workload.learning_rate)
    state = TrainState.create(apply_fn=network.apply, params=params, tx=optimizer)
    generator = np.random.default_rng(0)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: TrainState, inputs: jax.Array, labels: jax.Array) -> TrainState:
        def risk(params: dict) -> jax.Array:
            rngs = {"dropout": jax.random.fold_in(jax.random.key(0), state.step)}
            logits = state.apply_fn(params, workload.scaled(inputs), training=True, rngs=rngs)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        return state.apply_gradients(grads=jax.grad(risk)(state.params))

    @jax.jit
    def accuracy(params: dict, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        logits = network.apply(params, workload.scaled(inputs), training=False)
        return (jnp.asarray(logits).argmax(-1) == labels).mean()

    def epoch() -> float:
        nonlocal state
        for batch in workload.shuffled(generator):
            state = step(state, train.inputs[batch], train.targets[batch])
        return float(accuracy(state.params, test.inputs, test.targets))

    return epoch
