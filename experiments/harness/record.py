"""Record of an experiment: ``result.json``, written atomically."""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

import jaxnet
from experiments.harness import terminal
from jaxnet.core.errors import InvalidValueError, invalid_value

PACKAGES = ("jax", "jaxlib", "numpy", "optax")

FIELDS = {
    "experiment": "name of the experiment",
    "config": "its settings, by the names of its options",
    "seconds": "wall time from the command to the record",
    "environment": "versions, Python, platform, device, backend, number of devices and CPU cores, "
    "precision of matrix products, whether float64 is on, the command",
    "seeds": "of all that is random",
    "results": "the numbers of the experiment, each by its name",
    "claims": "statement, source, measured, comparison, threshold, holds, uncertainty, verdict",
    "figures": "names of the figures beside the record",
}
"""Field of a record -> what it holds."""

PARTIAL = "partial.json"
"""Written in place of ``result.json`` by an interrupted experiment; removed by a whole record."""

T = TypeVar("T")

_began = time.perf_counter()
_reached: dict[str, Any] = {}
"""What `growing` has given out in this run."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """Statement that an experiment checks.

    Attributes:
        statement: what is claimed, one sentence.
        source: origin of the claim: a lecture, a paper, an issue.
        measured: the measured number.
        comparison: how it is to compare with the threshold, such as ``">="``.
        threshold: the other number.
        holds: whether the claim is true.
        uncertainty: standard error of the measured number over seeds; None for an exact one.
        verdict: on what the source says: ``"holds"``, ``"fails"``, where the claim shows the
            opposite, or ``"holds only if ..."``; ``"not shown"`` if the claim is not true.
    """

    statement: str
    source: str
    measured: float
    comparison: str
    threshold: float
    holds: bool
    uncertainty: float | None = None
    verdict: str = "holds"

    def __post_init__(self) -> None:
        if not self.holds:
            object.__setattr__(self, "verdict", "not shown")

    def describe(self) -> str:
        """Return the claim with its numbers as text.

        >>> at_least("share read", "an issue", 44.6, 5, uncertainty=2.0).describe()
        'share read: 44.6 ± 2 >= 5'
        """
        error = "" if self.uncertainty is None else f" ± {self.uncertainty:.2g}"
        comparison = f"{self.measured:.6g}{error} {self.comparison} {self.threshold:.6g}"
        return f"{self.statement}: {comparison}"


def at_most(statement: str, source: str, measured: float, threshold: float, **more: Any) -> Claim:
    """Return the claim that a number is at most the threshold; it fails for NaN.

    Args:
        statement: as for `Claim`, like the others.
        source: where the claim is from.
        measured: the number.
        threshold: the most that it may be.
        more: ``uncertainty`` and ``verdict``.
    """
    return Claim(statement, source, measured, "<=", threshold, bool(measured <= threshold), **more)


def at_least(statement: str, source: str, measured: float, threshold: float, **more: Any) -> Claim:
    """Return the claim that a number is at least the threshold, as `at_most`."""
    return Claim(statement, source, measured, ">=", threshold, bool(measured >= threshold), **more)


def over_seeds(values: Any) -> tuple[float, float]:
    """Return the mean of values, one a seed, and its standard error.

    >>> over_seeds([1.0, 3.0])
    (2.0, 1.0)
    """
    each = np.asarray(values, float)
    return float(each.mean()), float(each.std(ddof=1) / len(each) ** 0.5)


def clearly_positive(statement: str, source: str, differences: Any, **more: Any) -> Claim:
    """Return the claim that a mean over seeds is 3 of its standard errors or more above 0.

    Args:
        statement: as for `Claim`.
        source: where the claim is from.
        differences: of the same seeds, which are the last axis; over others the mean is taken.
        more: ``verdict``.

    >>> clearly_positive("rain falls", "a gauge", [1.0, 1.2, 1.1]).holds
    True
    >>> clearly_positive("rain falls", "a gauge", [0.0, 0.0]).holds
    False
    """
    mean, error = over_seeds(np.atleast_2d(differences).mean(axis=0))
    threshold = max(3 * error, sys.float_info.min)  # nothing but zeros is not above 0
    return at_least(statement, source, mean, threshold, uncertainty=error, **more)


def prepare_folder(out: Path, *, option: str = "--out") -> Path:
    """Create an output folder and a file in it, so that a long run does not fail at its end.

    Raises:
        ValueError: if the folder cannot be created or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise _not_writable("folder", out, error, f"Choose another by {option} DIR.") from error
    return out


