"""SaveInterval: how often to write down where a run stands."""

import contextlib
import time
from collections.abc import Iterator

COST = 0.02
"""The part of a run's time that writing may take."""


class SaveInterval:
    """When to write next: at once, then as often as takes a fiftieth of the time.

    All times are in seconds of the run, in all starts together.
    """

    def __init__(self, seconds: float = 0.0):
        self._cost, self._written_at = 0.0, seconds

    def due(self, seconds: float) -> bool:
        """Return whether it is time to write."""
        return seconds - self._written_at >= self._cost / COST

    @contextlib.contextmanager
    def writing(self, seconds: float) -> Iterator[None]:
        """Measure what is written within."""
        began = time.perf_counter()
        yield
        self._cost, self._written_at = time.perf_counter() - began, seconds
