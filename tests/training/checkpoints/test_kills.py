"""A run killed at any moment goes on when it is started again, and ends with the same bits."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxnet.core.array_file import Content
from jaxnet.core.trees import digest
from jaxnet.training.checkpoints.checkpoint import KEPT
from jaxnet.training.checkpoints.folder import CheckpointFolder
from tests.test_structure import ROOT
from tests.training.checkpoints.servers import Server
from tests.training.checkpoints.starts import BOARD, LOG, result_digest, train, train_with_logs
from tests.training.loggers.test_tensorboard import scalars

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are of POSIX processes")

KILLS = 20
WHOLE = ["epoch_3.safetensors", "epoch_4.safetensors"]
SEED = 7
EPOCHS = 3
"""Most epochs, each with its checkpoint, between a start and its kill."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server("tests.training.checkpoints.starts", tmp_path / "run", cache=tmp_path / "cache")
    yield server
    server.process.communicate()


def read(folder: Path) -> list[Content]:
    return CheckpointFolder(folder, "a run of fit").read()


@pytest.mark.slow
def test_twenty_kills_change_no_bit(server: Server, tmp_path: Path) -> None:
    moments = random.Random(SEED)
    reached, length = 0, 0.1
    for _ in range(KILLS):
        (child,), first = server.start(1_000_000), int(server.read())
        assert first >= reached, "a start lost epochs that an earlier one had written"
        began = time.perf_counter()
        lived = moments.randrange(EPOCHS)
        for _ in range(lived):
            server.read()
        # an epoch is next to nothing but the writing of its checkpoint: the kill falls into that
        length = (time.perf_counter() - began) / lived if lived else length
        time.sleep(moments.uniform(0, length))
        os.kill(child, signal.SIGKILL)
        *said, ended = server.end()
        assert ended == f"ended {-signal.SIGKILL}"
        reached = max([first + lived, *map(int, said)])  # what was told is written
    (found,) = read(tmp_path / "run")
    epochs = found.description["epochs"]
    assert epochs >= reached
    result = train_with_logs(epochs + 2, tmp_path / "run")
    assert len(result.history.train["loss"]) == epochs + 2
    assert result_digest(result) == result_digest(train(epochs + 2, None))
    logged = [json.loads(line)["epoch"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert logged == list(range(1, epochs + 3))
    files = sorted((tmp_path / BOARD).iterdir())
    assert 1 < len(files) <= KILLS + 1, "a start that reports anything has a file of its own"
    losses = result.history.train["loss"].tolist()
    assert scalars(tmp_path / BOARD) == [(n + 1, "loss/train", x) for n, x in enumerate(losses)]


@pytest.mark.slow
def test_whatever_a_kill_leaves_is_a_whole_checkpoint(tmp_path: Path) -> None:
    folder, copies = tmp_path / "run", tmp_path / "copies"
    copies.mkdir()
    command = [sys.executable, "-m", "tests.training.checkpoints.starts", str(folder), str(copies)]
    subprocess.run(command, cwd=ROOT, check=True)
    left = [copies / str(number) for number in range(len(list(copies.iterdir())))]
    assert len(left) > 15
    digests: dict[int, str] = {}
    last = 0
    for place in left:
        found = read(place)  # a warning, which damage would give, is an error here
        # no more than one checkpoint waits to be removed, beside the lock and what is being written
        assert len(list(place.glob("epoch_*"))) <= KEPT + 1
        assert len(list(place.iterdir())) <= KEPT + 3
        if not found:
            assert last == 0
            continue
        epochs = found[0].description["epochs"]
        assert epochs in (last, last + 1)
        whole = digest({name: a for name, a in found[0].arrays.items() if name != "seconds"})
        assert digests.setdefault(epochs, whole) == whole
        last = epochs
    assert last == 4
    expected = result_digest(train(4, None))
    for place in left[:: len(left) // 4]:
        assert result_digest(train(4, place)) == expected
        assert sorted(path.name for path in place.iterdir()) == [".lock", *WHOLE]
