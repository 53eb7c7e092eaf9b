"""What does a training loop look like, step by step, and as one program?

A Python loop over a jitted step, as in the lecture's listing, trains digits and reports every few
mini-batches. `jaxnet.training.fit` trains the same parameters as one compiled program.
"""

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.options import Count, Seed
from experiments.harness.record import Claim, at_most, conclude, prepare_folder
from jaxnet.training import StepState, autodiff, fit, init_state, make_objective, make_step


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    epochs: Count = 20
    """Number of epochs, each of 14 mini-batches of 100."""
    report_every: Count = 50
    """Mini-batches between two reports of the loop."""
    seed: Seed = 0
    """Seed of the initial parameters and the orders."""
    out: Path = Path("out/minimal")
    """Folder for result.json."""


SMOKE = Config(epochs=2, report_every=10)


def main(config: Config) -> list[Claim]:
    """Train in both ways and compare."""
    prepare_folder(config.out)
    train = jax.tree.map(jnp.asarray, jaxnet.data.load_dataset("digits").train)
    network, optimizer = jaxnet.mlp((64, 100, 100, 10), input_scale=1 / 16), jaxnet.optim.adam(1e-3)
    key, steps = jax.random.key(config.seed), len(train.targets) // 100

    start = init_state(network, optimizer, (64,), key=key)
    state = StepState(start.params, start.statistics, start.opt_state)
    step = jax.jit(make_step(make_objective(network), autodiff, optimizer))
    for epoch in range(config.epochs):
        order_key, step_key = jax.random.split(jax.random.fold_in(start.key, epoch))
        order = {"key": order_key, "batch_size": 100, "keep_last": False}
        for i, batch in enumerate(jaxnet.data.mini_batches(train, **order)):
            state, sums = step(state, batch, jax.random.fold_in(step_key, i), 100)
            if (done := epoch * steps + i + 1) % config.report_every == 0:
                print(f"{done:5} mini-batches: loss {sums['loss'] / 100:.4f}")

    run = {"key": key, "optimizer": optimizer, "epochs": config.epochs, "batch_size": 100}
    result = fit(network, train, short_batch="drop", **run)
    pairs = zip(jax.tree.leaves(state.params), jax.tree.leaves(result.params), strict=True)
    farthest = max(float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b)) for a, b in pairs)
    claim = at_most("largest relative distance of a leaf", "jaxnet's own bar", farthest, 1e-3)
    results = {"farthest_leaf": farthest}
    return conclude(config, seeds=[config.seed], results=results, claims=[claim])


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
