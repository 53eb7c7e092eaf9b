"""How do time and memory of training grow with batch, width, depth, examples, epochs and runs?

Around the headline network, 784-100-100-10 in mini-batches of 100 with Adam, one quantity at a
time grows. The work of a training is the number of floating-point operations of its matrix
products, or of examples, epochs or runs of equal work. Reports the time for each unit of work, with
the range of the rounds, and the memory of the program: where work dominates, both are constant.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.cost_growth.growth_figure import draw
from experiments.cost_growth.quantities import QUANTITIES, Quantity
from experiments.harness.epochs import time_programs
from experiments.harness.load import Load
from experiments.harness.options import Count, check_some
from experiments.harness.progress import progress
from experiments.harness.record import Claim, at_most, conclude, growing, prepare_folder
from jaxnet.core.checks import check_choice

BAR = 1.15
"""Largest power of the work with which a cost may grow at the end, over the last two values."""

ENOUGH = 5
"""Rounds without which there are no claims about times."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the measurement."""

    rounds: Count = 5
    """Runs of each training, in turns; medians are over these."""
    quantity: tuple[str, ...] = tuple(QUANTITIES)
    """What grows."""
    points: Count = 20
    """Most values of a quantity, from the least on."""
    out: Path = Path("out/cost_growth")
    """Folder for result.json and the figure."""


SMOKE = Config(rounds=1, points=2)


class Growth(NamedTuple):
    """Cost of trainings in which one quantity grows.

    Attributes:
        values: of the quantity.
        work: what the time should grow with.
        size: what its memory should grow with.
        seconds: for that work, shape ``(rounds, values)``.
        bytes: of each program; empty where it is not known.
        compile_seconds: of each program.
    """

    values: list[int]
    work: list[float]
    size: list[float]
    seconds: np.ndarray
    bytes: list[int]
    compile_seconds: list[float]


def main(config: Config) -> list[Claim]:
    """Measure the growth with each quantity, and draw all."""
    check_some("--quantity", config.quantity)
    chosen = {name: check_choice("--quantity", name, QUANTITIES) for name in config.quantity}
    load, out = Load(), prepare_folder(config.out)
    found = growing("growth", {})
    for name, quantity in progress("measuring", list(chosen.items())):
        found[name] = grow(quantity, config)
        _print(name, quantity, found[name])
    claims = memory_claims(found) if config.points >= Config.points else []
    if config.rounds >= ENOUGH and config.points >= Config.points:
        claims += load.unless_busy(time_claims(found))
    figure = draw(out / "cost_growth.png", chosen, found)
    return conclude(config, seeds=[0], results=found, claims=claims, figures=[figure])


def grow(quantity: Quantity, config: Config) -> Growth:
    """Compile the trainings of a quantity, and run them in turns."""
    values = list(quantity.values[: config.points])
    made = map(quantity.make, values)
    programs, repeats, work, size = map(list, zip(*made, strict=True))
    seconds = time_programs(programs, config.rounds) / repeats
    needed = [each.bytes for each in programs if each.bytes]
    compiling = [each.compile_seconds for each in programs]
    return Growth(values, work, size, seconds, needed, compiling)


def time_claims(found: dict[str, Growth]) -> list[Claim]:
    """Claim that time grows no faster than work."""
    return [
        at_most(f"{name}: power of the work with which time grows", "jaxnet's own bar",
                power(np.median(growth.seconds, axis=0), growth.work), BAR)
        for name, growth in found.items()
    ]  # fmt: skip


def memory_claims(found: dict[str, Growth]) -> list[Claim]:
    """Claim that memory grows no faster than what it holds."""
    return [
        at_most(f"{name}: power of the size with which memory grows", "jaxnet's own bar",
                power(growth.bytes, growth.size), BAR)
        for name, growth in found.items()
        if growth.bytes
    ]  # fmt: skip


def power(costs: Any, units: Any) -> float:
    """Return the power of the units with which costs grow, over the last two values.

    >>> round(power([3.0, 4.0, 8.0], [1, 2, 4]), 9)
    1.0
    """
    (c, d), (a, b) = np.log(costs[-2:]), np.log(units[-2:])
    return float((d - c) / (b - a))


def _print(name: str, quantity: Quantity, growth: Growth) -> None:
    each = np.median(growth.seconds, axis=0) / growth.work
    times = ", ".join(f"{v:,} {1e6 * s:.4g}" for v, s in zip(growth.values, each, strict=True))
    print(f"{name}: microseconds for each {quantity.unit}: {times}")
    if growth.bytes:
        sizes = zip(growth.values, growth.bytes, strict=True)
        print(f"{name}: megabytes: " + ", ".join(f"{v:,} {b / 1e6:.4g}" for v, b in sizes))
