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
    """A multilayer perceptron with ReLU."""

    def __init__(self, widths: tuple[int, ...], *, rngs: nnx.Rngs):
        pairs = itertools.pairwise(widths)
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairs])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the logits."""
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


def loop(workload: Workload) -> Callable[[], float]:
    """Train by ``nnx.jit`` steps on batches taken from arrays on the device."""
    network = Network(workload.widths, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(network, optax.adam(workload.learning_rate), wrt=nnx.Param)
    train, test = jax.tree.map(jnp.asarray, workload.scaled())
    generator = np.random.default_rng(0)

    @nnx.jit
    def step(network: Network, optimizer: nnx.Optimizer, images: jax.Array, labels: jax.Array):
        def risk(network: Network) -> jax.Array:
            losses = optax.softmax_cross_entropy_with_integer_labels(network(images), labels)
            return losses.mean()

        loss, gradient = nnx.value_and_grad(risk)(network)
        optimizer.update(network, gradient)
        return loss

    @nnx.jit
    def accuracy(network: Network, images: jax.Array, labels: jax.Array) -> jax.Array:
        return (network(images).argmax(-1) == labels).mean()

    def epoch() -> float:
        for batch in workload.shuffled(generator):
            step(network, optimizer, train.inputs[batch], train.targets[batch])
        return float(accuracy(network, test.inputs, test.targets))

    return epoch
