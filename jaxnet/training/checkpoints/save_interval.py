"""SaveInterval: how often to write down where a run stands."""

import contextlib
import time
from collections.abc import Iterator

COST = 0.02
"""The part of a run's time that writing may take."""


class SaveInterval:
    """When to write next: as often as takes a fiftieth of the time, and so soon at first."""

    def __init__(self, seconds: float = 0.0):
        """Start to count.

        Args:
            seconds: what the run has taken so far, in earlier starts.
        """
        self._cost, self._written_at = 0.0, seconds

    def due(self, seconds: float) -> bool:
        """Return whether it is time to write.

        Args:
            seconds: what the run has taken so far, in all starts.
        """
        return seconds - self._written_at >= self._cost / COST

    @contextlib.contextmanager
    def writing(self, seconds: float) -> Iterator[None]:
        """Measure what is written within.

        Args:
            seconds: as for `due`.
        """
        began = time.perf_counter()
        yield
        self._cost, self._written_at = time.perf_counter() - began, seconds
