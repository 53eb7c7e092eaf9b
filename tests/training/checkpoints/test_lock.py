"""One run at a time writes to a folder of checkpoints, and a dead one does not lock it."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jaxnet.core.errors import InvalidValueError
from jaxnet.training.checkpoints import lock
from jaxnet.training.checkpoints.lock import FolderLock, releasing_locks
from tests.test_structure import ROOT
from tests.training.checkpoints.starts import result_digest
from tests.training.checkpoints.test_resumption import names, run

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="this system has no such locks")

ONE = "to be written to by one run at a time, got one that writes to it now. Wait"

HOLDER = """
import sys, time
from pathlib import Path
from jaxnet.training.checkpoints.lock import FolderLock
lock = FolderLock("test", Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(600)
"""


def test_a_second_process_is_refused_until_the_first_one_is_killed(tmp_path: Path) -> None:
    (tmp_path / "epoch_9.orbax-checkpoint-tmp").mkdir()  # what the first one is writing
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(InvalidValueError, match=f"expected checkpoint .* {ONE}"):
            run(tmp_path, epochs=2)
        assert names(tmp_path) == [".lock", "epoch_9.orbax-checkpoint-tmp"]
        process.kill()
    run(tmp_path, epochs=2)
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

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_progress=interrupt)
    with pytest.raises(ValueError, match="batch_size 9, got 8") as refused:
        run(tmp_path, batch_size=9)
    run(tmp_path)  # while the errors above still hold on to all that they have seen
    assert names(tmp_path) == ["epoch_8", "epoch_9"]
    assert refused.traceback


@releasing_locks()
def fail_with_a_lock(folder: Path) -> None:
    own = FolderLock(folder)
    with pytest.raises(InvalidValueError, match=ONE):
        FolderLock(folder)
    raise RuntimeError(own)


def test_what_a_function_has_locked_is_released_at_its_end(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        fail_with_a_lock(tmp_path)
    FolderLock(tmp_path).release()
    assert names(tmp_path) == []
    assert caught.traceback


def test_a_file_that_was_removed_meanwhile_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, flock = [], lock.fcntl.flock

    def slow(file: Any, how: int) -> None:
        if not taken:  # another ends between the opening and the locking
            (tmp_path / ".lock").unlink()
        taken.append(file)
        flock(file, how)

    monkeypatch.setattr(lock.fcntl, "flock", slow)
    own = FolderLock(tmp_path)
    assert len(taken) == 2
    assert names(tmp_path) == [".lock"]
    own.release()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_each_is_trusted(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Any, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    FolderLock(tmp_path).release()
    monkeypatch.setattr(lock, "fcntl", None)
    FolderLock(tmp_path).release()
    assert names(tmp_path) == []


def test_any_other_trouble_with_the_lock_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: Any, how: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(lock.fcntl, "flock", fail)
    with pytest.raises(InvalidValueError, match=r"a writable folder, got .*Input/output error"):
        run(tmp_path)


def test_a_folder_that_is_gone_hides_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def replace(progress: Any) -> None:
        if folder.is_dir():
            shutil.rmtree(folder)
            folder.write_text("")

    with pytest.raises(InvalidValueError, match="expected checkpoint to be a writable folder"):
        run(folder, epochs=3, report_every=1, on_progress=replace)


def test_nobody_waits_for_a_pipe_in_the_place_of_the_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(InvalidValueError, match=r"to be a regular file, got '.*lock', a pipe"):
        run(tmp_path)
