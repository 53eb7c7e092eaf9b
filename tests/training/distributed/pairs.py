"""Starts a checkpointed run of two processes again and again, which may be killed.

``python -m tests.training.distributed.pairs`` reads lines ``EPOCHS FOLDER``, or ``EPOCHS -`` for no
checkpoint, from standard input. For each it forks twice, which saves the imports, and trains in
the children. It says ``PID PID``, each finished epoch, ``done DIGEST`` of each that lived to see
it, and ``ended STATUS STATUS``.
"""

import os
import socket
import sys
from pathlib import Path

import jax

from jaxnet.training import Progress
from tests.training.checkpoints.starts import result_digest, say, train


def free_address() -> str:
    """Return an address of this machine to which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def train_together(index: int, coordinator: str, epochs: int, folder: Path | None) -> None:
    """Be one of two processes with a device each; the first one tells of every epoch."""
    jax.distributed.initialize(coordinator, 2, index, initialization_timeout=100)

    def show(progress: Progress) -> None:
        if index == 0:
            say(progress.epoch)

    result = train(epochs, folder, show, devices=jax.devices())
    say("done", result_digest(result))
    jax.distributed.shutdown()  # or the coordinator may be gone before the other one is


def fork(index: int, coordinator: str, epochs: int, folder: Path | None) -> int:
    """Return the number of the process that trains."""
    child = os.fork()
    if child == 0:
        try:
            train_together(index, coordinator, epochs, folder)
        except BaseException as error:
            say("failed", repr(error).replace("\n", " "))
            os._exit(1)
        os._exit(0)
    return child


def main() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    jax.config.update("jax_disable_most_optimizations", True)
    for line in sys.stdin:
        epochs, name = line.split()
        coordinator, folder = free_address(), None if name == "-" else Path(name)
        children = [fork(index, coordinator, int(epochs), folder) for index in range(2)]
        say(*children)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        say("ended", *codes)


if __name__ == "__main__":
    main()
