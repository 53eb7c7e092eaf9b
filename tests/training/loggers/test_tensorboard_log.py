"""Event files: TensorBoard reads in them what was reported, whatever became of them."""

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
from jaxnet.training.loggers.events import read_curves
from tests.full_disk import full_disk
from tests.training.loggers.test_logs import LOSSES, lines, progress
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
    curve = read_curves(tmp_path)["loss/train"]
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
    assert [list(curve) for curve in read_curves(tmp_path).values()] == [[1, 2]] * 4


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
    assert list(read_curves(tmp_path)["loss/train"]) == [1, 2, 3]


def test_a_damaged_record_ends_the_good_part_of_its_file(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path) as report:
        for epoch in (1, 2, 3):
            report(progress(epoch))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    place = content.rindex(b"loss/train") - 2  # within the third event, which has no more a sense
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    assert list(read_curves(tmp_path)["loss/train"]) == [1, 2]
    with tensorboard_log(tmp_path) as report:
        report(progress(3))
    assert list(read_curves(tmp_path)["loss/train"]) == [1, 2, 3]


def test_what_is_written_later_is_read_later_though_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, loss in ((2_000_000_000.0, 0.5), (1_000_000_000.0, 0.25), (3e9, 0.125)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: seconds)
        with tensorboard_log(tmp_path) as report:
            report(Progress(1, 1, History({"loss": np.array([loss])}, {}, {}), 1.0))
        assert read_curves(tmp_path) == {"loss/train": {1: loss}}


def test_others_curves_in_the_folder_are_let_be(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path) as report:
        report(Progress(2, 2, History({"others": np.ones(2)}, {}, {}), 1.0))
    with tensorboard_log(tmp_path) as report:
        report(progress(1))
    assert restarts(tmp_path) == []


def test_a_place_for_tensorboard_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="expected file to be writable"),
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
    monkeypatch.setitem(sys.modules, "tensorboardX.record_writer", None)
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


def test_a_run_that_reports_nothing_leaves_nothing(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path / "board"):
        pass
    assert list((tmp_path / "board").iterdir()) == []
