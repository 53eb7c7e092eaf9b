"""Starts a sweep again and again, each time in a process that may be killed.

``python -m tests.training.sweeps.starts FOLDER`` reads lines from standard input, as
`tests.training.checkpoints.starts` does: 1 for a sweep with FOLDER as its checkpoint, 0 for one
without.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors.numpy  # noqa: F401  imported before the fork

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples
from jaxnet.training import Recipe, SweepProgress, grid, sweep
from jaxnet.training.checkpoints import save_interval
from tests.training.checkpoints.starts import say, serve


def train(folder: Path | None) -> str:
    """Train networks that are soon compiled, three at a time, and write every three at once."""
    save_interval.COST = float("inf")
    inputs = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
    result = sweep(
        build,
        Examples(inputs, np.arange(6, dtype=np.int32) % 2),
        key=jax.random.key(0),
        settings=grid(learning_rate=np.geomspace(1e-3, 1.0, 200)),
        epochs=3,
        batch_size=3,
        width=3,
        keep="state",
        checkpoint=folder,
        on_progress=show,
    )
    return digest((result.params, result.statistics, result.state, result.history, result.metrics))


def build(learning_rate: Any) -> Recipe:
    """Return the recipe."""
    return Recipe(jaxnet.mlp((2, 2)), jaxnet.optim.sgd(learning_rate), metrics=())


def show(progress: SweepProgress) -> None:
    """Print how far it is."""
    say(progress.done)


if __name__ == "__main__":
    jax.config.update("jax_disable_most_optimizations", True)
    serve(lambda written: train(Path(sys.argv[1]) if written else None))
