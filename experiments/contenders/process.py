"""A contender's own process: trains one epoch for every line that it reads, and says how long.

Speaks JSON, a line each way. First line out, after a first epoch, which compiles:
``{"first_seconds", "versions", "data"}``, or ``{"error"}``. Then, for each line in, a line out:
``{"seconds", "test_accuracy", "peak_bytes"}``. It ends with its input, whatever it does then.
"""

import importlib.metadata
import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(name: str, examples: str, data_dir: str) -> None:
    """Serve epochs of the contender ``name``."""
    next_line = listen()
    try:
        epoch, ready = start(name, int(examples) or None, Path(data_dir) if data_dir else None)
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
        raise
    say(ready)
    while next_line():
        say(timed(epoch))


def listen() -> Callable[[], str]:
    """Return what waits for the next line; end the process as soon as nobody can write any."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines.get


def timed(epoch: Callable[[], float]) -> dict[str, Any]:
    """Train one epoch and return how long it took, or what went wrong."""
    started = time.perf_counter()
    try:
        accuracy = epoch()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    return {"seconds": seconds, "test_accuracy": accuracy, "peak_bytes": peak}


def start(name: str, examples: int | None, data_dir: Path | None):
    """Load the contender and let it train once, so that all is compiled."""
    from experiments.contenders import CONTENDERS
    from experiments.contenders.workload import headline

    contender = CONTENDERS[name]
    workload = headline(examples, data_dir=data_dir)
    function = contender.load()
    started = time.perf_counter()
    epoch = function(workload)
    epoch()
    versions = {package: importlib.metadata.version(package) for package in contender.requires}
    seconds = time.perf_counter() - started
    return epoch, {"first_seconds": seconds, "versions": versions, "data": workload.data}


def say(message: dict[str, Any]) -> None:
    """Write one line to whoever started this process."""
    print(json.dumps(message), file=ANSWERS, flush=True)


if __name__ == "__main__":
    # frameworks may print, their C++ too: keep a descriptor of our own for the answers
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(*sys.argv[1:])
