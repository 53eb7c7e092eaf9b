"""A table of one's own: trained, evaluated, saved, and new rows predicted."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.networks import load_model, save_model
from tests.experiments.test_commands import read_record, run


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def flats(n: int, seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        size, town = random.uniform(30, 200), ["Aachen", "Bonn"][i % 2]
        price = 3 * size + 150 * (i % 2) + random.normal(0, 5)
        size_given = "" if i % 11 == 0 else f"{size:.2f}"
        rows.append({"size": size_given, "town": town, "id": f"flat {i}", "price": f"{price:.2f}"})
        rows[-1]["kind"] = "dear" if price > 450 else "cheap"
    return rows


def learn(tmp_path: Path, *options: str) -> int:
    table = write_rows(tmp_path / "flats.csv", flats(120, 0))
    out = str(tmp_path / "learnt")
    return run("learning_curves", "--dataset", str(table), "--out", out, *options)


def test_a_number_is_learnt_and_predicted(tmp_path: Path, capsys: Any) -> None:
    options = ("--target", "price", "--ignore", "kind", "--epochs", "60", "--batch-size", "20")
    assert learn(tmp_path, *options) == 0
    printed = capsys.readouterr().out
    assert "'price' is a number" in printed
    assert "'id': left out" in printed
    record = read_record(tmp_path / "learnt")
    assert record["results"]["test_r_squared"] > 0.5
    new = [row for row in flats(40, 1) if row["size"]]
    truth = np.array([float(row.pop("price")) for row in new])
    new = [row | {"account": str(12_345_678_901 + i)} for i, row in enumerate(new)]
    model = str(tmp_path / "learnt" / "model.safetensors")
    table = write_rows(tmp_path / "new.csv", new)
    assert run("predict", str(table), "--model", model, "--out", str(tmp_path / "p")) == 0
    with (tmp_path / "p" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in ("id", "account"):
        assert [row[name] for row in rows] == [row[name] for row in new]
    found = np.array([float(row["predicted price"]) for row in rows])
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    loaded = load_model(model)  # saved as the guides have it, without what commands note
    parts: Any = {"inputs": loaded.inputs, "outputs": loaded.outputs}
    save_model(model, loaded.network, loaded.params, loaded.statistics, **parts)
    assert run("predict", str(table), "--model", model, "--out", str(tmp_path / "q")) == 0
    written = [(tmp_path / name / "predictions.csv").read_text() for name in "pq"]
    assert written[1] == written[0].replace("predicted price", "predicted")


@pytest.mark.slow
def test_a_class_is_learnt_and_predicted(tmp_path: Path, capsys: Any) -> None:
    options = ("--target", "kind", "--ignore", "price", "--epochs", "60", "--batch-size", "20")
    assert learn(tmp_path, *options) == 0
    results = read_record(tmp_path / "learnt")["results"]
    assert results["test_accuracy"] > results["accuracy_of_the_commonest_class"] - 0.05
    towns = ("Aachen", "Atlantis")
    new = write_rows(tmp_path / "new.csv", [{"size": "20", "town": town} for town in towns])
    model = str(tmp_path / "learnt" / "model.safetensors")
    assert run("predict", str(new), "--model", model, "--out", str(tmp_path / "p")) == 0
    with (tmp_path / "p" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted kind"] for row in rows] == ["cheap", "cheap"]
    assert 0.5 <= float(rows[0]["probability"]) <= 1
    said = "1 of 2 rows hold categories that training has not seen (1, such as 'Atlantis')"
    assert f"column 'town': {said}" in capsys.readouterr().out
    assert read_record(tmp_path / "p")["results"]["unseen_categories"] == {"town": {"Atlantis": 1}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "expected target to be one of the columns size, town, id, price, kind"),
        (("--target", "rent"), "expected column to be one of size, town, id, price, kind"),
        (("--target", "price", "--widths", "3", "2"), "expected --widths to start with"),
    ],
)
def test_mistakes(tmp_path: Path, capsys: Any, options: Any, expected: str) -> None:
    assert learn(tmp_path, *options) == 2
    assert expected in capsys.readouterr().err


def test_rows_without_a_column_are_refused(tmp_path: Path, capsys: Any) -> None:
    assert learn(tmp_path, "--target", "price", "--epochs", "1") == 0
    model = str(tmp_path / "learnt" / "model.safetensors")
    new = write_rows(tmp_path / "new.csv", [{"size": "20"}])
    assert run("predict", str(new), "--model", model, "--out", str(tmp_path / "p")) == 2
    assert "to have columns of text called kind, town, got size. Add or" in capsys.readouterr().err
    new = write_rows(tmp_path / "new.csv", [{"Size": "20", "town": "Aachen", "kind": "dear"}])
    assert run("predict", str(new), "--model", model, "--out", str(tmp_path / "p")) == 2
    expected = "rows to have the columns size, town, kind, got Size, town, kind, without size. Add"
    assert expected in capsys.readouterr().err
    assert run("predict", "--model", model, "--out", str(tmp_path / "p")) == 2
    assert "expected rows to be given, got none" in capsys.readouterr().err
