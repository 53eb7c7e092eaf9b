"""compare_records: what differs, what is lost, and what is no record."""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.compare_records import Apart, compare
from experiments.harness.record import FIELDS
from tests.experiments.test_commands import read_record, run
from tests.test_structure import ROOT

CLAIM = {"statement": "rain falls", "measured": 2.0, "comparison": ">=", "threshold": 1.0}


def record(results: Any, *, holds: bool = True, **more: Any) -> dict[str, Any]:
    fields = {
        "experiment": "weather",
        "config": {"days": 3, "out": "a"},
        "seconds": 1.5,
        "environment": {"versions": {"jax": "1"}, "backend": "cpu"},
        "seeds": [0],
        "results": results,
        "claims": [{**CLAIM, "holds": holds}],
        "figures": [],
    }
    assert fields.keys() == FIELDS.keys()
    return {**fields, **more}


def written(folder: Path, **records: dict[str, Any]) -> Path:
    for name, each in records.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "result.json").write_text(json.dumps(each))
    return folder


def test_what_differs_is_found_in_its_order() -> None:
    first = record({"loss": [1.0, 2.0, 3.0], "name": "x", "gone": None})
    second = record(
        {"loss": [1.0, 1.0, 3.3], "name": "y", "new": 1, "gone": None},
        holds=False,
        config={"days": 4, "out": "b"},
        environment={"versions": {"jax": "2"}, "backend": "cpu"},
    )
    found = compare(first, second)
    assert found.environment == [Apart("environment.versions.jax", "1", "2", None)]
    assert found.config == [Apart("config.days", 3, 4, 4 / 3 - 1)]
    assert [each.name for each in found.results[:2]] == ["results.loss.1", "results.loss.2"]
    assert [each.change for each in found.results[:2]] == [-0.5, 3.3 / 3.0 - 1]
    assert {each.name for each in found.results[2:]} == {"results.name", "results.new"}
    assert (found.same, found.lost()) == (2, ["rain falls"])
    assert compare(first, first).results == compare(first, first).lost() == []


def test_folders_are_compared_by_experiment(tmp_path: Path, capsys: Any) -> None:
    good, bad = record({"rain": 2.0}), record({"rain": 1.0}, holds=False)
    other = record({}, experiment="tides")
    first = written(tmp_path / "first", weather=good, tides=other)
    second = written(tmp_path / "second", rain=bad)
    out = "--out", str(tmp_path / "out")
    assert run("compare_records", str(first), str(second), *out) == 1
    printed = capsys.readouterr().out
    assert "  holds and fails: rain falls\n" in printed
    assert "  results.rain: 2.0 and 1.0 (-50.00%)\n" in printed
    assert "only in the first: tides\n" in printed
    (found,) = read_record(tmp_path / "out")["results"]["comparisons"].values()
    assert found["claims"] == {"rain falls": [True, False]}
    assert run("compare_records", str(second), str(first), *out) == 0
    file = first / "weather" / "result.json"
    assert run("compare_records", str(file), str(first), *out) == 0
    assert "1 claims with the same verdict, 1 results equal" in capsys.readouterr().out


def test_two_runs_of_an_experiment(tmp_path: Path, capsys: Any) -> None:
    assert run("compare_records", "--smoke", "--out", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "  results.loss.1: " in printed
    assert "  0 claims with the same verdict, 0 results equal\n" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected records to be two, got 0. Name two files result.json"),
        (("{0}", "{0}"), "expected records to be folders that hold a result.json, got "),
        (("{0}/none.json", "{0}"), "none.json: No such file"),
        (("{0}/text.json", "{0}"), "text.json: Expecting value"),
        (("{0}/part.json", "{0}"), "part.json, without claims, config"),
    ],
)
def test_what_is_no_record(arguments: Any, message: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "text.json").write_text("rain")
    (tmp_path / "part.json").write_text('{"experiment": "weather"}')
    given = [each.format(tmp_path) for each in arguments]
    assert run("compare_records", *given, "--out", str(tmp_path / "out")) == 2
    assert message in capsys.readouterr().err


def test_records_of_other_experiments(tmp_path: Path, capsys: Any) -> None:
    first = written(tmp_path / "first", one=record({}))
    second = written(tmp_path / "second", one=record({}, experiment="tides"))
    out = "--out", str(tmp_path / "out")
    assert run("compare_records", str(first), str(second), *out) == 2
    assert "to have an experiment in common, got weather and tides" in capsys.readouterr().err


def test_the_guide_lists_the_fields() -> None:
    page = (ROOT / "guides" / "records.md").read_text()
    rows = [f"| `{name}` | {about} |" for name, about in FIELDS.items()]
    assert "\n".join(rows) in page
