"""How large should a mini-batch be, for noise, time and accuracy?

Trains 784-100-100-10 on MNIST, or the matching network on the embedded digits, by plain gradient
descent. Measures the variance of the mini-batch gradient against the batch size, drawn with and
without replacement, beside what theory predicts from single examples; the time of a step and of an
epoch, compiled and warm; epochs, updates and seconds to a given validation loss; the test accuracy
after equal epochs and after equal updates. Each batch size has the rate that is best for it on
validation examples.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

from experiments.batch_size_tradeoff.claims import (
    generalization_claims,
    law_claims,
    run_claims,
    slope_claims,
    time_claims,
)
from experiments.batch_size_tradeoff.noise import fit_slope, measure_noise
from experiments.batch_size_tradeoff.report import answer, table
from experiments.batch_size_tradeoff.runs import measure_times, outcome, train_all
from experiments.batch_size_tradeoff.tradeoff_figure import draw_tradeoff
from experiments.batch_size_tradeoff.workload import GRIDS, Grid, load_workload
from experiments.harness.load import Load
from experiments.harness.options import Count, Natural, Within
from experiments.harness.record import Claim, conclude, prepare_folder
from jaxnet.core.checks import check_choice, check_count


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; 0, or none, stands for the default of the data set."""

    dataset: str = "digits"
    """digits (embedded) or mnist (four IDX files)."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else the user's cache folder."""
    batch_sizes: tuple[Count, ...] = ()
    """Batch sizes, by default powers of 4; training examples are a multiple of the largest."""
    draws: Natural = 0
    """Pairs of mini-batches drawn per batch size, 2 or more."""
    epochs: Natural = 0
    """Epochs after which test accuracies are compared."""
    updates: Natural = 0
    """Updates after which test accuracies are compared; a run lasts the longer of both."""
    seeds: Natural = 0
    """Runs per batch size and learning rate."""
    rounds: Count = 5
    """Timings per batch size."""
    seed: Annotated[int, Within(0, 2**31)] = 0
    """Seed of the draws and of the first run."""
    out: Path = Path("out/batch_size_tradeoff")
    """Folder for result.json and the figure."""


SMOKE = Config(batch_sizes=(1, 32, 1024), draws=20, epochs=1, updates=1, seeds=1, rounds=1)


def main(config: Config) -> list[Claim]:
    """Measure noise, times and runs, and write the record."""
    grid, load = check(config), Load()
    out = prepare_folder(config.out)
    workload = load_workload(config.dataset, grid, data_dir=config.data_dir)
    noise = measure_noise(workload, grid, seed=config.seed)
    times = measure_times(workload, grid.batch_sizes, rounds=config.rounds)
    runs = train_all(workload, grid, seed=config.seed)
    outcomes = {n: outcome(each, grid, times[n].steps) for n, each in runs.items()}
    busy = load.busy()
    print(table(times, outcomes, noise), busy, sep="\n")
    claims = slope_claims(noise)
    if grid == GRIDS[config.dataset]:
        claims += law_claims(noise)
    if grid == GRIDS["digits"]:
        claims += run_claims(outcomes, noise) + generalization_claims(outcomes)
        claims += [] if busy else time_claims(times)
    title = f"{config.dataset}: {busy or answer(times, outcomes)}"
    path = out / "batch_size_tradeoff.png"
    draw_tradeoff(path, noise, times, outcomes, title=title, grid=grid, busy=bool(busy))
    fits = {name: fit_slope(noise.drawn[name], n) for name, n in noise.limits.items()}
    print(title)
    return conclude(
        config,
        seeds=[config.seed + i for i in range(grid.seeds)],
        results={
            "grid": grid,
            "noise": noise,
            "slopes": fits,
            "times": times,
            "runs": runs,
            "outcomes": outcomes,
            "answer": title,
        },
        claims=claims,
        figures=[path],
    )


def check(config: Config) -> Grid:
    """Return the data set's grid with the changes of a config, in range."""
    grid = check_choice("--dataset", config.dataset, GRIDS)
    counts = {name: getattr(config, name) for name in ("draws", "epochs", "updates", "seeds")}
    if config.draws:
        check_count("--draws", config.draws, minimum=2)
    given = counts | {"batch_sizes": tuple(sorted({*config.batch_sizes}))}
    return dataclasses.replace(grid, **{name: value for name, value in given.items() if value})
