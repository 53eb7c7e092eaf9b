"""Equinox: a Python loop over jitted training steps, as its documentation shows."""

# pyright: reportMissingImports=false
# peers are optional

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.contenders.workload import Workload


def loop(workload: Workload) -> Callable[[], float]:
    """Train by ``eqx.filter_jit`` steps on batches taken from arrays on the device."""
    network = _network(workload.widths, workload.drop_rate)
    optimizer = getattr(optax, workload.optimizer)(workload.learning_rate)
    opt_state = optimizer.init(eqx.filter(network, eqx.is_array))
    train, test = jax.tree.map(jnp.asarray, workload.in_memory())
    generator, numbers = np.random.default_rng(0), itertools.count()

    @eqx.filter_value_and_grad
    def risk(network: Any, inputs: jax.Array, labels: jax.Array, step: Any) -> jax.Array:
        keys = jax.random.split(jax.random.fold_in(jax.random.key(0), step), len(labels))
        logits = jax.vmap(lambda x, key: network(x, key=key))(workload.scaled(inputs), keys)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @eqx.filter_jit(donate="all-except-first")
    def step(batch: tuple[Any, ...], network: Any, opt_state: optax.OptState):
        _, gradient = risk(network, *batch)
        updates, opt_state = optimizer.update(gradient, opt_state)
        return eqx.apply_updates(network, updates), opt_state

    @eqx.filter_jit
    def accuracy(network: Any, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        logits = jax.vmap(eqx.nn.inference_mode(network))(workload.scaled(inputs))
        return (logits.argmax(-1) == labels).mean()

    def epoch() -> float:
        nonlocal network, opt_state
        for indices in workload.shuffled(generator):
            batch = (train.inputs[indices], train.targets[indices], np.uint32(next(numbers)))
            network, opt_state = step(batch, network, opt_state)
        return float(accuracy(network, test.inputs, test.targets))

    return epoch


def _network(widths: tuple[int, ...], drop_rate: float) -> Any:
    *keys, last = jax.random.split(jax.random.key(0), len(widths) - 1)
    layers: list[Any] = []
    for pair, key in zip(itertools.pairwise(widths[:-1]), keys, strict=True):
        layers += [eqx.nn.Linear(*pair, key=key), eqx.nn.Lambda(jax.nn.relu)]
        layers += [eqx.nn.Dropout(drop_rate)] if drop_rate else []
    return eqx.nn.Sequential([*layers, eqx.nn.Linear(*widths[-2:], key=last)])