def write_atomically(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write a file by a temporary one beside it, which takes its name in one step.

    Args:
        path: the file.
        write: fills the temporary file, which has the same suffix.

    Raises:
        ValueError: if the file cannot be written; an old one is then unchanged.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        remedy = "Make room, or choose another folder by --out DIR."
        raise _not_writable("file", path, error, remedy) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _not_writable(name: str, path: Path, error: OSError, remedy: str) -> InvalidValueError:
    actual = f"'{path}': {error.strerror or error}"
    return invalid_value(name, "to be writable", actual, remedy)


def begin(config: Any) -> None:
    """Begin a run: its seconds count from here, and an interrupt leaves what is `growing`."""
    global _began
    _began = time.perf_counter()
    _reached.clear()
    terminal.at_interrupt[:] = [lambda: write_partial(config)]


def growing(name: str, results: T) -> T:
    """Return results that are to grow, such as ``[]``, of which an interrupt leaves what they have.

    Args:
        name: in ``results`` of ``partial.json``.
        results: a list, a dictionary or a tree of them, of what a record may hold.
    """
    _reached[name] = results
    return results


def write_partial(config: Any) -> str:
    """Write what has grown so far, if it holds anything, and say where."""
    if not any(_reached.values()):
        return ""
    path = _write(config.out / PARTIAL, config, {"interrupted": True, "results": _reached})
    return f"what was reached is in {path}"


def conclude(
    config: Any,
    *,
    seeds: Sequence[int],
    results: Mapping[str, Any],
    claims: Sequence[Claim] = (),
    figures: Sequence[Path] = (),
) -> list[Claim]:
    """Write the record, print the claims and the paths of all files, and return the claims."""
    path = write_record(config, seeds=seeds, results=results, claims=claims, figures=figures)
    print("", *map(judged, claims), "wrote", path, *figures, sep="\n")
    return list(claims)


MARKS = "✓✗±"
PLAIN_MARKS = str.maketrans(dict(zip(MARKS, ("ok", "FAILS", "+-"), strict=True)))
"""What stands for the marks on a terminal or in a file that cannot encode them."""


def judged(claim: Claim) -> str:
    """Return the line of a claim on standard output, such as ``✓ share read: 44.6 ± 2 >= 5``."""
    line = f"{'✓' if claim.holds else '✗'} {claim.describe()}"
    try:
        MARKS.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return line.translate(PLAIN_MARKS)
    return line


def write_record(
    config: Any,
    *,
    seeds: Sequence[int],
    results: Mapping[str, Any],
    claims: Sequence[Claim] = (),
    figures: Sequence[Path] = (),
) -> Path:
    """Write ``result.json`` into the folder ``config.out`` and return its path.

    NaN and infinity become null.
    """
    found = {
        "seeds": list(seeds),
        "results": results,
        "claims": claims,
        "figures": [figure.name for figure in figures],
    }
    path = _write(config.out / "result.json", config, found)
    _reached.clear()
    (config.out / PARTIAL).unlink(missing_ok=True)
    return path


def _write(path: Path, config: Any, found: Mapping[str, Any]) -> Path:
    record = {
        "experiment": experiment_name(config),
        "config": config,
        "seconds": round(time.perf_counter() - _began, 3),
        "environment": environment(),
        **found,
    }
    text = json.dumps(plain(record), indent=2, allow_nan=False) + "\n"
    return write_atomically(path, lambda path: path.write_text(text, encoding="utf-8"))


def experiment_name(config: Any) -> str:
    """Return the module of a config's class, also where that is run as ``__main__``."""
    spec = sys.modules[type(config).__module__].__spec__
    return spec.name.rpartition(".")[2] if spec else ""


def environment() -> dict[str, Any]:
    """Return the environment of a run: versions, device, precision, command."""
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


def plain(value: Any) -> Any:
    """Return the value in types of JSON."""
    if hasattr(value, "_asdict"):  # a NamedTuple
        value = value._asdict()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        items = list(value.items())  # at once: it may grow in another thread
        return {str(name): plain(item) for name, item in items}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | jax.Array):
        return plain(np.asarray(value).tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
