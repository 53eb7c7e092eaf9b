"""What is damaged, foreign, or cannot be read just now is said, and nothing of it is lost."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

import jaxnet
from jaxnet.core.errors import InvalidValueError
from jaxnet.training import init_state, restore_state
from jaxnet.training.checkpoints.archive import Archive
from tests.training.checkpoints.starts import result_digest
from tests.training.checkpoints.test_resumption import NETWORK, OPTIMIZER, names, run

LIKE = init_state(NETWORK, OPTIMIZER, (3,), key=jax.random.key(0))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("written")
    run(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(written, tmp_path / "copy"))


def damage(folder: Path, before: str = "9", after: str = "8") -> None:
    """Replace something in the description of the last checkpoint."""
    path = folder / "epoch_9" / "description" / "metadata"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


FLIPPED = {
    "seconds": ('"seconds"', '"recondr"'),
    "number of epochs": ('"epochs": 9', '"epochs": 1'),
    "a version": (f'"jax": "{jax.__version__}"', '"jax": "8.1.0"'),
    "a seed's digest": ('"key": "', '"kez": "'),
    "the word format": ('"format"', '"fnrmat"'),
    "a number of format": ('"format": 2', '"format": "'),
}


@pytest.mark.parametrize(("before", "after"), FLIPPED.values(), ids=FLIPPED.keys())
def test_a_description_is_as_good_as_its_checksum(before: str, after: str, folder: Path) -> None:
    damage(folder, before, after)
    with pytest.warns(UserWarning, match=r"/epoch_9' is damaged \(.*/epoch_8' is used instead"):
        result = run(folder)
    assert result_digest(result) == result_digest(run(None))


def test_a_checkpoint_of_an_earlier_jaxnet_is_refused(folder: Path) -> None:
    damage(folder, '"format": 2', '"format": 1')
    with pytest.raises(InvalidValueError, match=r"of format 2, got 1\. Go on with the version"):
        restore_state(folder, LIKE)
    assert names(folder) == ["epoch_8", "epoch_9"]


TROUBLE = {
    "disk": (OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error. Let it be read"),
    "rights": (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    "said by TensorStore": (ValueError("UNKNOWN: [os_error_code='5']"), "Input/output error"),
    "memory": (MemoryError("no room"), "no room"),
}


@pytest.mark.parametrize(("error", "said"), TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_of_the_system_is_no_damage(
    error: Exception, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Archive._read_array

    def fail(archive: Archive, epoch: int, name: str) -> Any:
        if epoch == 9:
            raise error
        return read(archive, epoch, name)

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "_read_array", fail)
        for use in (lambda: run(folder), lambda: restore_state(folder, LIKE)):
            with pytest.raises((InvalidValueError, MemoryError), match=said):
                use()
    assert names(folder) == ["epoch_8", "epoch_9"]
    assert result_digest(run(folder)) == result_digest(run(None))


def test_who_only_reads_leaves_what_is_damaged(folder: Path) -> None:
    damage(folder)
    with pytest.warns(UserWarning, match="is damaged"):
        restore_state(folder, LIKE)
    assert names(folder) == ["epoch_8", "epoch_9"]


OTHERS: dict[str, dict[str, Any]] = {
    "setting": {"batch_size": 9},
    "network": {"net": jaxnet.mlp((3, 3))},
    "length": {"epochs": 7},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_run_that_is_refused_leaves_what_is_damaged(other: dict[str, Any], folder: Path) -> None:
    damage(folder)
    with (
        pytest.raises((TypeError, ValueError), match="epoch_8'"),
        pytest.warns(UserWarning, match="is damaged"),
    ):
        run(folder, **other)
    assert names(folder) == ["epoch_8", "epoch_9"]


def test_each_damaged_one_is_set_aside_by_a_name_of_its_own(folder: Path) -> None:
    for aside in (["damaged_epoch_9"], ["damaged_epoch_9", "damaged_epoch_9_2"]):
        damage(folder)
        with pytest.warns(UserWarning, match="is damaged"):
            run(folder)
        assert names(folder) == [*aside, "epoch_8", "epoch_9"]


@pytest.mark.parametrize("epoch", [3, 10, 99])
def test_a_folder_of_others_is_never_removed(epoch: int, folder: Path) -> None:
    foreign = folder / f"epoch_{epoch}"
    foreign.mkdir()
    (foreign / "notes").write_text("mine")
    if epoch < 9:
        run(folder, epochs=12)
    else:  # it stands where a checkpoint would
        with pytest.warns(UserWarning, match=rf"epoch_{epoch}' is damaged"):
            run(folder, epochs=12)
        foreign = folder / f"damaged_epoch_{epoch}"
    assert names(folder) == sorted([foreign.name, "epoch_11", "epoch_12"])
    assert (foreign / "notes").read_text() == "mine"


def renamed(folder: Path, old: str, new: str) -> None:
    (folder / old).rename(folder / new)


def copied(folder: Path, old: str, new: str) -> None:
    shutil.copytree(folder / old, folder / new)


@pytest.mark.parametrize("change", [renamed, copied])
@pytest.mark.parametrize("old", ["epoch_8", "epoch_9"])
@pytest.mark.parametrize("new", ["epoch_11", "epoch_99"])
def test_a_checkpoint_of_another_epoch_than_its_name_says_is_passed_over(
    old: str, new: str, change: Callable[[Path, str, str], None], folder: Path
) -> None:
    change(folder, old, new)
    with pytest.warns(UserWarning, match=rf"/{new}' is damaged \(it was written as '{old}'\): "):
        run(folder, epochs=10)
    assert result_digest(run(folder, epochs=12)) == result_digest(run(None, epochs=12))
    assert names(folder) == [f"damaged_{new}", "epoch_10", "epoch_12"]


def test_of_two_that_have_swapped_their_names_it_is_said(folder: Path) -> None:
    renamed(folder, "epoch_9", "other")
    renamed(folder, "epoch_8", "epoch_9")
    renamed(folder, "other", "epoch_8")
    with pytest.raises(ValueError, match=r"epoch_9' is damaged \(it was written as 'epoch_8'\)"):
        run(folder)


@pytest.mark.parametrize("number", ["0010", "-1", "²", "١٠", "10\n", "1_0", "+10", "\udcff"])
def test_names_that_only_resemble_a_checkpoints_are_let_be(number: str, folder: Path) -> None:
    copied(folder, "epoch_8", f"epoch_{number}")
    for epochs in (10, 12):
        run(folder, epochs=epochs)
    assert names(folder) == sorted([f"epoch_{number}", "epoch_10", "epoch_12"])


@pytest.mark.parametrize("to", ["a pipe", "a device"])
@pytest.mark.parametrize(
    "what", ["_CHECKPOINT_METADATA", "description/metadata", "arrays/manifest.ocdbt"]
)
def test_nobody_waits_for_a_pipe_or_reads_a_device_within(what: str, to: str, folder: Path) -> None:
    path = folder / "epoch_9" / what
    path.unlink()
    os.mkfifo(path) if to == "a pipe" else path.symlink_to("/dev/zero")
    with pytest.warns(UserWarning, match=rf"/epoch_9' is damaged \(its '{what}' is {to}\)"):
        result = run(folder)
    assert result_digest(result) == result_digest(run(None))


def test_of_a_link_the_link_alone_is_removed(folder: Path, tmp_path: Path) -> None:
    elsewhere = (folder / "epoch_8").rename(tmp_path / "elsewhere")
    (folder / "epoch_8").symlink_to(elsewhere)
    run(folder, epochs=12)
    assert names(folder) == ["epoch_11", "epoch_12"]
    assert names(elsewhere)
