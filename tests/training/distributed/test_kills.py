"""Two processes that are killed at any moment and started again end with the same bits."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.checkpoints.servers import Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are of POSIX processes")

KILLS = 5
SEED = 3
EPOCHS = 3
"""Most epochs, each with its checkpoint, between a start and its kill."""


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Server]:
    pairs = Server("tests.training.distributed.pairs", cache=tmp_path / "cache")
    yield pairs
    os.killpg(pairs.process.pid, signal.SIGKILL)  # a run that a failure has left behind, too
    pairs.process.communicate()


@pytest.mark.slow
def test_kills_of_both_change_no_bit(pairs: Server, tmp_path: Path) -> None:
    moments, folder = random.Random(SEED), tmp_path / "run"
    reached, length = 0, 0.1
    for _ in range(KILLS):
        children = pairs.start(1_000_000, folder)
        first = int(pairs.read())
        assert first >= reached, "a start lost epochs that an earlier one had written"
        began, lived = time.perf_counter(), moments.randrange(EPOCHS)
        for _ in range(lived):
            pairs.read()
        length = (time.perf_counter() - began) / lived if lived else length
        time.sleep(moments.uniform(0, length))
        for child in moments.sample(children, 2):
            with contextlib.suppress(ProcessLookupError):  # it has missed the other
                os.kill(child, signal.SIGKILL)
        *said, ended = pairs.end()
        codes = ended.removeprefix("ended ").split()
        # of two that die one after the other, the second may have missed the first before
        assert "-9" in codes
        assert "0" not in codes
        told = [int(line) for line in said if line.isdigit()]  # the rest says how it failed
        reached = max([first + lived, *told])  # what was told is written
    results = []
    for place in (folder, None):
        pairs.start(reached + 2, place or "-")
        *said, ended = pairs.end()
        assert ended == "ended 0 0", said
        results += [line for line in said if line.startswith("done")]
    assert len(results) == 4
    assert len(set(results)) == 1
