"""Load of other programs, with which times lead to no verdict."""

import os

import pytest

from experiments.harness import load
from experiments.harness.load import Load


@pytest.mark.parametrize(
    ("before", "now", "own", "others"),
    [
        (0.5, 0.5, 0.0, 0.5),
        (7.0, 1.0, 0.0, 7.0),  # busy before
        (0.5, 9.0, 0.0, 9.0),  # busy since
        (0.5, 2.4, 2.0, 0.5),  # busy with this program
        (0.5, 5.0, 1.5, 3.5),
    ],
)
def test_the_load_of_others(
    before: float, now: float, own: float, others: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    averages = iter([before, now, now, now])
    spent = iter([(10.0, 1.0), *[(20.0, 1.0 + 10 * own)] * 3])
    monkeypatch.setattr(os, "getloadavg", lambda: (next(averages), 0.0, 0.0))
    monkeypatch.setattr(load, "_spent", lambda: next(spent))
    monkeypatch.setattr(load, "count_cores", lambda: 2)
    measured = Load()
    assert measured.others() == pytest.approx(others)
    printed = measured.busy()
    assert bool(printed) is (others > 2)
    if printed:
        assert printed == f"no verdict on times: a load of {others:.1f} from others on 2 cores"
