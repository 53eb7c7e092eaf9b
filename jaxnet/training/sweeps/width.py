"""Width: how many members of a sweep each device trains at a time."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice, check_count
from jaxnet.training.sweeps.batches import Members, Workers, seconds_an_epoch

Width: TypeAlias = int | Literal["auto", "all"]

GROWTH = 8
"""By which factor ``"auto"`` widens the batch of members from trial to trial."""

GAIN = 0.9
"""A wider batch must take at most this part of the time to be worth its memory."""


class Trial(NamedTuple):
    """One measurement of ``"auto"``.

    Attributes:
        width: members that each device trained at a time.
        seconds: of one member's epoch.
    """

    width: int
    seconds: float


def check_width(width: Any) -> None:
    """Raise an error unless this is a number of members, ``"auto"`` or ``"all"``."""
    if isinstance(width, str):
        check_choice("width", width, dict.fromkeys(("auto", "all")))
    else:
        check_count("width", width)


def choose(
    width: Width,
    members: Members,
    devices: int,
    compile_width: Callable[[int], Workers],
    agree: Callable[[bool], bool] = bool,
) -> tuple[Workers, list[Trial]]:
    """Return the compiled program for a width, and what was measured to choose it.

    ``"auto"`` starts with one member a device, and tries wider batches as long as they are
    faster and the sweep is long enough for another compilation to pay.

    Args:
        width: members a device at a time, ``"all"`` or ``"auto"``.
        members: all members of the sweep.
        devices: how many devices there are.
        compile_width: compiles the program for a number of members a device.
        agree: makes a decision that depends on measured times the same in all processes.
    """
    most = -(-members.number // devices)
    if width != "auto":
        return compile_width(most if width == "all" else min(width, most)), []
    workers = compile_width(1)
    trials = [Trial(workers.width, seconds_an_epoch(workers, members))]
    while workers.width < most and agree(_pays(trials[-1], workers, members)):
        wider = compile_width(min(GROWTH * workers.width, most))
        trials.append(Trial(wider.width, seconds_an_epoch(wider, members)))
        if agree(trials[-1].seconds > GAIN * trials[-2].seconds):
            break
        workers = wider
    return workers, trials


def _pays(trial: Trial, workers: Workers, members: Members) -> bool:
    """Return whether half of the remaining training takes longer than another compilation."""
    return 0.5 * trial.seconds * float(members.epochs.sum()) > workers.compile_seconds
