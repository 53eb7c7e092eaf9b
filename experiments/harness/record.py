"""The record that an experiment leaves: ``result.json``, whole or not at all."""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from jaxnet.core import files

PACKAGES = ("jax", "jaxlib", "numpy", "optax")


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement that an experiment checks.

    Attributes:
        statement: what is claimed, one sentence.
        source: who claims it: a lecture, a paper, an issue.
        measured: the number measured here.
        threshold: the number that it is held against.
        holds: whether the claim was found true.
    """

    statement: str
    source: str
    measured: float
    threshold: float
    holds: bool

    def describe(self) -> str:
        """Return the claim with its numbers, for a person."""
        return f"{self.statement} (measured {self.measured:.6g}, threshold {self.threshold:.6g})"


def at_most(statement: str, source: str, measured: float, threshold: float) -> Claim:
    """Return the claim that a number is at most the threshold, which NaN is not."""
    return Claim(statement, source, measured, threshold, bool(measured <= threshold))


def at_least(statement: str, source: str, measured: float, threshold: float) -> Claim:
    """Return the claim that a number is at least the threshold, which NaN is not."""
    return Claim(statement, source, measured, threshold, bool(measured >= threshold))


def prepare_folder(out: Path) -> Path:
    """Create the output folder and try it, so that a long run does not end without a place.

    Raises:
        ValueError: if the folder cannot be created or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        remedy = "Choose another by --out DIR."
        raise files.not_writable(out, error, remedy, argument="folder") from error
    return out


def write_atomically(path: Path, write: Callable[[Path], Any]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then move it there in one step."""
    remedy = "Make room, or choose another folder by --out DIR."
    return files.write_atomically(path, write, remedy=remedy)


def write_record(
    out: Path,
    *,
    experiment: str,
    config: Any,
    seeds: Sequence[int],
    results: Mapping[str, Any],
    claims: Sequence[Claim] = (),
    figures: Sequence[Path] = (),
) -> Path:
    """Write ``result.json`` into ``out`` and return its path. NaN and infinity become null."""
    record = {
        "experiment": experiment,
        "config": dataclasses.asdict(config),
        "seeds": list(seeds),
        "environment": environment(),
        "results": results,
        "claims": [dataclasses.asdict(claim) for claim in claims],
        "figures": [figure.name for figure in figures],
    }
    text = json.dumps(_plain(record), indent=2, allow_nan=False) + "\n"
    return write_atomically(
        out / "result.json", lambda path: path.write_text(text, encoding="utf-8")
    )


def environment() -> dict[str, Any]:
    """Return what the numbers of a run depend on: versions, device, precision, command."""
    device = jax.devices()[0]
    return {
        "versions": {"jaxnet": jaxnet.__version__} | package_versions(PACKAGES),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device.device_kind,
        "backend": device.platform,
        "devices": jax.device_count(),
        "cpu_cores": os.cpu_count(),
        "default_matmul_precision": str(jax.config.values["jax_default_matmul_precision"]),
        "x64": bool(jax.config.values["jax_enable_x64"]),
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
    }


def package_versions(names: Sequence[str]) -> dict[str, str]:
    """Return name -> installed version."""
    return {name: importlib.metadata.version(name) for name in names}


def _plain(value: Any) -> Any:
    """Return the value in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | jax.Array):
        return _plain(np.asarray(value).tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
