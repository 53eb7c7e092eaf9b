"""What does a training loop look like, step by step, and as one program?

A Python loop over a jitted step, as the lecture's listing has it, trains digits and reports every
few mini-batches. The same run is then compiled as one program, and both end with the same numbers.
"""

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.options import Count, Seed
from experiments.harness.record import Claim, at_most, prepare_folder, write_record
from jaxnet.training import StepState, autodiff, make_epoch, make_objective, make_run, make_step


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    epochs: Count = 20
    """How often to go through the examples."""
    batch_size: Count = 100
    """Examples per step; a last mini-batch that is not full is left out."""
    report_every: Count = 50
    """Mini-batches between two reports of the loop."""
    seed: Seed = 0
    """Seed of the initial parameters and the orders."""
    out: Path = Path("out/minimal")
    """Folder for result.json."""


SMOKE = Config(epochs=2)


def main(config: Config) -> list[Claim]:
    """Train twice and compare."""
    out, digits = prepare_folder(config.out), jaxnet.data.load_dataset("digits")
    network = jaxnet.mlp((64, 100, 100, 10), input_scale=1 / 16)
    optimizer, objective = jaxnet.optim.adam(1e-3), make_objective(network)
    start = jaxnet.training.init_state(network, optimizer, (64,), key=jax.random.key(config.seed))
    train = jax.tree.map(jnp.asarray, digits.train)
    step, size = make_step(objective, autodiff, optimizer), config.batch_size

    # the loop, one compiled step at a time
    jitted, state = jax.jit(step), StepState(start.params, start.statistics, start.opt_state)
    per_epoch = len(train.targets) // size
    for epoch in range(config.epochs):
        order_key, step_key = jax.random.split(jax.random.fold_in(start.key, epoch))
        order = jaxnet.data.random_order(order_key, len(train.targets))
        for i in range(per_epoch):
            batch = train.take(order[i * size : (i + 1) * size])
            state, sums = jitted(state, batch, jax.random.fold_in(step_key, i), size)
            if (done := epoch * per_epoch + i + 1) % config.report_every == 0:
                print(f"  {done:5} mini-batches: loss {sums['loss'] / size:.4f}")

    # the same run as one program
    one_epoch = make_epoch(step, batch_size=size, shuffle=True, short_batch="drop")
    run = jax.jit(make_run(one_epoch, capacity=config.epochs))
    end, history, _ = run(start, train, None, jnp.int32(config.epochs))

    distances = jax.tree.map(
        lambda a, b: jnp.linalg.norm(a - b) / jnp.linalg.norm(b), state.params, end.params
    )
    farthest = max(map(float, jax.tree.leaves(distances)))
    tested = jaxnet.training.evaluate(network, end.params, end.statistics, digits.test)["accuracy"]
    print(f"in one program: last loss {history.epoch.train['loss'][-1]:.4f}")
    print(f"farthest leaf of the parameters {farthest:.1e} apart; test accuracy {tested:.4f}")
    statement = "the loop and the program train the same parameters, leaf by leaf, to rounding"
    claims = [at_most(statement, "jaxnet's own bar", farthest, 1e-3)]
    results = {"farthest_leaf": farthest, "test_accuracy": tested}
    settings = {"experiment": "minimal", "config": config, "seeds": [config.seed]}
    print(f"wrote\n{write_record(out, **settings, results=results, claims=claims)}")
    return claims


if __name__ == "__main__":
    sys.exit(run_command("minimal", main, Config(), smoke=SMOKE, description=__doc__))
