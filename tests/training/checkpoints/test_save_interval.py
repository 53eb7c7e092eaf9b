"""Writing takes a fiftieth of the time, however long it takes and whatever the run is."""

import itertools

import pytest

from jaxnet.training.checkpoints import save_interval
from jaxnet.training.checkpoints.save_interval import SaveInterval


def test_the_first_is_written_at_once_and_the_next_fifty_times_as_long_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(save_interval.time, "perf_counter", itertools.count(step=2).__next__)
    written, steady = [], SaveInterval(30.0)
    for second in range(31, 300):
        if steady.due(second):
            with steady.writing(second):  # by the clock, for two seconds
                written.append(second)
    assert written == [31, 131, 231]
