"""How fast is an accelerator at the headline run, wide networks, sweeps and optimizers' steps?

First checks it: after some steps its parameters must be those of the CPU, in JAX's default
precision of matrix products and in the highest. Then times an epoch of 784-100-100-10 and of
784-2048-2048-10, a sweep of 1,024 networks, and a step of some optimizers, each as one program.
Appends a line with device, versions and precision to --record, so that machines can be compared.
"""

import dataclasses
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.epochs import compile_epoch
from experiments.harness.options import Count
from experiments.harness.progress import show_status
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    environment,
    prepare_folder,
)
from jaxnet.core.checks import check_choice
from jaxnet.data import Examples
from jaxnet.training import Recipe, fit, sweep

DISTANCES = {"default": 0.02, "highest": 1e-4}
"""Precision of matrix products -> largest distance of a leaf from the CPU's, over its norm."""

TIMES_FIT = 50
"""Smallest claimed ratio of an epoch in `fit` to one of a network in a sweep of 1,024."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the measurement."""

    examples: Count = 60_000
    """Random images of MNIST's shape."""
    members: Count = 1024
    """Networks of the sweep."""
    rounds: Count = 5
    """Repetitions; medians are over these."""
    optimizers: tuple[str, ...] = ("sgd", "momentum", "adam", "adamw", "lamb", "muon")
    """Optimizers whose steps are timed."""
    steps: Count = 20
    """Steps after which parameters are compared with the CPU's."""
    record: Path | None = None
    """File to which a line is appended; by default record.jsonl in the folder."""
    out: Path = Path("out/accelerator")
    """Folder for result.json."""


SMOKE = Config(examples=1000, members=2, rounds=1, optimizers=("adam",))


def main(config: Config) -> list[Claim]:
    """Check the device against the CPU, time it, and append to the record."""
    for name in config.optimizers:
        check_choice("--optimizers", name, jaxnet.optim.OPTIMIZERS)
    record = config.record or config.out / "record.jsonl"
    prepare_folder(config.out)
    prepare_folder(record.parent, option="--record")
    device, rng = jax.devices()[0], np.random.default_rng(0)
    pixels = rng.integers(0, 256, (config.examples, 784), np.uint8)
    train = Examples(pixels, rng.integers(0, 10, config.examples, np.int32))
    few = train.take(slice(100 * config.steps))
    print(f"{device.device_kind}: {config.examples:,} examples")
    distances = {name: distance_from_cpu(few, name) for name in DISTANCES}
    for name, distance in distances.items():
        print(f"{name} precision: {distance:.2g} from the CPU after {config.steps} steps")
    measured = measure(train, config)
    for name, seconds in measured.items():
        print(f"{name}: {1e3 * seconds:.4g} ms")
    line = json.dumps({"environment": environment(), "distances": distances, "seconds": measured})
    with open(record, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    claims = check_claims(distances, measured, on_cpu=device.platform == "cpu", config=config)
    results = {"distances": distances, "seconds": measured}
    return conclude(config, seeds=[0], results=results, claims=claims)


def run(train: Examples, *, hidden: tuple[int, ...], batch_size: int) -> Any:
    """Train one epoch by `fit`."""
    return fit(
        jaxnet.mlp((784, *hidden, 10), input_scale=1 / 255),
        train,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.adam(0.001),
        epochs=1,
        batch_size=batch_size,
        progress=False,
    )


def distance_from_cpu(train: Examples, precision: str) -> float:
    """Return the largest distance of a leaf of the parameters from the CPU's, over its norm."""
    with jax.default_matmul_precision(precision):
        here = run(train, hidden=(100, 100), batch_size=100).params
        with jax.default_device(jax.devices("cpu")[0]):
            there = run(train, hidden=(100, 100), batch_size=100).params
    pairs = zip(jax.tree.leaves(here), jax.tree.leaves(there), strict=True)
    arrays = [(np.asarray(a, float), np.asarray(b, float)) for a, b in pairs]
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in arrays)


def measure(train: Examples, config: Config) -> dict[str, float]:
    """Return name -> median seconds: of an epoch, of a network's epoch, of a step."""
    found, train = {}, jax.tree.map(jax.numpy.asarray, train)
    for name, hidden, size in (("headline epoch", (100, 100), 100),
                               ("epoch of 784-2048-2048-10", (2048, 2048), 1000)):  # fmt: skip
        show_status(name)
        run(train, hidden=hidden, batch_size=size)  # compiles
        each = [
            run(train, hidden=hidden, batch_size=size).run_seconds for _ in range(config.rounds)
        ]
        found[name] = statistics.median(each)

    def build(learning_rate: jax.Array) -> Recipe:
        network = jaxnet.mlp((784, 100, 100, 10), input_scale=1 / 255)
        return Recipe(network, jaxnet.optim.adam(learning_rate))

    show_status("sweep")
    swept = sweep(build, train, key=jax.random.key(0), settings={"learning_rate": 0.001},
                  seeds=config.members, epochs=1, batch_size=100, keep="metrics",
                  progress=False)  # fmt: skip
    found["epoch of a network in the sweep"] = swept.run_seconds / config.members
    for name in config.optimizers:
        show_status(name)
        program = compile_epoch((784, 100, 100, 10), jaxnet.optim.OPTIMIZERS[name](0.001),
                                batch_size=100, examples=20_000)  # fmt: skip
        seconds = statistics.median(program.seconds() for _ in range(config.rounds))
        found[f"step with {name}"] = seconds / 200
    return found


def check_claims(
    distances: dict[str, float], seconds: dict[str, float], *, on_cpu: bool, config: Config
) -> list[Claim]:
    """Claim that an accelerator computes what the CPU does, and that sweeps fill it."""
    source = "jaxnet's own bar"
    claims = [at_most(f"distance from the CPU, {name} precision", source, distance, DISTANCES[name])
              for name, distance in distances.items()]  # fmt: skip
    if not on_cpu and config.members >= 1024:
        ratio = seconds["headline epoch"] / seconds["epoch of a network in the sweep"]
        statement = "an epoch in fit over a network's in a sweep"
        claims.append(at_least(statement, source, ratio, TIMES_FIT))
    return claims


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
