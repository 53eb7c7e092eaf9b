"""Width: ``auto`` widens the batch of members as long as that is faster, and pays."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.training.sweeps import width as width_module
from jaxnet.training.sweeps.batches import Members, Workers
from jaxnet.training.sweeps.width import choose


def members(number: int, epochs: int = 1000) -> Members:
    keys = jax.random.split(jax.random.key(0), number)
    return Members(keys, {"rate": np.zeros(number)}, np.full(number, epochs, np.int32))


def compile_width(width: int) -> Workers:
    return Workers([], width, compile_seconds=10.0)


def measured(monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> None:
    def stand_in(workers: Workers, members: Members) -> float:
        return seconds(workers.width)

    monkeypatch.setattr(width_module, "seconds_an_epoch", stand_in)


@pytest.mark.parametrize(
    ("seconds", "tried", "chosen"),
    [
        (lambda width: 1.0, [1, 8], 1),
        (lambda width: 0.95**width, [1, 8, 64, 100], 100),
        (lambda width: {1: 1.0, 8: 0.5}.get(width, 0.49), [1, 8, 64], 8),
        (lambda width: {1: 1.0, 8: 0.91}.get(width, 0.1), [1, 8], 1),
    ],
    ids=["no faster", "always faster", "at first", "a little"],
)
def test_auto_widens_while_that_is_faster(
    monkeypatch: pytest.MonkeyPatch,
    seconds: Callable[[int], float],
    tried: list[int],
    chosen: int,
) -> None:
    measured(monkeypatch, seconds)
    workers, trials = choose("auto", members(200), 2, compile_width)
    assert [trial.width for trial in trials] == tried
    assert [trial.seconds for trial in trials] == [seconds(width) for width in tried]
    assert workers.width == chosen


@pytest.mark.parametrize(("epochs", "tried"), [(1, [1]), (19, [1]), (21, [1, 8])])
def test_auto_compiles_no_more_than_pays(
    monkeypatch: pytest.MonkeyPatch, epochs: int, tried: list[int]
) -> None:
    # 100 members of `epochs` epochs of .01 s: half of that must be longer than 10 s
    measured(monkeypatch, lambda width: 0.01)
    _, trials = choose("auto", members(100, epochs), 1, compile_width)
    assert [trial.width for trial in trials] == tried


def test_the_first_process_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, lambda width: 1.0)
    decisions = iter([True, False, True, True])  # widen, no slower, widen, slower
    workers, trials = choose("auto", members(200), 2, compile_width, lambda _: next(decisions))
    assert [trial.width for trial in trials] == [1, 8, 64]
    assert workers.width == 8


@pytest.mark.parametrize(("asked", "width"), [(1, 1), ("all", 4), (3, 3), (100, 4)])
def test_the_others_measure_nothing(asked: Any, width: int) -> None:
    workers, trials = choose(asked, members(7), 2, compile_width)
    assert (workers.width, trials) == (width, [])
