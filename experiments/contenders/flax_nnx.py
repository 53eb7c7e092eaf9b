"""flax nnx: a Python loop over jitted training steps, as its guide shows."""

# pyright: reportMissingImports=false
# peers are optional

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.contenders.workload import Workload


class Network(nnx.Module):
    """A multilayer perceptron with ReLU and dropout."""

    def __init__(self, widths: tuple[int, ...], drop_rate: float, *, rngs: nnx.Rngs):
        pairs = itertools.pairwise(widths)
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairs])
        self.dropout = nnx.Dropout(drop_rate, rngs=rngs) if drop_rate else None

    def __call__(self, x: jax.Array, *, training: bool) -> jax.Array:
        """Return the logits."""
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
            x = self.dropout(x, deterministic=not training) if self.dropout else x
        return self.layers[-1](x)


def loop(workload: Workload) -> Callable[[], float]:
    """Train by ``nnx.jit`` steps on batches taken from arrays on the device."""
    network = Network(workload.widths, workload.drop_rate, rngs=nnx.Rngs(0))
    rule = getattr(optax, workload.optimizer)(workload.learning_rate)
    optimizer = nnx.Optimizer(network, rule, wrt=nnx.Param)
    train, test = jax.tree.map(jnp.asarray, workload.in_memory())
    generator = np.random.default_rng(0)

    @nnx.jit
    def step(network: Network, optimizer: nnx.Optimizer, inputs: jax.Array, labels: jax.Array):
        def risk(network: Network) -> jax.Array:
            logits = network(workload.scaled(inputs), training=True)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        loss, gradient = nnx.value_and_grad(risk)(network)
        optimizer.update(network, gradient)
        return loss

    @nnx.jit
    def accuracy(network: Network, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        logits = network(workload.scaled(inputs), training=False)
        return (logits.argmax(-1) == labels).mean()

    def epoch() -> float:
        for batch in workload.shuffled(generator):
            step(network, optimizer, train.inputs[batch], train.targets[batch])
        return float(accuracy(network, test.inputs, test.targets))

    return epoch
