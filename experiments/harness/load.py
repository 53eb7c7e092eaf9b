"""How busy other programs keep the machine: on a busy one, times lead to no verdict."""

import os
import time

from experiments.harness.record import Claim
from jaxnet.training.distributed.devices import count_cores


class Load:
    """The load of other programs, from when it is made on.

    Unix counts the programs that run or wait for a core, on average over the last minute.
    """

    def __init__(self) -> None:
        """Note the load before this program adds its own."""
        self._before, self._start = _average(), _spent()

    def others(self) -> float:
        """Return the load of others, the larger of the one before and the one now.

        What this program and its children have run on average is not counted.
        """
        seconds, cpu_seconds = (now - then for now, then in zip(_spent(), self._start, strict=True))
        return max(self._before, _average() - cpu_seconds / max(seconds, 1e-9))

    def busy(self) -> str:
        """Say that more programs want to run than there are cores; nothing if they do not."""
        load, cores = self.others(), count_cores()
        if load <= cores:
            return ""
        return f"no verdict on times: a load of {load:.1f} from others on {cores} cores"

    def unless_busy(self, claims: list[Claim]) -> list[Claim]:
        """Return claims about times; on a busy machine none, and print why."""
        said = self.busy()
        print(said, end=said and "\n")
        return [] if said else claims


def _average() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _spent() -> tuple[float, float]:
    """Return wall time and the processor time of this program and its ended children."""
    spent = os.times()
    own = spent.user + spent.system + spent.children_user + spent.children_system
    return time.perf_counter(), own
