"""Files are written whole, through links, and to nothing that is not a file."""

import os
from pathlib import Path

import pytest

from jaxnet.core.files import write_atomically


def write(path: Path, text: str) -> Path:
    return write_atomically("test", path, lambda file: file.write_text(text), remedy="Go.")


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
        with pytest.raises(ValueError, match=f"test: .* regular file, got '{path}', {kind}. Ch"):
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
