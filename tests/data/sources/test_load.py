"""Data directories, and unknown names."""

from pathlib import Path

import pytest

from jaxnet.data import DATASETS, data_directory, load_dataset

VARIABLES = ("JAXNET_DATA", "XDG_CACHE_HOME")


@pytest.mark.parametrize(
    ("argument", "jaxnet_data", "cache", "expected"),
    [
        ("/a", "/b", "/c", "/a"),
        (Path("/a"), "/b", None, "/a"),
        (None, "/b", "/c", "/b"),
        (None, None, "/c", "/c/jaxnet"),
        (None, "", "/c", "/c/jaxnet"),
        (None, None, None, "/home/of/user/.cache/jaxnet"),
        (None, None, "", "/home/of/user/.cache/jaxnet"),
        ("~/data", None, None, "/home/of/user/data"),
        (None, "~/data", None, "/home/of/user/data"),
    ],
)
def test_precedence(
    monkeypatch: pytest.MonkeyPatch,
    argument: str | Path | None,
    jaxnet_data: str | None,
    cache: str | None,
    expected: str,
) -> None:
    monkeypatch.setenv("HOME", "/home/of/user")
    for variable, value in zip(VARIABLES, (jaxnet_data, cache), strict=True):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert data_directory(argument) == Path(expected)


def test_unknown_name() -> None:
    message = (
        r"expected name to be one of digits, digits_by_writer, fashion_mnist, kmnist, mnist, "
        r"got 'mnits'\. Did you mean 'm"
    )
    with pytest.raises(ValueError, match=message):
        load_dataset("mnits")


def test_files_are_looked_for_in_a_folder_of_the_data_sets_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "mnist")):
        load_dataset("mnist", data_dir=tmp_path)


def test_names_are_those_of_the_data_sets() -> None:
    assert set(DATASETS) == {"digits", "digits_by_writer", "fashion_mnist", "kmnist", "mnist"}
