"""Strategy: how many members of a sweep each device trains at a time."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias, get_args

from jaxnet.core.checks import check_choice, check_count
from jaxnet.core.errors import invalid_value
from jaxnet.training.sweeps.batches import Members, Workers, seconds_an_epoch

StrategyName: TypeAlias = Literal["auto", "map", "vmap", "chunks"]

GROWTH = 8
"""By which factor ``"auto"`` widens the batch of members from trial to trial."""

GAIN = 0.9
"""A wider batch must take at most this part of the time to be worth its memory."""


class Trial(NamedTuple):
    """What ``"auto"`` measured.

    Attributes:
        width: members that each device trained at a time.
        seconds: of one member's epoch.
    """

    width: int
    seconds: float


def check_strategy(strategy: str, chunk: int | None) -> None:
    """Raise a ValueError for an unknown strategy, or a chunk without ``"chunks"``."""
    check_choice("strategy", strategy, dict.fromkeys(get_args(StrategyName)))
    if chunk is not None:
        check_count("chunk", chunk)
    if (chunk is None) == (strategy == "chunks"):
        expected = "to be given for strategy='chunks' and for no other"
        remedy = "Pass strategy='chunks' and chunk=n to train n members at a time on each device."
        raise invalid_value("chunk", expected, chunk, remedy)


def choose(
    strategy: StrategyName,
    chunk: int | None,
    members: Members,
    devices: int,
    compile_width: Callable[[int], Workers],
    agree: Callable[[bool], bool] = bool,
) -> tuple[Workers, list[Trial]]:
    """Return the compiled program of a strategy, and what was measured to choose it.

    ``"auto"`` starts with one member a device, and tries wider batches as long as they are
    faster and the sweep is long enough for another compilation to pay.

    Args:
        strategy: its name.
        chunk: members a device at a time, for ``"chunks"``.
        members: all members of the sweep.
        devices: how many devices there are.
        compile_width: compiles the program for a number of members a device.
        agree: gives a decision that hangs on measured times, in all processes the same one.
    """
    most = -(-members.number // devices)
    widths = {"map": 1, "vmap": most, "chunks": min(chunk or 1, most), "auto": 1}
    workers = compile_width(widths[strategy])
    if strategy != "auto":
        return workers, []
    trials = [Trial(workers.width, seconds_an_epoch(workers, members))]
    while workers.width < most and agree(_pays(trials[-1], workers, members)):
        wider = compile_width(min(GROWTH * workers.width, most))
        trials.append(Trial(wider.width, seconds_an_epoch(wider, members)))
        if agree(trials[-1].seconds > GAIN * trials[-2].seconds):
            break
        workers = wider
    return workers, trials


def _pays(trial: Trial, workers: Workers, members: Members) -> bool:
    """Return whether half of what is still to be trained takes longer than to compile again."""
    return 0.5 * trial.seconds * float(members.epochs.sum()) > workers.compile_seconds
