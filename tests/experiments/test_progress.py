"""Loops and functions in parallel threads, with a progress bar."""

import threading

import pytest

from experiments.harness import progress
from experiments.harness.progress import side_by_side
from tests.training.loggers.test_progress import HIDDEN, SHOWN, bars, watched


def test_results_are_in_the_order_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "count_cores", lambda: 2)
    second_done = threading.Event()

    def function(item: str) -> str:
        # the first ends after the second: they must run at the same time
        if item == "first":
            assert second_done.wait(timeout=60)
        if item == "second":
            second_done.set()
        return item.upper()

    assert side_by_side("", function, ["first", "second", "third"]) == ["FIRST", "SECOND", "THIRD"]


def test_an_error_is_raised() -> None:
    def function(item: int) -> int:
        if item == 1:
            raise ArithmeticError("the second")
        return item

    with pytest.raises(ArithmeticError, match="the second"):
        side_by_side("", function, [0, 1, 2])


def test_a_loop_has_one_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    for pair in progress.progress("pairs", {"a": 1, "b": 2}.items()):
        assert side_by_side("within", str, pair) == [*map(str, pair)]
    drawn = terminal.getvalue()
    assert "2/2" in drawn
    assert "within" not in drawn
    assert bars(terminal) == [SHOWN, HIDDEN]
