"""Logs: a line or an event an epoch, whole whatever happens, read back by others."""

import errno
import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from tensorboardX.record_writer import masked_crc32c

import jaxnet
from jaxnet.core.errors import MissingPackageError
from jaxnet.training import History, Progress, fit, json_lines_log, tensorboard_log, together
from jaxnet.training.events import read_curves
from tests.full_disk import full_disk
from tests.test_structure import ROOT
from tests.training.toys import blobs, network

messages = importlib.import_module("tensorboardX.proto.event_pb2")  # made at import

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
    json_lines_log(path)
    assert lines(path) == []


@pytest.mark.parametrize(
    "content",
    [b"notes", b"notes\n", b"[1]\n", b'{"a": 1}\n', b'{"epoch": "1"}\n', b"\x89PNG\n", b"\n"],
    ids=["text", "line", "list", "object", "string", "bytes", "empty line"],
)
def test_a_foreign_file_is_not_written_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="to be a log of epochs or nothing yet"):
        json_lines_log(path)
    assert path.read_bytes() == content


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    report = json_lines_log(path)
    report(progress(1))
    message = "json_lines_log: expected file to be writable, got .* Make room"
    with full_disk(path.stat().st_size + 20), pytest.raises(ValueError, match=message):
        report(progress(2))
    assert lines(path) == [row(1, 0.5)]
    report(progress(2))
    assert [line["epoch"] for line in lines(path)] == [1, 2]


@pytest.mark.parametrize("place", ["no/log.jsonl", "."], ids=["no folder", "a folder"])
def test_a_place_that_cannot_be_is_refused_before_the_run(place: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="json_lines_log: expected file to be writable"):
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


def events(directory: Path) -> list[Any]:
    """Read the event files in order, as TensorBoard does: length, its CRC, event, its CRC.

    What a kill has left unfinished at the end of a file is passed over.
    """
    found = []
    for path in sorted(directory.iterdir()):
        content = path.read_bytes()
        while len(content) >= 12 and len(content) >= 16 + struct.unpack("<Q", content[:8])[0]:
            (size,) = struct.unpack("<Q", content[:8])
            assert struct.unpack("<I", content[8:12]) == (masked_crc32c(content[:8]),)
            data, content = content[12 : 12 + size], content[12 + size :]
            assert struct.unpack("<I", content[:4]) == (masked_crc32c(data),)
            found.append(messages.Event.FromString(data))
            content = content[4:]
    return found


def scalars(directory: Path) -> list[tuple[int, str, float]]:
    return [
        (event.step, value.tag, value.simple_value)
        for event in events(directory)
        for value in event.summary.value
    ]


def test_tensorboard_reads_what_was_reported(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path / "new" / "board") as report:
        report(progress(1))
        names = ("loss/train", "loss/validation", "accuracy/validation", "norm/instrument")
        first = list(zip([1] * 4, names, [0.5, 1.5, 0.0, 2.0], strict=True))
        assert scalars(tmp_path / "new" / "board") == first  # before the file is closed
        report(progress(3))
    assert events(tmp_path / "new" / "board")[0].file_version == "brain.Event:2"
    assert scalars(tmp_path / "new" / "board")[4:8] == [
        (2, *rest) for rest in zip(names, [0.25, 1.25, 0.0, 2.0], strict=True)
    ]
    step, _, value = scalars(tmp_path / "new" / "board")[8]
    assert step == 3
    assert np.isnan(value)


def restarts(directory: Path) -> list[int]:
    """Return from where on runs have told TensorBoard to forget what it has read."""
    started = messages.SessionLog.START
    return [e.step for e in events(directory) if e.session_log.status == started]


def test_tensorboard_forgets_the_epochs_that_are_repeated_with_other_values(tmp_path: Path) -> None:
    for start in (0, 1, 4):  # within a second, in which its own file names do not differ
        with tensorboard_log(tmp_path, start=start) as report:
            report(progress(3))
    assert len(list(tmp_path.iterdir())) == 3
    assert restarts(tmp_path) == [2]
    assert {s for s, _, _ in scalars(tmp_path)} == {1, 2, 3, 4, 5, 6, 7}
    curve = read_curves("test", tmp_path)["loss/train"]
    assert list(curve) == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(list(curve.values()), [0.5, *LOSSES[:3], *LOSSES[:3]])


