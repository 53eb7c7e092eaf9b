"""A sweep killed at any moment goes on when it is started again, and ends with the same bits."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.checkpoints.servers import Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are of POSIX processes")

KILLS = 6
SEED = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    module = "tests.training.sweeps.starts"
    server = Server(module, tmp_path / "sweep", cache=tmp_path / "cache")
    yield server
    server.process.communicate()


@pytest.mark.slow
def test_six_kills_change_no_bit(server: Server, tmp_path: Path) -> None:
    moments = random.Random(SEED)
    reached, first = 0, 0
    for _ in range(KILLS):
        (child,), first = server.start(1), int(server.read())
        assert first >= reached, "a start lost runs that an earlier one had written"
        for _ in range(lived := moments.randrange(4)):
            server.read()
        time.sleep(moments.uniform(0, 0.01))  # a batch is next to nothing but its writing
        os.kill(child, signal.SIGKILL)
        *said, ended = server.end()
        assert ended == f"ended {-signal.SIGKILL}"
        reached = max([first + 3 * lived, *map(int, said)])  # what was told is written
    assert 0 < first < 200
    # no start trained a batch twice: each has its part
    server.start(1)
    *_, resumed, ended = server.end()
    assert ended == "ended 0"
    assert len(list((tmp_path / "sweep").glob("part_*"))) == 67
    server.start(0)
    *_, whole, _ = server.end()
    assert resumed == whole
    assert whole.startswith("done ")
