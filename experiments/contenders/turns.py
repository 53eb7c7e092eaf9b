"""Timing of contenders in turns, each in its own process."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.contenders import CONTENDERS
from experiments.contenders.workload import Workload, make_workload
from experiments.harness.command import LostContenderError
from jaxnet.core.checks import check_range


@dataclasses.dataclass
class Timing:
    """Time and memory of a contender.

    Attributes:
        name: the contender's name.
        first_seconds: wall time of setting up and the first epoch, compilation included.
        seconds: wall time of each epoch after the first.
        test_accuracy: after the last epoch.
        peak_bytes: peak memory of its process.
        versions: package -> version.
        data: as for `experiments.contenders.workload.Workload`.
    """

    name: str
    first_seconds: float
    versions: dict[str, str]
    data: str
    seconds: list[float] = dataclasses.field(default_factory=list)
    test_accuracy: float = 0.0
    peak_bytes: int = 0

    @property
    def median(self) -> float:
        """Median time of an epoch, in seconds."""
        return statistics.median(self.seconds)


def missing_packages(name: str) -> list[str]:
    """Return the packages that a contender lacks."""
    import_names = {"scikit-learn": "sklearn"}
    required = CONTENDERS[name].requires
    return [p for p in required if importlib.util.find_spec(import_names.get(p, p)) is None]


def time_in_turns(
    names: Sequence[str],
    *,
    workload: str = "headline",
    rounds: int,
    examples: int,
    data_dir: Path | None,
    show: Callable[[str], None],
) -> tuple[list[Timing], dict[str, str]]:
    """Train contenders in turns, one epoch each per round.

    Returns:
        A `Timing` per contender that ran, and name -> reason for the others.
    """
    timings: dict[str, Timing] = {}
    failures: dict[str, str] = {}
    processes: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            show(f"first epoch of {name}")
            process = stack.enter_context(_process(name, workload, examples, data_dir))
            answer = _answer(process)
            if "error" in answer:
                failures[name] = answer["error"]
            else:
                processes[name], timings[name] = process, Timing(name, **answer)
        for index in range(rounds):
            order = list(processes)
            first = index % max(1, len(order))  # no contender always follows the same one
            for name in order[first:] + order[:first]:
                show(f"round {index + 1} of {rounds}: {name}")
                answer = _next_epoch(processes[name])
                if "error" in answer:
                    failures[name] = answer["error"]
                    del processes[name], timings[name]
                else:
                    timings[name].seconds.append(answer["seconds"])
                    timings[name].test_accuracy = answer["test_accuracy"]
                    timings[name].peak_bytes = answer["peak_bytes"]
    return list(timings.values()), failures


def check_workload(name: str, examples: int, data_dir: Path | None) -> Workload:
    """Return the workload called ``name``, after checks.

    Raises:
        FileNotFoundError: if MNIST is not in ``data_dir``.
        ValueError: for fewer examples than a mini-batch, or more than there are.
    """
    workload = make_workload(name, examples or None, data_dir=data_dir)
    if examples:
        low, high = workload.batch_size, len(workload.train.targets)
        check_range("--examples", examples, low=low, high=high)
    return workload


def lost(failures: dict[str, str]) -> LostContenderError:
    """Return the error about failed contenders."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
    return LostContenderError(f"expected contenders to train, got failures: {reasons}")


@contextlib.contextmanager
def _process(name: str, workload: str, examples: int, data_dir: Path | None) -> Iterator[Any]:
    command = [sys.executable, "-m", "experiments.contenders.process", name, workload]
    command += [str(examples), str(data_dir or "")]
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.communicate()


def _next_epoch(process: Any) -> dict[str, Any]:
    try:
        process.stdin.write("epoch\n")
        process.stdin.flush()
    except BrokenPipeError:
        return {"error": "its process has ended"}
    return _answer(process)


def _answer(process: Any) -> dict[str, Any]:
    line = process.stdout.readline()
    return json.loads(line) if line else {"error": "its process ended without an answer"}
