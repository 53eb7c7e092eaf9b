"""Data sets by name, path and columns; options that do not apply; data directories."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.data import DATASETS, data_directory, load_dataset, make_table, table_dataset

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


COLUMNS = {"size": np.arange(20.0), "rent": np.arange(20) * 2.5, "id": np.arange(20)}


def test_a_table_by_every_route(tmp_path: Path) -> None:
    path = tmp_path / "flats.csv"
    lines = [",".join(COLUMNS), *(f"{i},{2.5 * i},{i}" for i in range(20))]
    path.write_text("\n".join(lines))
    routes: list[Any] = [path, str(path), COLUMNS, make_table(COLUMNS)]
    made = [load_dataset(route, target="rent", ignore=("id",)) for route in routes]
    assert [each.name for each in made] == ["flats.csv", "flats.csv", "table", "table"]
    for each in made:
        np.testing.assert_array_equal(each.train.inputs, made[0].train.inputs)
        assert each.train.inputs.shape == (16, 1)
        assert (each.class_names, each.image_shape, each.input_scale) == ((), (), None)
        assert each.table is not None
        assert each.table.target == "rent"
    other = load_dataset(COLUMNS, target="rent", key=jax.random.key(1))
    assert not np.array_equal(other.train.targets, made[0].train.targets)
    given = table_dataset(make_table(COLUMNS), "rent", key=jax.random.key(1))
    np.testing.assert_array_equal(other.train.targets, given.train.targets)


def test_the_fixed_split_is_the_same_in_both_precisions(dtype: np.dtype) -> None:
    made = load_dataset(COLUMNS, target="rent", task="regression")
    assert made.table is not None
    assert made.table.outputs is not None
    rents = made.table.outputs.invert(made.test.targets)[:, 0]
    np.testing.assert_allclose(rents, [17.5, 22.5, 27.5, 37.5], err_msg=str(dtype))


KEY = jax.random.key(0)

REFUSALS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "unknown name": (
        "mnits",
        {},
        "expected source, neither a folder nor a table (.csv, .tsv, .txt, .parquet, .npz), to be "
        f"one of {', '.join(sorted(DATASETS))}, got 'mnits'. Did you mean 'm",
    ),
    "address": ("s3://bucket/mnist", {}, "expected source to be on a disk"),
    "no file": ("none.csv", {"target": "a"}, "expected file to exist, got none.csv"),
    "no target": (COLUMNS, {}, "expected target to be one of the columns size, rent, id, got None"),
    "unknown target": (COLUMNS, {"target": "age"}, "to be one of size, rent, id, got 'age'"),
    "target of a name": (
        "digits",
        {"target": "a"},
        "target to be left out for a data set by name, got 'a'. Only tables have columns.",
    ),
    "key of a name": ("digits", {"key": KEY}, "The split is part of the data set."),
    "task of a folder": (".", {"task": "regression"}, "task to be left out for a folder of images"),
    "ignore of a folder": (Path(), {"ignore": ("a",)}, "ignore to be left out for a folder"),
    "folder of a table": (
        COLUMNS,
        {"data_dir": "data", "target": "rent"},
        "data_dir to be left out for a table, got 'data'. It holds the files of data sets by name.",
    ),
    "seed": (COLUMNS, {"target": "rent", "key": 0}, "expected key to be one PRNG key"),
    "task": (COLUMNS, {"target": "rent", "task": "ranking"}, "expected task to be one of"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(name: str) -> None:
    source, options, message = REFUSALS[name]
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as caught:
        load_dataset(source, **options)
    assert message in str(caught.value)


def test_files_are_looked_for_in_a_folder_of_the_data_sets_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "mnist")):
        load_dataset("mnist", data_dir=tmp_path)


def test_names_are_those_of_the_data_sets() -> None:
    assert {"digits", "iris", "mnist"} < set(DATASETS)
