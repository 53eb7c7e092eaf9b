"""A process that trains its first epoch, and says when it had done what."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STAGES = ("Python and imports", "data", "trace and lower", "compile or load", "run")
"""What a process does until its first epoch has ended."""

COMPILED = "/jax/core/compile/backend_compile_duration"
"""JAX's event after a program was compiled, or loaded."""

TRACED = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
)
"""Its events after a function was traced, one within another, and after it was lowered."""


def start(programs: Path, examples: int, data_dir: Path | None) -> dict[str, float]:
    """Start a process, and return the seconds of each of `STAGES`.

    Args:
        programs: folder of compiled programs.
        examples: number of training examples; 0 for all.
        data_dir: as for `experiments.contenders.workload.make_workload`.
    """
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "JAX_COMPILATION_CACHE_DIR": str(programs)}
    own["JAX_ENABLE_COMPILATION_CACHE"] = "1"
    command = [sys.executable, "-c", "from experiments.cold_start.start import answer; answer()"]
    command += [repr(time.time()), str(examples), str(data_dir or "")]
    done = subprocess.run(command, env=os.environ | own, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main(commanded: float, examples: int, data_dir: Path | None) -> dict[str, float]:
    """Train an epoch; return the seconds of each stage since the command."""
    import jax

    import jaxnet
    from experiments.contenders.workload import make_workload

    intervals: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def note(event: str, duration_secs: float, **_: Any) -> None:
        intervals[event].append((time.time() - duration_secs, time.time()))

    imported = time.time()
    jaxnet.training.use_compilation_cache()
    jax.monitoring.register_event_duration_secs_listener(note)
    workload = make_workload("headline", examples or None, data_dir=data_dir)
    loaded = time.time()
    network = jaxnet.mlp(workload.widths, input_scale=1 / workload.pixel_max)
    jaxnet.training.fit(
        network,
        workload.train,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.adam(workload.learning_rate),
        epochs=1,
        batch_size=workload.batch_size,
        validation=workload.test,
        progress=False,
    )
    ended = time.time()
    compiled = intervals[COMPILED]
    traced = [each for event in TRACED for each in intervals[event]]
    compiling, both = (covered(each, since=loaded) for each in (compiled, compiled + traced))
    seconds = (imported - commanded, loaded - imported, both - compiling, compiling)
    return dict(zip(STAGES, (*seconds, ended - loaded - both), strict=True))


def covered(intervals: Sequence[tuple[float, float]], *, since: float) -> float:
    """Return the length of the union of intervals, from a time on.

    >>> covered([(0, 3), (5, 9), (6, 7)], since=1)
    6
    """
    total, reached = 0, since
    for begin, end in sorted(intervals):
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def answer() -> None:
    """Print what `main` returns for the arguments of the process."""
    commanded, examples, folder = sys.argv[1:]
    print(json.dumps(main(float(commanded), int(examples), Path(folder) if folder else None)))
