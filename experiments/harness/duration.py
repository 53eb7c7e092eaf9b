"""How long an experiment will take, said before it begins.

The seconds are those of an earlier run with the same settings and folder, else those of a table,
which has the default settings and ``--smoke``. ``python -m experiments.harness.duration DIR ...``
writes what it finds in ``DIR/*/result.json``, such as the folders of
``python -m experiments.NAME --out DIR/NAME``, into the table.
"""

import contextlib
import dataclasses
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.harness.record import experiment_name, plain, write_atomically

TABLE = Path(__file__).with_name("seconds.json")
"""Experiment -> "default" or "smoke" -> measured seconds on two cores."""

SHORT = 2.0
"""Seconds of which nothing is said."""


UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def announce(experiment: Any, config: Any) -> None:
    """Print about how long an experiment takes, if that is known and longer than `SHORT`.

    Args:
        experiment: module with ``Config`` and ``SMOKE``.
        config: its settings.
    """
    seconds, where = _earlier(config), "as before"
    if seconds is None:
        own = _read(TABLE).get(experiment_name(config), {})
        seconds, where = own.get(_kind(experiment, config)), "on two cores"
    if seconds is not None and seconds > SHORT:
        with contextlib.suppress(OSError):  # the reader of a pipe may be gone, who wants the files
            print(f"takes about {in_words(seconds)}, {where}")


def in_words(seconds: float) -> str:
    """Return a duration to two digits at most.

    >>> in_words(7.4), in_words(100.0), in_words(9000.0)
    ('7 s', '1.7 min', '2.5 h')
    """
    size, unit = next((each for each in UNITS if seconds >= 1.5 * each[0]), UNITS[-1])
    number = seconds / size
    return f"{number:.0f} {unit}" if size == 1 or number >= 10 else f"{number:.1f} {unit}"


def main(folders: Sequence[str]) -> None:
    """Write the seconds of records into the table."""
    table = _read(TABLE)
    for path in (path for folder in folders for path in sorted(Path(folder).glob("*/result.json"))):
        record = _read(path)
        experiment = importlib.import_module(f"experiments.{record['experiment']}")
        settings = {"default": experiment.Config(), "smoke": experiment.SMOKE}
        for kind, config in settings.items():
            if _without_out(plain(config)) == _without_out(record["config"]):
                table.setdefault(record["experiment"], {})[kind] = round(record["seconds"], 1)
                print(f"{record['experiment']}, {kind}: {record['seconds']:.1f} s")
    text = json.dumps(table, indent=2, sort_keys=True) + "\n"
    write_atomically(TABLE, lambda path: path.write_text(text, encoding="utf-8"))


def _earlier(config: Any) -> float | None:
    """Return the seconds of the record in the folder, if it is of the same settings."""
    record = _read(config.out / "result.json")
    same = record.get("config") == plain(config)
    same = same and record.get("experiment") == experiment_name(config)
    return record.get("seconds") if same else None


def _kind(experiment: Any, config: Any) -> str:
    """Return "default" or "smoke", whatever the folder; "" for other settings."""
    settings = {"default": experiment.Config(), "smoke": experiment.SMOKE}
    given = {kind: dataclasses.replace(each, out=config.out) for kind, each in settings.items()}
    return next((kind for kind, each in given.items() if each == config), "")


def _without_out(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "out"}


def _read(path: Path) -> dict[str, Any]:
    """Return what a file of JSON holds; nothing where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    main(sys.argv[1:])
