"""The headline run many times: one after the other by `fit`, or all in one sweep."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.contenders.workload import Workload
from jaxnet.training import Recipe

RUNS = 32
"""Number of networks."""

EPOCHS = 2
"""Epochs per network."""


def one_after_another(workload: Workload) -> Callable[[], float]:
    """Train by `jaxnet.training.fit`, compiled once for all runs."""
    network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max)
    optimizer = jaxnet.optim.adam(workload.learning_rate)
    train, test = jax.tree.map(jnp.asarray, workload[:2])

    def all_runs() -> float:
        accuracies = []
        for run in range(RUNS):
            result = jaxnet.training.fit(
                network,
                train,
                key=jax.random.key(run),
                optimizer=optimizer,
                epochs=EPOCHS,
                report_every=EPOCHS,
                batch_size=workload.batch_size,
                validation=test,
                progress=False,
            )
            accuracies.append(result.history.validation["accuracy"][-1])
        return float(np.mean(accuracies))

    return all_runs


def sweep(workload: Workload) -> Callable[[], tuple[float, float]]:
    """Train by `jaxnet.training.sweep`, one run per core at a time; count no compilation."""
    jaxnet.training.use_cores_as_devices()

    def build(learning_rate: Any) -> Recipe:
        network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max)
        return Recipe(network, jaxnet.optim.adam(learning_rate))

    train, test = jax.tree.map(jnp.asarray, workload[:2])

    def all_runs() -> tuple[float, float]:
        result = jaxnet.training.sweep(
            build,
            train,
            key=jax.random.key(0),
            settings={"learning_rate": workload.learning_rate},
            seeds=RUNS,
            epochs=EPOCHS,
            batch_size=workload.batch_size,
            validation=test,
            width=1,
            progress=False,
        )
        return float(result.mean("validation_accuracy")[0]), result.run_seconds

    return all_runs
