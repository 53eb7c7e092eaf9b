"""Many devices and many processes train what one trains; they need processes of their own."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent


def start(*command: Any, **environment: str) -> subprocess.Popen[str]:
    own = {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Return what processes print, which must all succeed."""
    try:
        printed = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes), printed
    return printed


@pytest.mark.slow
def test_eight_devices() -> None:
    command = "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", HERE / "eight_devices.py"
    (printed,) = finish([start(*command, JAX_NUM_CPU_DEVICES="8")])
    assert re.search("[56] passed", printed)  # of six, one is of both cases where types are checked


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "left"),
    [
        # the second one neither reads nor writes a checkpoint of `fit`, but of a run of its own
        ("runs", ["lost", "new", "process_0", "process_1", "together.npz"]),
        ("sweeps", ["sweep"]),
    ],
)
def test_two_processes(tmp_path: Path, part: str, left: list[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{probe.getsockname()[1]}"
    first, second = finish(
        [start(HERE / "two_processes.py", coordinator, i, tmp_path, part) for i in range(2)]
    )
    digests = [re.findall("^digests .*$", text, re.MULTILINE) for text in (first, second)]
    assert digests[0] == digests[1] != []
    assert sorted(path.name for path in tmp_path.iterdir()) == left
