"""How much faster do many networks train in one sweep than one after the other?

32 headline runs (784-100-100-10 on MNIST, mini-batches of 100, Adam, two epochs each, evaluation
included) one after the other through `jaxnet.training.fit`, and the same runs as
`jaxnet.training.sweep` trains them on a CPU: one on each core at a time. The two have processes of
their own and take turns. `fit` is compiled before the clock starts; a sweep compiles in every
call, which does not count. Reports medians, the ratio, and the memory that each process needed.
"""

import dataclasses
import sys
from pathlib import Path

from experiments.contenders.jaxnet_sweep import EPOCHS, RUNS
from experiments.contenders.turns import Timing, check_workload, lost, time_in_turns
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, GREY, new_figure, save_figure
from experiments.harness.load import Load
from experiments.harness.options import Count, Natural
from experiments.harness.progress import show_status
from experiments.harness.record import Claim, at_least, conclude, prepare_folder
from jaxnet.training import count_cores

BAR = 1.35
"""Smallest claimed ratio, on two CPU cores."""

NAMES = ("runs_by_fit", "runs_by_sweep")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the comparison."""

    rounds: Count = 5
    """Repetitions of all runs after the first; medians are over these."""
    examples: Natural = 0
    """Number of training examples; 0 for all 60,000."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else random images of MNIST's shape."""
    out: Path = Path("out/sweep_throughput")
    """Folder for result.json and the figure."""


SMOKE = Config(rounds=1, examples=500)


def main(config: Config) -> list[Claim]:
    """Time both ways in turns, compare, and write the record."""
    load = Load()
    check_workload("headline", config.examples, config.data_dir)
    out = prepare_folder(config.out)
    timings, failures = time_in_turns(
        NAMES,
        rounds=config.rounds,
        examples=config.examples,
        data_dir=config.data_dir,
        show=show_status,
    )
    if failures:
        raise lost(failures)
    seconds = [timing.median / (RUNS * EPOCHS) for timing in timings]
    ratio, cores = seconds[0] / seconds[1], count_cores()
    print(f"on {timings[0].data} images, {cores} CPU cores, {RUNS} runs of {EPOCHS} epochs")
    for timing, each in zip(timings, seconds, strict=True):
        memory = f"{timing.peak_bytes / 2**20:5.0f} MiB at most"
        print(f"  {timing.name:14} {each:.4f} s a network's epoch  {memory}")
    print(f"  the sweep has {ratio:.2f} times the throughput")
    claims = load.unless_busy(check_claims(config, ratio, cores))
    return conclude(
        config,
        seeds=list(range(RUNS)),
        results={
            "ratio": ratio,
            "seconds_a_model_epoch": dict(zip(NAMES, seconds, strict=True)),
            "timings": timings,
            "data": timings[0].data,
        },
        claims=claims,
        figures=[draw(out / "sweep_throughput.png", timings, ratio)],
    )


def check_claims(config: Config, ratio: float, cores: int) -> list[Claim]:
    """Compare the ratio with the bar, if the whole workload was measured often enough."""
    if config.rounds < 5 or config.examples or cores < 2:
        return []
    statement = f"{RUNS} headline runs in a sweep: at least {BAR} times the throughput of fit"
    return [at_least(statement, "jaxnet's own bar", ratio, BAR)]


def draw(path: Path, timings: list[Timing], ratio: float) -> Path:
    """Draw one bar per way."""
    title = f"{RUNS} networks of 784-100-100-10: {ratio:.2f} times the throughput in one sweep"
    figure, (axes,) = new_figure(1, 1, size=(10, 2.8), title=title)
    labels = ["one after the other, by fit", "in one sweep"]
    milliseconds = [1e3 * timing.median / (RUNS * EPOCHS) for timing in timings]
    bars = axes.barh(labels, milliseconds, color=[GREY, BLUE])
    axes.bar_label(bars, [f"{value:.0f} ms" for value in milliseconds], padding=6)
    axes.set(xlabel="median milliseconds for an epoch of one network")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
