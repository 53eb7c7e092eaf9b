"""Comparison of contenders with jaxnet, round by round."""

import dataclasses
import statistics
from typing import NamedTuple

from experiments.contenders.turns import Timing

FLOORS = ("floor", "products")
"""Contenders that learn nothing."""

PYTORCH_BEST = ("pytorch_in_memory", "pytorch_compiled")
"""Contenders whose faster one is ``pytorch_best``."""

ENOUGH = 5
"""Rounds for a verdict: of so many, all fall on one side of 1 by chance once in 16 times."""


class Ratio(NamedTuple):
    """Time over that of jaxnet in the same round.

    Attributes:
        median: over the rounds.
        least: of all rounds.
        most: of all rounds.
        verdict: on jaxnet: ``"faster"`` or ``"slower"`` if it is so in all of `ENOUGH` rounds.
    """

    median: float
    least: float
    most: float
    verdict: str


@dataclasses.dataclass
class Measured:
    """Measurements of one workload.

    Attributes:
        data: as for `experiments.contenders.workload.Workload`.
        timings: of the contenders that ran.
        ratios: name -> ratio.
        not_measured: name -> reason.
    """

    data: str
    timings: list[Timing]
    ratios: dict[str, Ratio]
    not_measured: dict[str, str]


def compare(timings: list[Timing]) -> dict[str, Ratio]:
    """Return name -> ratio to jaxnet, with the faster in-memory loop as pytorch_best."""
    seconds = {timing.name: timing.seconds for timing in timings}
    own = seconds.pop("jaxnet")
    ratios = {name: ratio_of(each, own) for name, each in seconds.items()}
    in_memory = [ratios[name] for name in PYTORCH_BEST if name in ratios]
    return ratios | ({"pytorch_best": min(in_memory)} if in_memory else {})


def ratio_of(seconds: list[float], own: list[float]) -> Ratio:
    """Return the ratio of times, round by round.

    >>> ratio_of([2.0, 3.0, 3.0, 2.0, 2.5], [1.0, 1.0, 2.0, 1.0, 1.0])
    Ratio(median=2.0, least=1.5, most=3.0, verdict='faster')
    """
    each = [theirs / ours for theirs, ours in zip(seconds, own, strict=True)]
    verdict = "no difference seen" if len(each) >= ENOUGH else "too few rounds"
    if len(each) >= ENOUGH and not min(each) <= 1 <= max(each):
        verdict = "faster" if min(each) > 1 else "slower"
    return Ratio(statistics.median(each), min(each), max(each), verdict)