def test_tensorboard_is_told_nothing_twice(tmp_path: Path) -> None:
    for epochs in ((1, 2), (3,), (2, 3, 4)):  # as starts report that go on from a checkpoint
        with tensorboard_log(tmp_path) as report:
            for epoch in epochs:
                report(progress(epoch))
    assert restarts(tmp_path) == []
    steps = [(step, tag) for step, tag, _ in scalars(tmp_path)]
    assert len(steps) == len(set(steps)) == 4 * len(LOSSES)


def test_a_shorter_run_ends_where_it_ends(tmp_path: Path) -> None:
    for epoch in (4, 2):
        with tensorboard_log(tmp_path) as report:
            report(progress(epoch))
    assert restarts(tmp_path) == [3]
    with tensorboard_log(tmp_path):
        pass  # as of a run that is refused: nothing is lost
    assert [list(curve) for curve in read_curves("test", tmp_path).values()] == [[1, 2]] * 4


def test_what_a_kill_has_left_of_an_epoch_is_said_again(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path) as report:
        report(progress(2))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for end in (len(whole) - 1, len(whole) - 70, 20):
        for other in tmp_path.iterdir():
            other.unlink()
        path.write_bytes(whole[:end])
        with tensorboard_log(tmp_path) as report:
            report(progress(3))
        assert restarts(tmp_path) == []
        steps = [(step, tag) for step, tag, _ in scalars(tmp_path)]
        assert len(steps) == len(set(steps)) == 12
    path.write_bytes(whole + bytes(100))  # as a power cut may leave it
    assert list(read_curves("test", tmp_path)["loss/train"]) == [1, 2, 3]


def test_others_curves_in_the_folder_are_let_be(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path) as report:
        report(Progress(2, 2, History({"others": np.ones(2)}, {}, {}), 1.0))
    with tensorboard_log(tmp_path) as report:
        report(progress(1))
    assert restarts(tmp_path) == []


def test_a_place_for_tensorboard_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="tensorboard_log: expected file to be writable"),
        tensorboard_log(tmp_path / "file"),
    ):
        pass


def test_a_full_disk_is_said_by_tensorboard_too(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=f"tensorboard_log.*{os.strerror(errno.EFBIG)}"),
        tensorboard_log(tmp_path) as report,
        full_disk(60),
    ):
        report(progress(2))


def test_without_tensorboardx_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    with (
        pytest.raises(MissingPackageError, match="pip install tensorboardX"),
        tensorboard_log(tmp_path),
    ):
        pass


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


def test_a_real_run_is_logged_as_its_history_says(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    settings: dict[str, Any] = {
        "key": jax.random.key(0),
        "optimizer": jaxnet.optim.sgd(0.1),
        "batch_size": 8,
        "validation": blobs(seed=1),
        "chunk": 2,
    }
    model = network()
    with tensorboard_log(tmp_path / "board") as board:
        report = together(json_lines_log(path), board)
        first = fit(model, blobs(), epochs=3, on_progress=report, **settings)
    log = json_lines_log(path, start=int(first.state.epoch))
    second = fit(model, blobs(), epochs=2, state=first.state, on_progress=log, **settings)
    assert [line["epoch"] for line in lines(path)] == [1, 2, 3, 4, 5]
    for split in ("train", "validation"):
        parts = [getattr(result.history, split) for result in (first, second)]
        for name in parts[0]:
            values = [float(value) for part in parts for value in part[name]]
            assert [line[f"{split}_{name}"] for line in lines(path)] == values
            board_values = [
                v for _, tag, v in scalars(tmp_path / "board") if tag == f"{name}/{split}"
            ]
            assert board_values == values[:3]
    seconds = [line["seconds"] for line in lines(path)[:3]]
    assert seconds[0] == seconds[1] < seconds[2]


def test_a_log_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    report = json_lines_log("log.jsonl")
    monkeypatch.chdir(tmp_path / "elsewhere")
    report(progress(2))
    assert [line["epoch"] for line in lines(tmp_path / "log.jsonl")] == [1, 2]
    assert not (tmp_path / "elsewhere" / "log.jsonl").exists()
