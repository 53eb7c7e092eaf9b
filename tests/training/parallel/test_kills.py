"""Two processes that are killed at any moment and started again end with the same bits."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are of POSIX processes")

KILLS = 5
SEED = 3
EPOCHS = 3
"""Most epochs, each with its checkpoint, between a start and its kill."""


class Pairs:
    """A process that starts runs of two processes, see `tests.training.parallel.pairs`."""

    def __init__(self, cache: Path):
        environment = os.environ | {
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.parallel.pairs"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, epochs: int, folder: Path | None) -> list[int]:
        """Start a run, and return its two processes."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{epochs} {folder or '-'}\n")
        self.process.stdin.flush()
        return [int(child) for child in self.read().split()]

    def end(self) -> list[str]:
        """Return what the two said until they ended."""
        said = [self.read()]
        while not said[-1].startswith("ended"):
            said.append(self.read())
        return said


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Pairs]:
    pairs = Pairs(tmp_path / "cache")
    yield pairs
    os.killpg(pairs.process.pid, signal.SIGKILL)  # a run that a failure has left behind, too
    pairs.process.communicate()


def test_kills_of_both_change_no_bit(pairs: Pairs, tmp_path: Path) -> None:
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
        pairs.start(reached + 2, place)
        *said, ended = pairs.end()
        assert ended == "ended 0 0", said
        results += [line for line in said if line.startswith("done")]
    assert len(results) == 4
    assert len(set(results)) == 1
