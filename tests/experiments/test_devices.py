"""Data-parallel training on the cores of this machine, by a command in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.test_commands import run
from tests.test_structure import ROOT

CORES = len(os.sched_getaffinity(0))

CODE = f"""
import sys
from tests.experiments.test_commands import run
out = sys.argv[1]
def start(devices, batch_size):
    return run("learning_curves", "--smoke", "--widths", "64", "30", "10", "--out", out,
               "--batch-size", str(batch_size), "--devices", str(devices))
refused = start({CORES + 1}, 8), start({CORES}, {4 * CORES + 1})
print("statuses", *refused, start({CORES}, {4 * CORES}))
"""


@pytest.mark.slow
@pytest.mark.skipif(CORES < 2, reason="one core is one device")
def test_all_cores_train_like_one_device(tmp_path: Path) -> None:
    together, alone = tmp_path / "together", tmp_path / "alone"
    command = [sys.executable, "-c", CODE, str(together)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "statuses 2 2 0\n" in done.stdout
    first, second = done.stderr.splitlines()
    assert f"--devices to be at most {CORES}, the cores of this machine, got {CORES + 1}." in first
    assert f"batch_size to be a multiple of the {CORES} devices, got {4 * CORES + 1}." in second
    options = ["--widths", "64", "30", "10", "--batch-size", str(4 * CORES), "--out", str(alone)]
    assert run("learning_curves", "--smoke", *options) == 0
    both = [json.loads((out / "result.json").read_text()) for out in (together, alone)]
    losses = [each["results"]["history"]["train"]["loss"] for each in both]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    assert [each["config"]["devices"] for each in both] == [CORES, None]
