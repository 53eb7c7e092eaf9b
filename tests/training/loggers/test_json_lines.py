"""Logs of JSON: a line an epoch, whole whatever happens."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.training import History, Progress, json_lines_log, tensorboard_log, together
from tests.full_disk import full_disk
from tests.test_structure import ROOT

LOSSES = [0.5, 0.25, float("nan"), float("inf")]


def progress(epoch: int, *, seconds: float = 1.5) -> Progress:
    losses = np.array(LOSSES[:epoch], np.float32)
    held_out = {"loss": losses + 1, "accuracy": np.zeros(epoch)}
    history = History({"loss": losses}, held_out, {"norm": np.full(epoch, 2.0)})
    return Progress(epoch, len(LOSSES), history, seconds)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def row(epoch: int, loss: float | None, **others: Any) -> dict[str, Any]:
    above = None if loss is None else loss + 1
    values = {"train_loss": loss, "validation_loss": above, "validation_accuracy": 0.0}
    values["instrument_norm"] = 2.0
    return {"epoch": epoch, "seconds": 1.5, **values, **others}


def test_each_epoch_has_one_line_and_what_is_not_finite_is_null(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    report = json_lines_log(path)
    assert lines(path) == []
    report(progress(1))
    assert lines(path) == [row(1, 0.5)]
    report(progress(4, seconds=2.0))
    later = [row(n, loss, seconds=2.0) for n, loss in [(2, 0.25), (3, None), (4, None)]]
    assert lines(path) == [row(1, 0.5), *later]


def test_a_run_that_goes_on_repeats_no_epoch(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    json_lines_log(path)(progress(4))
    with path.open("a") as file:
        file.write('{"epoch": 5, "sec')  # as a kill would leave it if a write were not whole
    json_lines_log(path, start=3)(progress(2))
    assert [line["epoch"] for line in lines(path)] == [1, 2, 3, 4, 5]
    assert lines(path)[3] == row(4, 0.5)
    report = json_lines_log(path)
    assert len(lines(path)) == 5  # a run that is refused loses nothing
    report(progress(1))
    assert lines(path) == [row(1, 0.5)]


@pytest.mark.parametrize(
    "content",
    [
        *(b"notes", b"notes\n", b"[1]\n", b'{"a": 1}\n', b"\x89PNG\n", b"\n"),
        *(b'{"epoch": "1", "seconds": 1.0}\n', b'{"epoch": true, "seconds": 1.0}\n'),
        *(b'{"epoch": 1, "loss": 0.5}\n', b'{"epoch": 1, "loss": 0.5}'),
        b'{"epoch": 1, "seconds": 1.0, "loss": 0.5}\n',
    ],
    ids=repr,
)
def test_a_foreign_file_is_not_written_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="to be a log of epochs or empty"):
        json_lines_log(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("end", [1, 9, 11, 16, 40])
def test_a_line_that_is_not_whole_is_of_a_log_however_short(end: int, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    json_lines_log(path)(progress(1))
    path.write_bytes(path.read_bytes()[:end])
    json_lines_log(path)(progress(1))
    assert lines(path) == [row(1, 0.5)]


def test_a_log_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "log.jsonl").symlink_to(Path("elsewhere") / "log.jsonl")
    report = json_lines_log(tmp_path / "log.jsonl")
    report(progress(1))
    report(progress(2))
    assert (tmp_path / "log.jsonl").is_symlink()
    assert [line["epoch"] for line in lines(tmp_path / "elsewhere" / "log.jsonl")] == [1, 2]


def test_a_device_or_a_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((Path("/dev/null"), "a device"), (tmp_path / "pipe", "a pipe")):
        with pytest.raises(ValueError, match=f"file to be a regular file, got '{path}', {kind}"):
            json_lines_log(path)
        assert not path.is_file()


NO_PLACES: list[tuple[Any, str]] = [
    ("", "to be a path, got ''"),
    ("a\0b", "to be a path, got 'a"),
    (b"log", "to be a path, got b'log' of type bytes"),
    (3, "to be a path, got 3 of type int"),
    ("s3://bucket/runs", "to be on a disk, got 's3://bucket/runs'"),
    (Path("gs://bucket/runs"), "to be on a disk, got 'gs:/bucket/runs'"),
]


@pytest.mark.parametrize(("place", "message"), NO_PLACES, ids=repr)
@pytest.mark.usefixtures("no_type_checks")
def test_what_is_no_place_on_a_disk_is_refused(
    place: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, ValueError), match=f"expected path {message}"):
        json_lines_log(place)
    with (
        pytest.raises((TypeError, ValueError), match=f"expected directory {message}"),
        tensorboard_log(place),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    report = json_lines_log(path)
    report(progress(1))
    message = "expected file to be writable, got .* Make room"
    with full_disk(path.stat().st_size + 20), pytest.raises(ValueError, match=message):
        report(progress(2))
    assert lines(path) == [row(1, 0.5)]
    report(progress(2))
    assert [line["epoch"] for line in lines(path)] == [1, 2]


@pytest.mark.parametrize("place", ["no/log.jsonl", "."], ids=["no folder", "a folder"])
def test_a_place_that_cannot_be_is_refused_before_the_run(place: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected file to be writable"):
        json_lines_log(tmp_path / place)


def test_a_kill_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    code = f"""
        import numpy as np
        from jaxnet.training import History, Progress, json_lines_log
        report = json_lines_log({str(path)!r})
        losses = np.arange(1e6)
        for epoch in range(1, 1_000_000, 7):
            report(Progress(epoch, 1, History({{"loss": losses}}, {{"loss": losses}}, {{}}), 1.0))
            print(epoch, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes().endswith(b"\n")
    epochs = [line["epoch"] for line in lines(path)]
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) >= said  # nothing that was reported is lost


def test_several_callbacks_are_one(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    report = together(
        lambda progress: seen.append(("a", progress.epoch)),
        None,
        lambda progress: seen.append(("b", progress.epoch)),
    )
    assert report is not None
    report(progress(2))
    assert seen == [("a", 2), ("b", 2)]
    assert together(None, None) is None


def test_a_log_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    report = json_lines_log("log.jsonl")
    monkeypatch.chdir(tmp_path / "elsewhere")
    report(progress(2))
    assert [line["epoch"] for line in lines(tmp_path / "log.jsonl")] == [1, 2]
    assert not (tmp_path / "elsewhere" / "log.jsonl").exists()
