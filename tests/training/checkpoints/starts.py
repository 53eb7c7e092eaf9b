"""Starts a small checkpointed run again and again, each time in a process that may be killed.

``python -m tests.training.checkpoints.starts FOLDER`` reads lines ``EPOCHS`` from standard input.
For each it forks, which saves the imports, and trains in the child, which also keeps logs beside
FOLDER, named LOG and BOARD below. It prints ``PID``, each finished epoch,
``done DIGEST`` if the run lived to see it, and ``ended STATUS``.

``python -m tests.training.checkpoints.starts FOLDER COPIES`` trains four epochs, and before every
operation on a file copies FOLDER to COPIES/0, COPIES/1 ...: what a kill at that moment would have
left.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors.numpy  # noqa: F401  imported before the fork
import tensorboardX.event_file_writer  # noqa: F401

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples
from jaxnet.training import FitResult, Progress, fit, json_lines_log, tensorboard_log, together

NETWORK = jaxnet.mlp((2, 2))
OPTIMIZER = jaxnet.optim.sgd(0.1)
LOG, BOARD = "log.jsonl", "board"
OUT = os.dup(1)
"""Standard output, also where that is later taken from Gloo, which writes to it amid lines."""
FILE_OPERATIONS = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate")


def train(
    epochs: int, folder: Path | None, on_progress: Any = None, devices: Any = None
) -> FitResult:
    """Train a network that is soon compiled, and write a checkpoint after every epoch."""
    inputs = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
    return fit(
        NETWORK,
        Examples(inputs, np.arange(6, dtype=np.int32) % 2),
        key=jax.random.key(0),
        optimizer=OPTIMIZER,
        epochs=epochs,
        batch_size=6,
        metrics=(),
        report_every=1,
        checkpoint=folder,
        devices=devices,
        on_progress=on_progress,
    )


def train_with_logs(epochs: int, folder: Path, on_progress: Any = None) -> FitResult:
    """Train as above, and log each epoch in both ways beside the folder."""
    with tensorboard_log(folder.parent / BOARD) as board:
        lines = json_lines_log(folder.parent / LOG)
        return train(epochs, folder, together(lines, board, on_progress))


def result_digest(result: FitResult) -> str:
    """Return one digest of all that a run gives."""
    return digest((result.params, result.statistics, result.state, result.history))


def say(*words: object) -> None:
    """Write a line at once: a kill leaves all or nothing, and two processes write whole lines."""
    os.write(OUT, f"{' '.join(map(str, words))}\n".encode())


def serve(begin: Callable[[int], str]) -> None:
    """Begin in a child as often as asked; what that returns is the digest of the result."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say(os.getpid())
            say("done", begin(int(line)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say("ended", os.waitstatus_to_exitcode(status))


def show(progress: Progress) -> None:
    """Print how far it is."""
    say(progress.epoch)


def copy_before_every_operation(folder: Path, copies: Path) -> Callable[[str, Any], None]:
    """Return an audit hook that copies the folder before each operation on its files."""
    state = {"within": False}

    def hook(event: str, args: Any) -> None:
        if event not in FILE_OPERATIONS or not str(args[0]).startswith(f"{folder}/"):
            return
        if not state["within"]:
            state["within"] = True
            shutil.copytree(folder, copies / str(len(list(copies.iterdir()))))
            state["within"] = False

    return hook


if __name__ == "__main__":
    jax.config.update("jax_disable_most_optimizations", True)
    place = Path(sys.argv[1])
    if len(sys.argv) == 2:
        serve(lambda epochs: result_digest(train_with_logs(epochs, place, show)))
    else:
        sys.addaudithook(copy_before_every_operation(place, Path(sys.argv[2])))
        train(4, place)
