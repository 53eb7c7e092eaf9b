"""Equinox: a Python loop over jitted training steps, as its documentation shows."""

# pyright: reportMissingImports=false
# peers are optional

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.contenders.workload import Workload


def loop(workload: Workload) -> Callable[[], float]:
    """Train by ``eqx.filter_jit`` steps on batches taken from arrays on the device."""
    inputs, *hidden, classes = workload.widths
    network = eqx.nn.MLP(inputs, classes, hidden[0], len(hidden), key=jax.random.key(0))
    optimizer = optax.adam(workload.learning_rate)
    opt_state = optimizer.init(eqx.filter(network, eqx.is_array))
    train, test = jax.tree.map(jnp.asarray, workload.scaled())
    generator = np.random.default_rng(0)

    @eqx.filter_value_and_grad
    def risk(network: eqx.nn.MLP, images: jax.Array, labels: jax.Array) -> jax.Array:
        logits = jax.vmap(network)(images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @eqx.filter_jit(donate="all-except-first")
    def step(batch: tuple[jax.Array, jax.Array], network: eqx.nn.MLP, opt_state: optax.OptState):
        _, gradient = risk(network, *batch)
        updates, opt_state = optimizer.update(gradient, opt_state)
        return eqx.apply_updates(network, updates), opt_state

    @eqx.filter_jit
    def accuracy(network: eqx.nn.MLP, images: jax.Array, labels: jax.Array) -> jax.Array:
        return (jax.vmap(network)(images).argmax(-1) == labels).mean()

    def epoch() -> float:
        nonlocal network, opt_state
        for indices in workload.shuffled(generator):
            batch = (train.inputs[indices], train.targets[indices])
            network, opt_state = step(batch, network, opt_state)
        return float(accuracy(network, test.inputs, test.targets))

    return epoch
