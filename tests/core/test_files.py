"""Files: atomic writing, symbolic links, and errors for devices and pipes."""

import os
from pathlib import Path
from typing import Literal

import pytest

from jaxnet.core import files
from jaxnet.core.files import open_regular, read_regular, write_atomically


def write(path: Path, text: str) -> Path:
    return write_atomically(path, lambda file: file.write_text(text), remedy="Go.")


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link.txt", tmp_path / "folder" / "target.txt"
    link.symlink_to(target)
    for text in ("new", "old"):  # it may lead to nothing yet
        assert write(link, text) == link
        assert link.is_symlink()
        assert target.read_text() == text
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_pipe_and_a_device_are_refused(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for path, kind in ((pipe, "a pipe"), (link, "a device")):
        with pytest.raises(ValueError, match=f"regular file, got '{path}', {kind}."):
            write(path, "new")
    assert pipe.is_fifo()
    assert link.is_char_device()


@pytest.mark.parametrize("place", [".", "folder"])
def test_a_folder_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"to be writable, got .*: Is a directory\. Go"):
        write(Path(place), "new")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", limit=7) == b"content"
    with pytest.raises(ValueError, match=r"of at most 6 bytes, got '.*link' of 7\."):
        read_regular(tmp_path / "link", limit=6)


def test_pipes_and_devices_raise_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match=f"regular file, got '{name}', a (pipe|device)"):
            read_regular(name)


@pytest.mark.parametrize("mode", ["rb", "ab"])
def test_a_pipe_that_takes_a_files_place_is_refused_all_the_same(
    mode: Literal["rb", "ab"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch()

    def replaced(file: Path | int) -> str | None:
        if isinstance(file, Path):  # looked at before it is opened
            path.unlink()
            os.mkfifo(path)
            return None
        return irregularity(file)

    irregularity = files.irregularity
    monkeypatch.setattr(files, "irregularity", replaced)
    with pytest.raises((ValueError, OSError), match=r"a pipe|No such device"):
        open_regular(path, mode)


def test_a_file_larger_than_all_memory_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(2**40)  # it takes no room on the disk
    with pytest.raises(ValueError, match=r"of at most 68,719,476,736 bytes, got .* of 1,099,511"):
        read_regular(tmp_path / "file")
