"""The headline run many times: one after the other by `fit`, or all in one sweep."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.contenders.workload import Workload
from jaxnet.training import Recipe, grid
from jaxnet.training.program import LoopConfig
from jaxnet.training.sweeps.batches import compile_workers, run_waves
from jaxnet.training.sweeps.sweep import make_members
from jaxnet.training.train import RunProgram

RUNS = 32
"""Networks."""

EPOCHS = 2
"""Epochs of each."""


def one_after_another(workload: Workload) -> Callable[[], float]:
    """Train by `jaxnet.training.fit`, which is compiled once for all of them."""
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
            )
            accuracies.append(result.history.validation["accuracy"][-1])
        return float(np.mean(accuracies))

    return all_runs


def sweep(workload: Workload) -> Callable[[], float]:
    """Train them as `jaxnet.training.sweep` does, one on each core at a time, compiled once."""
    jaxnet.training.use_cores_as_devices()

    def build(learning_rate: Any) -> Recipe:
        network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max)
        return Recipe(network, jaxnet.optim.adam(learning_rate))

    train, test = jax.tree.map(jnp.asarray, workload[:2])
    settings = grid(learning_rate=[workload.learning_rate])
    keys = jnp.stack([jax.random.key(run) for run in range(RUNS)])
    members = make_members(settings, keys, EPOCHS)
    member = RunProgram(build, LoopConfig(EPOCHS, workload.batch_size))
    workers = compile_workers(
        member,
        train,
        test,
        members,
        width=1,
        devices=jax.local_devices(),
        keep=lambda trained: (trained.params, trained.history),
    )

    def all_runs() -> float:
        waves = [trained for _, trained in run_waves(workers, members)]
        return float(np.mean([history.validation["accuracy"][:, -1] for _, history in waves]))

    return all_runs
