"""All experiments run as processes, as many at a time as there are cores."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from experiments.course.contents import TIMED, UNSEEDED
from experiments.harness.record import write_atomically
from jaxnet.training import count_cores

NOTE = "run.json"
"""Written into the folder of an experiment when it has ended."""

QUICKLY = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
"""Environment of a quick run: what costs time there is to compile."""

LINES = 12
"""Last lines of the output that the page shows of an experiment that failed."""


class Run(NamedTuple):
    """An experiment that has run.

    Attributes:
        name: of the experiment.
        arguments: of Python, but for the folder.
        status: exit status; 1 if a claim does not hold.
        seconds: wall time.
        output: its last lines.
        record: its result.json; None if there is none.
    """

    name: str
    arguments: list[str]
    status: int
    seconds: float
    output: str
    record: dict[str, Any] | None

    @property
    def crashed(self) -> bool:
        """Whether there is nothing to show."""
        return self.record is None or self.status not in (0, 1)


def command(name: str, *, quick: bool, seed: int) -> list[str]:
    """Return the arguments of Python that run an experiment."""
    seeded = seed and name not in UNSEEDED
    return [
        "-m",
        f"experiments.{name}",
        *["--smoke"] * quick,
        *["--seed", str(seed)] * bool(seeded),
    ]


def run_all(
    names: Sequence[str],
    out: Path,
    *,
    alone: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    told: Callable[[Run, bool], None],
) -> list[Run]:
    """Run experiments, but those that an earlier start has finished in the same folder.

    Args:
        names: of the experiments.
        alone: those that run one by one, after all others.
        out: folder, with one for each experiment.
        quick: whether with small settings, and compiled with few optimizations unless they measure
            time.
        seed: of all that have one.
        told: called with each that has ended, and whether it had before.
    """

    def one(name: str) -> Run:
        arguments = command(name, quick=quick, seed=seed)
        found = _finished(name, out / name, arguments)
        environment = QUICKLY if quick and name not in TIMED else {}
        run = _run(name, out / name, arguments, environment) if found is None else found
        told(run, found is not None)
        return run

    with ThreadPoolExecutor(count_cores()) as pool:
        runs = list(pool.map(one, [name for name in names if name not in alone]))
    runs += map(one, [name for name in names if name in alone])
    return sorted(runs, key=lambda run: names.index(run.name))


def _finished(name: str, folder: Path, arguments: list[str]) -> Run | None:
    """Return an experiment that has run with these settings; one that failed runs again."""
    try:
        noted = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if noted["status"] != 0 or noted["command"] != arguments:
        return None
    return Run(name, arguments, 0, noted["seconds"], noted["output"], _record(folder))


def _run(name: str, folder: Path, arguments: list[str], environment: dict[str, str]) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    for old in (folder / NOTE, folder / "result.json"):
        old.unlink(missing_ok=True)
    began = time.perf_counter()
    with open(folder / "output.txt", "wb") as file:
        status = subprocess.run(
            [sys.executable, *arguments, "--out", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
        ).returncode
    seconds = time.perf_counter() - began
    lines = (folder / "output.txt").read_text("utf-8", "replace").splitlines()
    output = "\n".join(lines[-LINES:])
    noted = {"status": status, "command": arguments, "seconds": seconds, "output": output}
    text = json.dumps(noted, indent=2) + "\n"
    write_atomically(folder / NOTE, lambda path: path.write_text(text, "utf-8"))
    return Run(name, arguments, status, seconds, output, _record(folder))


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / "result.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
