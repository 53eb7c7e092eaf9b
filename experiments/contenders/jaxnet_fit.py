"""jaxnet as a user calls it: `jaxnet.training.fit`, one epoch per call, resumed from its state."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jaxnet
from experiments.contenders.workload import Workload


def fit(workload: Workload) -> Callable[[], float]:
    """Train by `jaxnet.training.fit`, checks included."""
    return _epochs(workload, drop_rate=workload.drop_rate)


def by_hand(workload: Workload) -> Callable[[], float]:
    """Train by hand-derived backward passes instead of `jax.grad`."""
    return _epochs(workload, gradient="by_hand")


def dropout(workload: Workload) -> Callable[[], float]:
    """Train with the dropout of lecture 004: 0.2 of the inputs, 0.5 of the hidden units."""
    return _epochs(workload, input_drop_rate=0.2, drop_rate=0.5)


def _epochs(workload: Workload, *, gradient: str = "autodiff", **rates: Any) -> Callable[[], float]:
    network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max, **rates)
    optimizer = getattr(jaxnet.optim, workload.optimizer)(workload.learning_rate)
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
            gradient=gradient,
            validation=test,
            state=state,
            progress=False,
        )
        state = result.state
        return float(result.history.validation["accuracy"][-1])

    return epoch
