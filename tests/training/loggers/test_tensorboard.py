"""Event files: TensorBoard shows each reported epoch once, also of a resumed or killed run."""

import errno
import importlib
import os
import struct
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from tensorboardX.record_writer import masked_crc32c

import jaxnet
from jaxnet.core.errors import MissingPackageError
from jaxnet.training import History, Progress, fit, json_lines_log, tensorboard_log, together
from tests.full_disk import full_disk
from tests.training.loggers.test_json_lines import LOSSES, lines, progress
from tests.training.toys import blobs, network

messages = importlib.import_module("tensorboardX.proto.event_pb2")  # made at import


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
    """Return what TensorBoard shows: a restart drops the steps from its own on."""
    shown: list[tuple[int, str, float]] = []
    for event in events(directory):
        if event.session_log.status == messages.SessionLog.START:
            shown = [scalar for scalar in shown if scalar[0] < event.step]
        shown += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
    return shown


def curve(directory: Path, name: str = "loss/train") -> list[tuple[int, float]]:
    """Return the steps and values of one curve that TensorBoard shows."""
    return [(step, value) for step, tag, value in scalars(directory) if tag == name]


def test_tensorboard_reads_what_was_reported(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path / "new" / "board") as report:
        report(progress(1))
        names = ("loss/train", "loss/validation", "accuracy/validation", "norm/instrument")
        first = list(zip([1] * 4, names, [0.5, 1.5, 0.0, 2.0], strict=True))
        assert scalars(tmp_path / "new" / "board") == first  # before the file is closed
        report(progress(3))
    assert events(tmp_path / "new" / "board")[0].file_version == "brain.Event:2"
    (path,) = (tmp_path / "new" / "board").iterdir()
    assert "tfevents" in path.name
    assert scalars(tmp_path / "new" / "board")[4:8] == [
        (2, *rest) for rest in zip(names, [0.25, 1.25, 0.0, 2.0], strict=True)
    ]
    step, _, value = scalars(tmp_path / "new" / "board")[8]
    assert step == 3
    assert np.isnan(value)


def test_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    for start in (0, 1, 4):  # within a second
        with tensorboard_log(tmp_path, start=start) as report:
            report(progress(2))
            report(progress(3))
    assert len(list(tmp_path.iterdir())) == 3
    steps, values = zip(*curve(tmp_path), strict=True)
    assert steps == (1, 2, 3, 4, 5, 6, 7)
    np.testing.assert_array_equal(values, [0.5, *LOSSES[:3], *LOSSES[:3]])


def test_a_shorter_run_ends_where_it_ends(tmp_path: Path) -> None:
    for epoch in (4, 2):
        with tensorboard_log(tmp_path) as report:
            report(progress(epoch))
    with tensorboard_log(tmp_path):
        pass  # a refused run: nothing is lost
    assert [step for step, _ in curve(tmp_path)] == [1, 2]


def test_what_a_kill_left_of_an_epoch_is_written_again(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path) as report:
        report(progress(2))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for end in (len(whole) - 1, len(whole) - 70, 20):
        path.write_bytes(whole[:end])
        with tensorboard_log(tmp_path) as report:
            report(progress(3))
        assert [step for step, _ in curve(tmp_path)] == [1, 2, 3]


def test_a_later_run_is_read_later_though_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, loss in ((2_000_000_000.0, 0.5), (1_000_000_000.0, 0.25), (3e9, 0.125)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: seconds)
        with tensorboard_log(tmp_path) as report:
            report(Progress(1, 1, History({"loss": np.array([loss])}, {}, {}), 1.0))
        assert curve(tmp_path) == [(1, loss)]


def test_a_place_for_tensorboard_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="expected file to be writable"),
        tensorboard_log(tmp_path / "file"),
    ):
        pass


def test_a_full_disk_is_named_by_tensorboard_too(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=f"to be writable, got .*{os.strerror(errno.EFBIG)}"),
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


def test_a_real_run_is_logged_as_its_history_says(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    settings: dict[str, Any] = {
        "key": jax.random.key(0),
        "optimizer": jaxnet.optim.sgd(0.1),
        "batch_size": 8,
        "validation": blobs(seed=1),
        "report_every": 2,
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


def test_a_run_that_reports_nothing_leaves_nothing(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path / "board"):
        pass
    assert list((tmp_path / "board").iterdir()) == []
