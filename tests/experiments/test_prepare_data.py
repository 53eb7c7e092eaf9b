"""Preparing data sets for tensorflow-datasets: equal to the files, after kills too."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from jaxnet.data import Dataset, load_dataset, load_prepared
from tests.data.sources.prepared_sets import records
from tests.experiments.test_commands import read_record, run
from tests.full_disk import full_disk
from tests.peers import need, peers
from tests.test_structure import ROOT

pytestmark = peers


@pytest.fixture(autouse=True, scope="module")
def tfds() -> Any:
    return need("tensorflow_datasets")


def prepare(to: Path, *arguments: str) -> int:
    options = ("--to", str(to), "--out", str(to / "out"))
    return run("prepare_data", *arguments, *options)


def folder_of(name: str, to: Path) -> Path:
    return to / f"jaxnet_{name}" / "1.0.0"


def assert_prepared(name: str, to: Path) -> Dataset:
    """Check that the folder holds all of a data set, in order, and that nothing else is left."""
    prepared, dataset = load_prepared(folder_of(name, to)), load_dataset(name)
    for part, original in ((prepared.train, dataset.train), (prepared.test, dataset.test)):
        for field, expected in zip(part, original, strict=True):
            assert field.dtype == expected.dtype
            np.testing.assert_array_equal(field, expected)
    described = (dataset.class_names, dataset.image_shape, dataset.pixel_max)
    assert prepared[2:] == described
    left = {f"jaxnet_{name}", f".jaxnet_{name}.lock", "out"}
    assert {path.name for path in to.iterdir()} <= left
    assert [path.name for path in folder_of(name, to).parent.iterdir()] == ["1.0.0"]
    return dataset


def test_a_data_set_is_prepared_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tfds: Any
) -> None:
    assert prepare(tmp_path) == 0
    assert_prepared("digits", tmp_path)
    out, err = capsys.readouterr()
    assert out.startswith(f"prepared {folder_of('digits', tmp_path)} in ")
    assert "1,797 examples" in out
    assert "Generating" not in err
    first = read_record(tmp_path / "out")["results"]
    before = {path: path.stat().st_mtime_ns for path in folder_of("digits", tmp_path).iterdir()}
    assert prepare(tmp_path) == 0
    assert capsys.readouterr().out.startswith(f"found {folder_of('digits', tmp_path)} in ")
    assert before == {path: path.stat().st_mtime_ns for path in before}
    again = read_record(tmp_path / "out")["results"]
    assert (first["found"], again["found"]) == (False, True)
    assert first["sha256"] == again["sha256"]
    # by its name, without a class
    assert len(tfds.data_source("jaxnet_digits", data_dir=tmp_path, split="test")) == 359


def test_mnist_is_prepared_byte_for_byte(
    mnist_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAXNET_DATA", str(mnist_directory.parent))
    assert prepare(tmp_path, "mnist") == 0
    dataset = assert_prepared("mnist", tmp_path)
    assert dataset.train.targets[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    (claim,) = read_record(tmp_path / "out")["claims"]
    assert claim["holds"]
    assert claim["threshold"] == 15


MOMENTS = {
    "in a split": ("progress", "test"),
    "before all is in place": ("check_equal", "1.0.0"),
}


@pytest.mark.parametrize(("function", "seen"), MOMENTS.values(), ids=MOMENTS)
def test_a_kill_leaves_nothing_that_is_taken_for_prepared(
    function: str, seen: str, tmp_path: Path
) -> None:
    code = f"""
import os, signal, sys
from experiments import prepare_data
from experiments.harness.command import run_command
original = prepare_data.{function}
def killing(first, *rest, **options):
    if str(first).endswith({seen!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(first, *rest, **options)
prepare_data.{function} = killing
run_command(prepare_data, ["--to", {str(tmp_path)!r}, "--out", {str(tmp_path / "out")!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob("*.incomplete")
    written = list(left.rglob("*.array_record-*"))
    assert written
    for path in written:
        path.write_bytes(b"")  # as after a power failure
    with pytest.raises(FileNotFoundError):
        load_prepared(folder_of("digits", tmp_path))
    assert prepare(tmp_path) == 0
    assert_prepared("digits", tmp_path)


def test_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk(100_000):
        assert prepare(tmp_path) == 2
    said = capsys.readouterr().err
    assert "expected folder to be writable, got" in said
    assert "File too large" in said
    assert not list(tmp_path.rglob("*.array_record-*"))
    assert not folder_of("digits", tmp_path).exists()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the digits prepared in it, which each test damages and mends."""
    to = tmp_path_factory.mktemp("digits")
    assert prepare(to) == 0
    return to


def test_a_damaged_folder_is_refused_and_kept(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = records(folder_of("digits", digits))
    whole = path.read_bytes()
    path.write_bytes(whole[:40_000])
    assert prepare(digits) == 2
    assert "It is truncated or corrupt: remove the folder" in capsys.readouterr().err
    assert path.stat().st_size == 40_000
    path.write_bytes(whole)
    assert prepare(digits) == 0


def test_a_folder_of_other_examples_is_refused(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = folder_of("digits", digits) / "dataset_info.json"
    text = features.read_text()
    features.write_text(json.dumps(json.loads(text) | {"splits": exchanged(json.loads(text))}))
    assert prepare(digits) == 2
    said = capsys.readouterr().err
    assert "to hold the train examples of digits, got others. Remove the folder" in said
    features.write_text(text)


def exchanged(info: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the splits of a description with a training example less."""
    train, test = info["splits"]
    (length,) = train["shardLengths"]
    return [train | {"shardLengths": [str(int(length) - 1)]}, test]


def test_two_at_once_are_refused(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with filelock.FileLock(digits / ".jaxnet_digits.lock"):
        assert prepare(digits) == 2
    assert "to be prepared by one process at a time" in capsys.readouterr().err


def test_another_name_and_a_place_that_is_not_writable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(tmp_path, "minst") == 2
    assert "Did you mean" in capsys.readouterr().err
    out = ("--out", str(tmp_path / "out"))
    assert run("prepare_data", "--to", "/proc/nothing", *out) == 2
    assert "Choose another by --to DIR." in capsys.readouterr().err
