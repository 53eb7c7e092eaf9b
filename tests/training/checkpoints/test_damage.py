"""What is damaged, foreign, or cannot be read just now is said, and nothing of it is lost."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import jaxnet
from jaxnet.core import array_file
from jaxnet.core.errors import InputError, InvalidValueError
from jaxnet.training import init_state, restore_state
from tests.full_disk import full_disk
from tests.training.checkpoints.starts import result_digest
from tests.training.checkpoints.test_resumption import NETWORK, OPTIMIZER, names, run

LIKE = init_state(NETWORK, OPTIMIZER, (3,), key=jax.random.key(0))
LAST = "epoch_9.safetensors"
WHOLE = ["epoch_8", "epoch_9"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("written")
    run(folder)
    return folder


@pytest.fixture(scope="module")
def expected() -> str:
    """Return the digest of a run without checkpoints."""
    return result_digest(run(None))


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(written, tmp_path / "copy"))


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Flip the bits of a byte amid the arrays."""
    content = bytearray(path.read_bytes())
    content[-100] ^= 255
    path.write_bytes(content)


def replace(before: str, after: str) -> Callable[[Path], None]:
    """Return what replaces something, of the same length, in the description."""
    assert len(before) == len(after)

    def harm(path: Path) -> None:
        content = path.read_bytes()
        assert before.encode() in content
        path.write_bytes(content.replace(before.encode(), after.encode(), 1))

    return harm


def another_array(path: Path) -> None:
    arrays = load_file(path)
    with array_file.import_package("safetensors").safe_open(path, framework="np") as file:
        metadata = file.metadata()
    arrays["state.epoch"] = np.array(8, np.int32)
    save_file(arrays, path, metadata)


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(to: str) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        path.unlink()
        path.symlink_to(to)

    return harm


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "half": (halve, "to be a whole safetensors file"),
    "empty": (lambda path: os.truncate(path, 0), "to be a whole safetensors file"),
    "a flipped bit": (flip, "to have the SHA-256"),
    "another array": (another_array, "to have the SHA-256"),
    "a number of epochs": (replace('epochs\\": 9', 'epochs\\": 1'), "to have the SHA-256"),
    "a version": (replace(jax.__version__, "9.9.99"[: len(jax.__version__)]), "to have the SHA"),
    "another kind": (replace('"jaxnet run"', '"jaxnet ran"'), "to be a checkpoint of jaxnet"),
    "a folder": (folder_in_its_place, "to be readable, got Is a directory"),
    "a pipe": (pipe, "to be a regular file, got .*a pipe"),
    "a device": (link("/dev/zero"), "to be a regular file, got .*a device"),
    "a link to nothing": (link("nothing"), "to exist"),
}


@pytest.mark.parametrize(("harm", "why"), HARMS.values(), ids=HARMS.keys())
def test_a_corrupted_one_is_skipped_and_the_previous_one_is_loaded(
    harm: Callable[[Path], None], why: str, folder: Path, expected: str
) -> None:
    harm(folder / LAST)
    with pytest.warns(UserWarning, match=rf"{LAST}.* {why}|{why}.*{LAST}"):
        restore_state(folder, LIKE)
    assert names(folder) == WHOLE, "who only reads leaves what is damaged"
    with pytest.warns(UserWarning, match=why):
        result = run(folder)
    assert result_digest(result) == expected
    assert names(folder) == ["damaged_epoch_9", *WHOLE]


def test_each_corrupted_one_is_set_aside_by_a_name_of_its_own(folder: Path) -> None:
    aside: list[str] = []
    for name in ("damaged_epoch_9", "damaged_damaged_epoch_9"):
        aside = [name, *aside]
        halve(folder / LAST)
        with pytest.warns(UserWarning, match="It is skipped"):
            run(folder)
        assert names(folder) == [*aside, *WHOLE]


def test_if_all_are_corrupted_nothing_is_overwritten(folder: Path) -> None:
    for path in folder.glob("epoch_*"):
        halve(path)
    for use in (lambda: run(folder), lambda: restore_state(folder, LIKE)):
        with (
            pytest.warns(UserWarning, match="It is skipped"),
            pytest.raises(InputError, match=r"to hold one that can be read, got only.*epoch_8"),
        ):
            use()
    assert names(folder) == WHOLE


