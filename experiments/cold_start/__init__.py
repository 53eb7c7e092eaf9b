"""How long is it from the command to the first finished epoch, and what does the second start save?

New processes train the headline network for one epoch, in turns: with an empty folder of compiled
programs, and with one that an earlier process has filled. Reports the time of each stage: Python
and imports, data, tracing and lowering, compilation or loading, and the rest, which is the run.
"""

import dataclasses
import statistics
import tempfile
from pathlib import Path

import numpy as np

from experiments.cold_start.start import STAGES, start
from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure
from experiments.harness.load import Load
from experiments.harness.options import Count, Natural
from experiments.harness.progress import show_status
from experiments.harness.record import Claim, at_most, conclude, growing, prepare_folder

BAR = 0.3
"""Most seconds that a second start may spend on compiled programs."""

ENOUGH = 5
"""Rounds without which there are no claims."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the measurement."""

    rounds: Count = 5
    """Pairs of starts; medians are over these."""
    examples: Natural = 0
    """Number of training examples; 0 for all 60,000."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else random images of MNIST's shape."""
    out: Path = Path("out/cold_start")
    """Folder for result.json and the figure."""


SMOKE = Config(rounds=1, examples=1000)


def main(config: Config) -> list[Claim]:
    """Start processes in turns, and split their time."""
    load, out = Load(), prepare_folder(config.out)
    starts: dict[str, list[dict[str, float]]] = {"first start": [], "second start": []}
    growing("starts", starts)
    for number in range(config.rounds):
        with tempfile.TemporaryDirectory() as programs:
            for name, each in starts.items():
                show_status(f"round {number + 1} of {config.rounds}: {name}")
                each.append(start(Path(programs), config.examples, config.data_dir))
    medians = {
        name: {stage: statistics.median(one[stage] for one in each) for stage in STAGES}
        for name, each in starts.items()
    }
    for name, stages in medians.items():
        parts = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
        print(f"{name}: {sum(stages.values()):.2f} s to the first epoch: {parts}")
    claims = (
        load.unless_busy(check_claims(medians))
        if config.rounds >= ENOUGH and not config.examples
        else []
    )
    figure = draw(out / "cold_start.png", medians)
    return conclude(config, seeds=[0], results={"starts": starts}, claims=claims, figures=[figure])


def check_claims(medians: dict[str, dict[str, float]]) -> list[Claim]:
    """Claim that a second start compiles nothing."""
    seconds = medians["second start"]["compile or load"]
    statement = "seconds that a second start spends on compiled programs"
    return [at_most(statement, "jaxnet's own bar", seconds, BAR)]


def draw(path: Path, medians: dict[str, dict[str, float]]) -> Path:
    """Draw the stages of both starts one after the other."""
    first, second = (sum(medians[name].values()) for name in ("first start", "second start"))
    title = (
        f"The headline network's first epoch: after {first:.1f} s, in a second start {second:.1f} s"
    )
    figure, (axes,) = new_figure(1, 1, size=(11, 3.4), title=title)
    begins = np.zeros(len(medians))
    colors = (GREY, GREEN, ORANGE, "#e8b04a", BLUE)
    for stage, color in zip(STAGES, colors, strict=True):
        widths = np.array([stages[stage] for stages in medians.values()])
        axes.barh(list(medians), widths, left=begins, color=color, label=stage)
        begins += widths
    axes.set(xlabel="seconds after the command")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(ncols=5, fontsize=11, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    return save_figure(figure, path)
