"""Servers: processes that start runs which may be killed, and say what those say."""

import os
import subprocess
import sys
from pathlib import Path

from tests.test_structure import ROOT


class Server:
    """A process that starts a run for each line that it is told, until it is killed itself."""

    def __init__(self, module: str, *arguments: Path, cache: Path):
        """Start the server.

        Args:
            module: such as ``"tests.training.checkpoints.starts"``, which says what lines it takes.
            arguments: on its command line.
            cache: folder of compiled programs, so that its runs compile once.
        """
        environment = os.environ | {
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def read(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith("\n"), "the server has ended"
        return line.strip()

    def start(self, *words: object) -> list[int]:
        """Start a run, and return its processes."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{' '.join(map(str, words))}\n")
        self.process.stdin.flush()
        return [int(child) for child in self.read().split()]

    def end(self) -> list[str]:
        """Return what a run said until it ended."""
        said = [self.read()]
        while not said[-1].startswith("ended"):
            said.append(self.read())
        return said
