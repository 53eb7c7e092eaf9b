"""What differs between two records of the same experiments, of two machines or two versions?

Takes two files result.json, or two folders of them, such as the outputs of
`python -m experiments all --out DIR`. Prints for each experiment that both have what differs in its
environment, its settings and its claims, and the numbers that are farthest apart. The exit status
is 1 if a claim that held in the first does not hold in the second. The records are described in
guides/records.md. With --smoke, it trains a network on digits from two seeds and compares those.
"""

import dataclasses
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import tyro

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.options import Count
from experiments.harness.record import (
    FIELDS,
    Claim,
    at_most,
    conclude,
    prepare_folder,
    write_record,
)
from jaxnet.core.errors import invalid_value


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the comparison."""

    records: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Two files result.json, or two folders that hold some."""
    only: str = ""
    """Compare only experiments whose name contains this."""
    show: Count = 10
    """Numbers to print for each experiment, those farthest apart; result.json has all."""
    demonstrate: bool = False
    """Compare the records of two short runs, of two seeds, in place of others."""
    out: Path = Path("out/compare_records")
    """Folder for result.json."""


SMOKE = Config(demonstrate=True)


class Apart(NamedTuple):
    """A value that differs.

    Attributes:
        name: its path in the record, such as ``"results.loss.3"``.
        first: its value in the first record; None if it is only in the second.
        second: its value in the second.
        change: ``second / first - 1`` of two numbers; None for others.
    """

    name: str
    first: Any
    second: Any
    change: float | None


class Comparison(NamedTuple):
    """Two records of one experiment.

    Attributes:
        environment: what differs in versions, device and the like.
        config: settings that differ.
        claims: statement -> whether it holds in the first, in the second.
        results: results that differ, those of two numbers farthest apart first.
        same: how many results are equal.
        seconds: of the two runs.
    """

    environment: list[Apart]
    config: list[Apart]
    claims: dict[str, tuple[Any, Any]]
    results: list[Apart]
    same: int
    seconds: tuple[float, float]

    def lost(self) -> list[str]:
        """Return the claims that hold in the first record and not in the second."""
        return [claim for claim, (first, second) in self.claims.items() if first and not second]


def main(config: Config) -> list[Claim]:
    """Compare the records, print what differs, and write the record of that."""
    out = prepare_folder(config.out)
    if config.demonstrate:
        paths = tuple(_short_run(out, seed) for seed in (0, 1))
    else:
        paths = config.records
    if len(paths) != 2:
        remedy = "Name two files result.json, or two folders that hold some."
        raise invalid_value("records", "to be two", len(paths), remedy)
    first, second = (_read_all(path) for path in paths)
    names = [name for name in first if name in second and config.only in name]
    if not names:
        has = " and ".join(", ".join(some) for some in (first, second))
        raise invalid_value("records", "to have an experiment in common", has)
    comparisons = {name: compare(first[name], second[name]) for name in names}
    for name, found in comparisons.items():
        print(*_lines(name, found, config.show), sep="\n")
    for place, (own, other) in {"first": (first, second), "second": (second, first)}.items():
        alone = [name for name in own if name not in other]
        print(f"only in the {place}: {', '.join(alone)}") if alone else None
    lost = sum(len(found.lost()) for found in comparisons.values())
    statement = "claims that held in the first record and fail in the second"
    results = {"records": paths, "comparisons": comparisons}
    claims = [at_most(statement, "the first record", lost, 0)]
    return conclude(config, seeds=[], results=results, claims=claims)


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> Comparison:
    """Compare two records of one experiment."""
    ours, theirs = (dict(_values(record["results"], "results")) for record in (first, second))
    differing = _differing(ours, theirs)
    held = [{claim["statement"]: claim["holds"] for claim in r["claims"]} for r in (first, second)]
    return Comparison(
        _apart(first, second, "environment"),
        [each for each in _apart(first, second, "config") if each.name != "config.out"],
        {name: (held[0].get(name), held[1].get(name)) for name in held[0] | held[1]},
        sorted(differing, key=lambda each: -abs(each.change or 0.0)),
        len(ours | theirs) - len(differing),
        (first["seconds"], second["seconds"]),
    )


def _apart(first: Mapping[str, Any], second: Mapping[str, Any], part: str) -> list[Apart]:
    return _differing(*(dict(_values(record[part], part)) for record in (first, second)))


def _differing(first: dict[str, Any], second: dict[str, Any]) -> list[Apart]:
    pairs = {name: (first.get(name), second.get(name)) for name in first | second}
    return [
        Apart(name, *pair, _change(*pair)) for name, pair in pairs.items() if pair[0] != pair[1]
    ]


def _change(first: Any, second: Any) -> float | None:
    numbers = all(type(value) in (int, float) for value in (first, second))
    return (second / first - 1 if first else math.inf) if numbers else None


def _values(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each leaf of a tree of lists and mappings."""
    items: Any = ()
    if isinstance(tree, Mapping):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    else:
        yield path, tree
    for name, each in items:
        yield from _values(each, f"{path}.{name}")


def _lines(name: str, found: Comparison, show: int) -> Iterator[str]:
    first, second = found.seconds
    yield f"{name}: {first:.1f} s and {second:.1f} s"
    for each in (*found.environment, *found.config):
        yield f"  {each.name}: {each.first} and {each.second}"
    for claim, (before, after) in found.claims.items():
        if before != after:
            yield f"  {_verdict(before)} and {_verdict(after)}: {claim}"
    kept = sum(before == after for before, after in found.claims.values())
    yield f"  {kept} claims with the same verdict, {found.same} results equal"
    for each in found.results[:show]:
        change = "" if each.change is None else f" ({each.change:+.2%})"
        yield f"  {each.name}: {each.first} and {each.second}{change}"
    if len(found.results) > show:
        yield f"  and {len(found.results) - show:,} more results, see result.json"


def _verdict(holds: bool | None) -> str:
    return "not claimed" if holds is None else "holds" if holds else "fails"


def _read_all(path: Path) -> dict[str, dict[str, Any]]:
    """Return experiment -> record of a file, or of the files result.json under a folder."""
    files = sorted(path.rglob("result.json")) if path.is_dir() else [path]
    remedy = "An experiment writes one, by default into out/NAME."
    if not files:
        raise invalid_value("records", "to be folders that hold a result.json", path, remedy)
    found = (_read(file, remedy) for file in files)
    return {record["experiment"]: record for record in found}


def _read(path: Path, remedy: str) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise invalid_value(
            "records", "to be files result.json", f"{path}: {said}", remedy
        ) from None
    missing = set(FIELDS) - set(record if isinstance(record, dict) else ())
    if missing:
        actual = f"{path}, without {', '.join(sorted(missing))}"
        raise invalid_value("records", f"to have {', '.join(FIELDS)}", actual, remedy)
    return record


def _short_run(out: Path, seed: int) -> Path:
    """Train a network on digits and write the record of that."""
    run = {"key": jax.random.key(seed), "optimizer": jaxnet.optim.adam(1e-3)}
    train = jaxnet.data.load_dataset("digits").train
    result = jaxnet.training.fit(jaxnet.mlp((64, 10)), train, epochs=2, batch_size=100, **run)
    config = dataclasses.replace(SMOKE, out=prepare_folder(out / f"seed_{seed}"))
    return write_record(config, seeds=[seed], results=result.history.train)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
