"""What does a step of each optimizer cost beside optax's, in the headline run?

Times a part of an epoch of 784-100-100-10 with mini-batches of 100, as one compiled scan, with our
optimizer and with optax's of the same settings, in turns. Reports the median ratio of the rounds
(ours over optax's: below 1 means that ours is faster) and the memory of program and state, without
compile time.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxnet
from experiments.harness.epochs import compile_epoch, time_programs
from experiments.harness.figures import BLUE, GREY, new_figure, save_figure
from experiments.harness.load import Load
from experiments.harness.options import Count
from experiments.harness.progress import progress
from experiments.harness.record import Claim, at_most, conclude, growing, prepare_folder
from experiments.optimizer_cost.pairs import Pair, pairs
from jaxnet.core.errors import invalid_value

WIDTHS = (784, 100, 100, 10)

BAR = 1.05
"""Largest claimed ratio of a step's time to that with optax's optimizer."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the measurement."""

    rounds: Count = 15
    """Runs of each of the two; the ratio is the median over the rounds."""
    steps: Count = 200
    """Steps per run: a third of the headline epoch."""
    only: str = ""
    """Time only optimizers whose name contains this."""
    out: Path = Path("out/optimizer_cost")
    """Folder for result.json and the figure."""


SMOKE = Config(rounds=1, steps=5, only="adam")


class Cost(NamedTuple):
    """Cost of an optimizer: milliseconds per step, median ratio, bytes."""

    optimizer: str
    ours_ms: float
    optax_ms: float
    ratio: float
    ours_bytes: int
    optax_bytes: int


def main(config: Config) -> list[Claim]:
    """Time all optimizers, compare, and write the record."""
    entries, load = chosen(config.only), Load()
    out = prepare_folder(config.out)
    costs = growing("costs", [])
    for pair in progress("measuring", entries):
        costs.append(measure(pair, steps=config.steps, rounds=config.rounds))
        print(_line(costs[-1]))
    claims = [memory_claim(costs), *load.unless_busy(time_claims(config, costs))]
    figures = [draw(out / "optimizer_cost.png", costs)]
    return conclude(config, seeds=[0], results={"costs": costs}, claims=claims, figures=figures)


def chosen(only: str) -> list[Pair]:
    """Return the pairs whose name contains a text."""
    found = [pair for pair in pairs() if only in pair.name]
    if not found:
        expected = "part of an optimizer's name that optax has, too"
        raise invalid_value("--only", expected, f"'{only}'", "Try --only adam.")
    return found


def measure(pair: Pair, *, steps: int, rounds: int) -> Cost:
    """Time ours and optax's in turns."""
    rate = jaxnet.schedules.constant(0.001)
    ours, theirs = (
        compile_epoch(WIDTHS, make(rate), batch_size=100, examples=100 * steps)
        for make in (pair.ours, pair.optax)
    )
    seconds = time_programs((ours, theirs), rounds)
    ratio = float(np.median(seconds[:, 0] / seconds[:, 1]))
    ours_ms, optax_ms = (1e3 * np.median(seconds, axis=0) / steps).tolist()
    return Cost(pair.name, ours_ms, optax_ms, ratio, ours.bytes, theirs.bytes)


def draw(path: Path, costs: list[Cost]) -> Path:
    """Draw the ratios as bars beside optax's 1."""
    figure, (axes,) = new_figure(
        1, 1, size=(9, 0.34 * len(costs) + 1.8), title="A training step beside optax's"
    )
    ordered = sorted(costs, key=lambda cost: -cost.ratio)
    axes.barh([cost.optimizer for cost in ordered], [cost.ratio for cost in ordered], color=BLUE)
    axes.axvline(1.0, color=GREY, linewidth=1.5)
    axes.set(xlabel="time over optax's (left of 1: ours is faster)", xlim=(0, None))
    axes.grid(visible=False, axis="y")
    return save_figure(figure, path)


def _line(cost: Cost) -> str:
    times = f"{cost.ours_ms:7.3f} ms a step, optax {cost.optax_ms:7.3f} ms"
    kilobytes = f"{cost.ours_bytes / 1e3:,.0f} kB, optax {cost.optax_bytes / 1e3:,.0f} kB"
    return f"{cost.optimizer:<20} ratio {cost.ratio:.3f}   {times}   {kilobytes}"


def memory_claim(costs: list[Cost]) -> Claim:
    """Claim that no program needs more memory than optax's."""
    more = max(cost.ours_bytes / cost.optax_bytes for cost in costs)
    # only one of the states may have a count of steps, a scalar
    return at_most("memory over optax's", "jaxnet's own bar", more, 1.001)


def time_claims(config: Config, costs: list[Cost]) -> list[Claim]:
    """Claim that a step takes no longer than with optax, for enough rounds."""
    if config.rounds < 5:
        return []
    return [
        at_most(f"{cost.optimizer}: step over optax's", "jaxnet's own bar", cost.ratio, BAR)
        for cost in costs
    ]
