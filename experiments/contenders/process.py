"""Process of a contender: trains one epoch per line of input and prints its time.

Lines are JSON. The first line, after a first epoch with compilation, is
``{"first_seconds", "versions", "data"}`` or ``{"error"}``; each line of input is answered by
``{"seconds", "test_accuracy", "peak_bytes"}``. The process ends with its input.
"""

import importlib.metadata
import json
import os
import queue
import re
import resource
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(name: str, workload: str, examples: str, data_dir: str) -> None:
    """Train epochs of the contender ``name`` on request."""
    warnings.filterwarnings("error", message="expected JAX not to have started")
    next_line = listen()
    try:
        folder = Path(data_dir) if data_dir else None
        epoch, ready = start(name, workload, int(examples) or None, folder)
    except Exception as error:
        send({"error": f"{type(error).__name__}: {error}"})
        raise
    send(ready)
    while next_line():
        send(timed(epoch))


def listen() -> Callable[[], str]:
    """Return a function that waits for the next line; end the process with its input."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines.get


def timed(epoch: Callable[[], Any]) -> dict[str, Any]:
    """Train one epoch and return its time or its error."""
    started = time.perf_counter()
    try:
        accuracy = epoch()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - started
    if isinstance(accuracy, tuple):
        accuracy, seconds = accuracy
    return {"seconds": seconds, "test_accuracy": accuracy, "peak_bytes": peak_bytes()}


def peak_bytes() -> int:
    """Return the largest memory of this process so far.

    On Linux, getrusage gives that of the process that started this one, where it is larger.
    """
    if sys.platform == "linux":
        (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return 1024 * int(kibibytes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def start(name: str, workload_name: str, examples: int | None, data_dir: Path | None):
    """Load the contender and train one epoch, which compiles."""
    from experiments.contenders import CONTENDERS
    from experiments.contenders.workload import make_workload

    contender = CONTENDERS[name]
    workload = make_workload(workload_name, examples, data_dir=data_dir)
    function = contender.load()
    started = time.perf_counter()
    epoch = function(workload)
    epoch()
    versions = {package: importlib.metadata.version(package) for package in contender.requires}
    seconds = time.perf_counter() - started
    return epoch, {"first_seconds": seconds, "versions": versions, "data": workload.data}


def send(message: dict[str, Any]) -> None:
    """Write one line of JSON to the parent process."""
    print(json.dumps(message), file=ANSWERS, flush=True)


if __name__ == "__main__":
    # frameworks may print, also from C++: answers have their own descriptor
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(*sys.argv[1:])
