"""Takes turns between processes that each train one contender of the benchmark."""

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
from experiments.contenders.workload import Workload, headline
from experiments.harness.command import LostContenderError
from jaxnet.core.checks import check_range


@dataclasses.dataclass
class Timing:
    """What one contender took.

    Attributes:
        name: the contender's name.
        first_seconds: wall time of setting up and the first epoch, compilation included.
        seconds: wall time of each epoch after the first.
        test_accuracy: after the last epoch.
        peak_bytes: the most memory that its process ever had.
        versions: package -> version.
        data: what the images were, ``"mnist"`` or ``"random"``.
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
        """The median epoch, in seconds."""
        return statistics.median(self.seconds)


def missing_packages(name: str) -> list[str]:
    """Return what has to be installed before the contender can run."""
    import_names = {"scikit-learn": "sklearn"}
    required = CONTENDERS[name].requires
    return [p for p in required if importlib.util.find_spec(import_names.get(p, p)) is None]


def time_in_turns(
    names: Sequence[str],
    *,
    rounds: int,
    examples: int,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> tuple[list[Timing], dict[str, str]]:
    """Let contenders train in turns, one epoch each a round, never two at a time.

    Returns:
        A `Timing` for each contender that ran, and name -> reason for each that did not.
    """
    timings: dict[str, Timing] = {}
    failures: dict[str, str] = {}
    processes: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            say(f"first epoch of {name}")
            process = stack.enter_context(_process(name, examples, data_dir))
            answer = _answer(process)
            if "error" in answer:
                failures[name] = answer["error"]
            else:
                processes[name], timings[name] = process, Timing(name, **answer)
        for index in range(rounds):
            order = list(processes)
            first = index % max(1, len(order))  # so that nobody always follows the same one
            for name in order[first:] + order[:first]:
                say(f"round {index + 1} of {rounds}: {name}")
                answer = _next_epoch(processes[name])
                if "error" in answer:
                    failures[name] = answer["error"]
                    del processes[name], timings[name]
                else:
                    timings[name].seconds.append(answer["seconds"])
                    timings[name].test_accuracy = answer["test_accuracy"]
                    timings[name].peak_bytes = answer["peak_bytes"]
    return list(timings.values()), failures


def check_workload(examples: int, data_dir: Path | None) -> Workload:
    """Return the workload, once it is known to be one that all contenders can train on.

    Args:
        examples: ``--examples``; 0 for all.
        data_dir: ``--data-dir``.

    Raises:
        FileNotFoundError: if MNIST is not where it was said to be.
        ValueError: for fewer examples than a mini-batch, or more than there are.
    """
    workload = headline(examples or None, data_dir=data_dir)
    if examples:
        low, high = workload.batch_size, len(workload.train.targets)
        check_range("--examples", examples, low=low, high=high)
    return workload


def lost(failures: dict[str, str]) -> LostContenderError:
    """Return, to be raised, what says which contenders failed, and why.

    Args:
        failures: name -> reason.
    """
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
    return LostContenderError(f"expected contenders to train, got failures: {reasons}")


@contextlib.contextmanager
def _process(name: str, examples: int, data_dir: Path | None) -> Iterator[Any]:
    command = [sys.executable, "-m", "experiments.contenders.process", name, str(examples)]
    command.append(str(data_dir or ""))
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
