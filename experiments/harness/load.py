"""Load of the machine by other programs: without an idle machine, no claims about times."""

import os
import time

from experiments.harness.record import Claim
from jaxnet.training import count_cores


class Load:
    """Load of other programs since construction.

    Unix averages the number of running and waiting programs over the last minute.
    """

    def __init__(self) -> None:
        """Record the load before this program adds its own."""
        self._before, self._start = _average(), _spent()

    def others(self) -> float:
        """Return the load of others, the larger of that at construction and now.

        The average load of this program and its children is subtracted.
        """
        seconds, cpu_seconds = (now - then for now, then in zip(_spent(), self._start, strict=True))
        return max(self._before, _average() - cpu_seconds / max(seconds, 1e-9))

    def busy(self) -> str:
        """Return a message if the load exceeds the number of cores, else an empty string."""
        load, cores = self.others(), count_cores()
        if load <= cores:
            return ""
        return f"no verdict on times: a load of {load:.1f} from others on {cores} cores"

    def unless_busy(self, claims: list[Claim]) -> list[Claim]:
        """Return claims about times; on a busy machine none, with a printed message."""
        message = self.busy()
        print(message, end=message and "\n")
        return [] if message else claims


def _average() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _spent() -> tuple[float, float]:
    """Return wall time, and CPU time of this program and its finished children."""
    spent = os.times()
    own = spent.user + spent.system + spent.children_user + spent.children_system
    return time.perf_counter(), own
