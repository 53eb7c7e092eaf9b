"""Which optimizer descends which landscape, how fast, and as theory predicts?

Four parts, all in float64. Every optimizer of jaxnet down five functions of two variables, at every
learning rate of a grid. The published results of DeepOBS's quadratic_deep, reproduced with the
examples in the same order in every epoch, and reshuffled. Measured rates of convergence against
theory: linear, sublinear, and SGD's plateau. Rprop, which works on the full batch only.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import jax

from experiments.harness.options import Count, Seed, Within
from experiments.harness.record import Claim, conclude, prepare_folder
from experiments.optimizer_race.contestants import contestants
from experiments.optimizer_race.parts import (
    Part,
    check_convergence,
    fail_on_mini_batches,
    race_down,
    reproduce_deepobs,
)
from jaxnet.core.checks import check_range


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the four parts."""

    optimizers: tuple[str, ...] = ()
    """Optimizers that descend the landscapes; by default all."""
    steps: Annotated[int, Within(100)] = 20_000
    """Steps on each landscape, 100 or more."""
    rates_per_decade: Count = 6
    """Learning rates per factor of 10, from 1e-6 to 1e2."""
    tolerance: float = 1e-4
    """Gap to the minimum that counts as reached, above 0 and at most 1."""
    epochs: Count = 100
    """Epochs of quadratic_deep; published are 100."""
    seeds: Annotated[int, Within(2)] = 30
    """Runs of quadratic_deep at each rate, and of the regression, 2 or more; published are 10."""
    seed: Seed = 0
    """Seed of the first of these runs, and of the noise."""
    out: Path = Path("out/optimizer_race")
    """Folder for result.json and the figures."""


SMOKE = Config(optimizers=("sgd", "adam"), steps=300, rates_per_decade=2, epochs=3, seeds=2)


def main(config: Config) -> list[Claim]:
    """Run the four parts and write the record."""
    check_range("--tolerance", config.tolerance, low=0.0, low_open=True, high=1.0)
    out = prepare_folder(config.out)
    with jax.enable_x64(True):
        parts: list[Part] = [
            race_down(
                contestants(config.optimizers),
                steps=config.steps,
                rates_per_decade=config.rates_per_decade,
                tolerance=config.tolerance,
                complete=is_default(config, "steps", "rates_per_decade", "tolerance", "optimizers"),
                out=out,
            ),
            reproduce_deepobs(
                epochs=config.epochs,
                seed=config.seed,
                seeds=config.seeds,
                complete=is_default(config, "epochs", "seeds"),
                out=out,
            ),
            check_convergence(seed=config.seed, out=out),
            fail_on_mini_batches(seed=config.seed, runs=config.seeds, out=out),
        ]
    return conclude(
        config,
        seeds=[config.seed + run for run in range(config.seeds)],
        results={part.name: part.results for part in parts},
        claims=[claim for part in parts for claim in part.claims],
        figures=[figure for part in parts for figure in part.figures],
    )


def is_default(config: Config, *names: str) -> bool:
    """Return whether these settings are the defaults, for which claims are made."""
    return all(getattr(config, name) == getattr(Config(), name) for name in names)
