"""jaxnet as a user calls it: `jaxnet.training.fit`, one epoch a call, going on from its state."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

import jaxnet
from experiments._contenders.workload import Workload


def fit(workload: Workload) -> Callable[[], float]:
    """Train by `jaxnet.training.fit`, checks included."""
    network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max)
    optimizer = jaxnet.optim.adam(workload.learning_rate)
    train, test = jax.tree.map(jnp.asarray, workload[:2])
    state = None

    def epoch() -> float:
        nonlocal state
        result = jaxnet.training.fit(
            network,
            train,
            key=jax.random.key(0),
            optimizer=optimizer,
            epochs=1,
            batch_size=workload.batch_size,
            validation=test,
            state=state,
        )
        state = result.state
        return float(result.history.validation["accuracy"][-1])

    return epoch
