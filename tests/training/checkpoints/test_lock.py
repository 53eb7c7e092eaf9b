"""One run at a time writes to a folder of checkpoints, and a dead one does not lock it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jaxnet.core.errors import InvalidValueError
from tests.test_structure import ROOT
from tests.training.checkpoints.starts import result_digest
from tests.training.checkpoints.test_resumption import names, run

ONE = "to be written by one run at a time, got one in use."

HOLDER = """
import os, sys, time
from jaxnet.training.checkpoints.fingerprint import Fingerprint
from jaxnet.training.checkpoints.folder import CheckpointFolder
folder = CheckpointFolder(sys.argv[1], "a run of fit", Fingerprint({}, {}, {}, {}, "", {}, {}))
if fork := os.fork():
    print(fork, flush=True)
time.sleep(100)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX processes")
def test_a_second_process_is_refused_until_the_first_one_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        fork = int(process.stdout.readline())
        unfinished = tmp_path / ".epoch_9.1.safetensors"  # what the first one is writing
        unfinished.touch()
        try:
            with pytest.raises(InvalidValueError, match=f"expected checkpoint .* {ONE}"):
                run(tmp_path, epochs=2)
            assert unfinished.exists()
            process.kill()
            process.wait()
            run(tmp_path, epochs=2)  # while a fork of it lives
        finally:
            os.kill(fork, signal.SIGKILL)
    assert names(tmp_path) == ["epoch_2"]


def test_a_run_within_a_run_is_refused(tmp_path: Path) -> None:
    said = []

    def again(progress: Any) -> None:
        with pytest.raises(InvalidValueError, match=ONE) as caught:
            run(tmp_path)
        said.append(caught)

    assert result_digest(run(tmp_path, on_progress=again)) == result_digest(run(None))
    assert len(said) == 5


def test_an_error_leaves_the_folder_free(tmp_path: Path) -> None:
    def interrupt(progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupted:
        run(tmp_path, on_progress=interrupt)
    with pytest.raises(ValueError, match="batch_size 9, got 8") as refused:
        run(tmp_path, batch_size=9)
    run(tmp_path)
    with pytest.raises(ValueError, match="expected epochs to be at least the 9 that") as fewer:
        run(tmp_path, epochs=8)
    run(tmp_path)  # while the errors above still hold on to all that they have seen
    assert names(tmp_path) == ["epoch_8", "epoch_9"]
    assert all(caught.traceback for caught in (interrupted, refused, fewer))


def test_a_folder_that_is_gone_hides_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def replace(progress: Any) -> None:
        if folder.is_dir():
            shutil.rmtree(folder)
            folder.write_text("")

    with pytest.raises(InvalidValueError, match=r"to be writable, got .*: Not a directory\. Make"):
        run(folder, epochs=3, report_every=1, on_progress=replace)


def test_a_pipe_in_the_place_of_the_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    assert result_digest(run(tmp_path, epochs=2)) == result_digest(run(None, epochs=2))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.mkdir, "Is a directory"),
        (lambda lock: lock.symlink_to("/dev/zero"), "Too many levels of symbolic links"),
    ],
)
def test_anything_else_in_its_place_is_said(make: Any, reason: str, tmp_path: Path) -> None:
    make(tmp_path / ".lock")
    with pytest.raises(InvalidValueError, match=rf"checkpoint to be writable, got '.*': {reason}"):
        run(tmp_path)