OTHERS: dict[str, dict[str, Any]] = {
    "setting": {"batch_size": 9},
    "network": {"net": jaxnet.mlp((3, 3))},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_run_that_is_refused_leaves_what_is_corrupted(
    other: dict[str, Any], folder: Path
) -> None:
    halve(folder / LAST)
    with (
        pytest.raises((TypeError, ValueError), match=r"epoch_8\.safetensors'"),
        pytest.warns(UserWarning, match="It is skipped"),
    ):
        run(folder, **other)
    assert names(folder) == WHOLE


TROUBLE = {
    "disk": (OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error."),
    "rights": (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    "memory": (MemoryError("no room"), "no room"),
}


@pytest.mark.parametrize(("error", "said"), TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_of_the_system_is_no_damage(
    error: Exception, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = array_file.open_regular

    def fail(path: Path, mode: Any) -> Any:
        if path.name == LAST:
            raise error
        return opened(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(array_file, "open_regular", fail)
        for use in (lambda: run(folder), lambda: restore_state(folder, LIKE)):
            with pytest.raises((InvalidValueError, MemoryError), match=said):
                use()
    assert names(folder) == WHOLE
    run(folder)


@pytest.mark.parametrize("change", [Path.rename, shutil.copy])
@pytest.mark.parametrize("old", ["epoch_8", "epoch_9"])
def test_a_checkpoint_of_another_epoch_than_its_name_says_is_skipped(
    old: str, change: Callable[[Path, Path], Any], folder: Path
) -> None:
    change(folder / f"{old}.safetensors", folder / "epoch_12.safetensors")
    said = rf"epoch_12\.safetensors to have the name that it was written by, got {old}\.safetensors"
    with pytest.warns(UserWarning, match=said):
        run(folder, epochs=10)
    assert result_digest(run(folder, epochs=12)) == result_digest(run(None, epochs=12))
    assert names(folder) == ["damaged_epoch_12", "epoch_10", "epoch_12"]


@pytest.mark.parametrize("number", ["0010", "-1", "²", "١٠", "10\n", "1_0", "+10", "\udcff"])
def test_names_that_only_resemble_a_checkpoints_are_let_be(number: str, folder: Path) -> None:
    shutil.copy(folder / LAST, folder / f"epoch_{number}.safetensors")
    for epochs in (10, 12):
        run(folder, epochs=epochs)
    assert names(folder) == sorted([f"epoch_{number}", "epoch_10", "epoch_12"])


def test_what_is_not_a_checkpoint_is_never_removed(folder: Path, tmp_path: Path) -> None:
    others = ["2024", "epoch_3.safetensors", "epoch_notes"]
    for name in others:
        (folder / name).mkdir()
        (folder / name / "notes").write_text("mine")
    elsewhere = (folder / "epoch_8.safetensors").rename(tmp_path / "elsewhere")
    (folder / "epoch_8.safetensors").symlink_to(elsewhere)
    (folder / ".epoch_10.123.safetensors").write_text("half")  # a kill leaves such a file
    run(folder, epochs=12)
    assert names(folder) == sorted(["2024", "epoch_11", "epoch_12", "epoch_3", "epoch_notes"])
    assert all((folder / name / "notes").exists() for name in others)
    assert elsewhere.exists()


PLACES = {
    "a file in the way": (Path(__file__), "File exists"),
    "a file above": (Path(__file__) / "run", "Not a directory"),
    "no place": (Path("/proc/nothing"), "No such file or directory"),
}


@pytest.mark.parametrize(("place", "reason"), PLACES.values(), ids=PLACES.keys())
def test_a_folder_that_cannot_be_written(place: Path, reason: str) -> None:
    with pytest.raises(InputError, match=f"expected checkpoint to be writable, got .*: {reason}"):
        run(place)


def test_a_full_disk_keeps_the_last_good_one(folder: Path) -> None:
    message = rf"to be writable, .* File too large\. Make room, .* good .*/{LAST}'"
    with full_disk(2_000), pytest.raises(InputError, match=message) as caught:
        run(folder, epochs=11)
    assert isinstance(caught.value, ValueError)  # with which a command ends with status 2
    assert names(folder) == WHOLE


def test_a_folder_of_an_earlier_jaxnet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "epoch_9").mkdir()
    (tmp_path / "epoch_9" / "_CHECKPOINT_METADATA").write_text(json.dumps({}))
    refused = r"to be a folder of a run of fit, got one of a run of jaxnet 0\.1\.0\."
    for use in (lambda: run(tmp_path), lambda: restore_state(tmp_path, LIKE)):
        with pytest.raises(InputError, match=refused):
            use()
    assert names(tmp_path) == ["epoch_9"]
