"""Tables: files of every kind, what is refused, and the data sets made of them."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.data import load_dataset
from jaxnet.data.sources.table_dataset import table_dataset
from jaxnet.data.sources.table_files import read_table
from jaxnet.data.table import make_table

CSV = """height;sex;smokes;zip;planet
1.80;m;true;04109;earth
;f;false;10115;earth
1.6e0;"f";TRUE;;earth
NA;n/a;false;80331;earth
"""


def write(folder: Path, content: str | bytes, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_csv_file_has_columns_of_types(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "\ufeff" + CSV), text=("zip",))
    assert table.columns["height"].tolist()[:1] == [1.8]
    assert table.nulls() == {"height": 2, "sex": 1, "smokes": 0, "zip": 1, "planet": 0}
    assert table.columns["sex"].tolist() == ["m", "f", "f", None]
    assert table.columns["smokes"].tolist() == [True, False, True, False]
    assert table.columns["zip"].tolist() == ["04109", "10115", None, "80331"]


def test_every_route_gives_the_same_table(tmp_path: Path) -> None:
    columns = {"a": [1.5, None, 3.0], "b": ["x", None, "z"], "c": [True, False, True]}
    expected = make_table(columns)
    routes = [
        read_table(columns),
        read_table(write(tmp_path, "a,b,c\n1.5,x,true\n,,false\n3,z,true\n")),
        read_table(write(tmp_path, "a\tb\tc\n1.5\tx\ttrue\n\t\tfalse\n3\tz\ttrue\n", "t.tsv")),
    ]
    for name in ("pandas", "polars"):
        try:
            library: Any = __import__(name)
        except ImportError:
            continue
        frame = library.DataFrame(columns)
        routes.append(read_table(frame))
        if name == "pandas":  # whose nulls are then NA
            routes.append(read_table(frame.convert_dtypes()))
    for table in routes:
        assert list(table.columns) == ["a", "b", "c"]
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(table.columns[name], column)
            assert table.columns[name].dtype == column.dtype


class _NA(float):  # as pandas' NA, whose comparisons are no booleans
    __eq__: Any = lambda self, other: self
    __bool__: Any = lambda self: 1 / 0


NA = type("NAType", (_NA,), {})()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1, NA, 3], [1, None, 3]),
        (["x", NA, "z"], ["x", None, "z"]),
        (np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]), [1, None, 3]),
        (jax.numpy.arange(3), [0, 1, 2]),
        ([Decimal("1.5"), None, Decimal(2)], [1.5, None, 2]),
        ([1.5, np.float64("nan"), 2], [1.5, None, 2]),
        ([], []),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_what_a_column_may_hold(column: Any, expected: list[Any]) -> None:
    made = make_table({"a": column}).columns["a"].tolist()
    assert [None if value != value else value for value in made] == expected


def test_ignored_columns_may_hold_anything(tmp_path: Path) -> None:
    days = np.array(["2026-01-01", "2026-01-02"], "M8[D]")
    given: Any = {"day": days, "a": [1, 2], "b": ["x", "y"]}
    path = write(tmp_path, "day,a,b\n1,1,x\n2,2,y\n,,\ninf,,\n3,,\n")
    for source in (given, path):
        assert list(read_table(source, ignore=("day",)).columns) == ["a", "b"]
        with pytest.raises(ValueError, match="column 'day' to hold numbers"):
            read_table(source)
    with pytest.raises(ValueError, match="ignore to be among the columns day, a, b, got date"):
        read_table(given, ignore="date")
    with pytest.raises(ValueError, match="each class of 'b' to have 2 rows or more"):
        load_dataset(given, target="b", ignore=["day"])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": np.zeros((3, 2))}, "column 'a' to be a list or an array of one axis, got shape"),
        ({"a": np.array(1.0)}, "got shape ()"),
        ({"a": 1.0}, "got 1.0 of type float"),
        ({"a": "abc"}, "got 'abc' of type str"),
        ({"a": [1.0, np.inf]}, "column 'a' to hold finite numbers, got inf at index (1,)"),
        ({"a": [10**400, 1]}, "column 'a' to hold numbers of float64"),
        ({"a": [1j]}, "column 'a' to hold numbers or text alone, got 1j in row 0"),
        ({1: [1.0], "1": [2.0]}, "table to name each column once, got [1, '1']"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_columns_that_are_refused(columns: Any, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        make_table(columns)
    assert expected in str(caught.value)


def test_data_frames_of_pandas_with_nulls_of_its_own_and_odd_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({0: [1, None], 1: ["x", None], 2: [True, None]}).convert_dtypes()
    assert read_table(frame).nulls() == {"0": 1, "1": 1, "2": 1}
    for other in (pandas.DataFrame(np.zeros((2, 2)), columns=["a", "a"]), pandas.Series([1])):
        with pytest.raises(TypeError, match="expected source to be a path, a mapping, or a data"):
            read_table(other)


def test_a_data_frame_of_pyarrow_and_a_parquet_file(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    frame = pyarrow.table({"a": [1.5, None], "b": ["x", None]})
    parquet.write_table(frame, tmp_path / "t.parquet")
    for table in (read_table(frame), read_table(tmp_path / "t.parquet")):
        assert table.columns["b"].tolist() == ["x", None]
        np.testing.assert_array_equal(table.columns["a"], [1.5, np.nan])


def test_an_npz_archive_of_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=np.arange(3), b=np.array(["x", "y", "z"]))
    table = read_table(tmp_path / "t.npz")
    assert table.columns["a"].dtype == np.float64
    assert table.columns["b"].tolist() == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "to hold names and one row or more, got 0 lines"),
        ("a,b\n", "to hold names and one row or more, got 1 lines"),
        ("a,a\n1,2\n", "to name each column once, got ['a']"),
        ("a,\n1,2\n", "to name each column once, got ['']"),
        ("a,b\n1,2\n3\n", "to have 2 values in every line, as in the first, got 1 in line 3"),
        ("a,b\n1,2\n3,4,5\n", "got 3 in line 3"),
        ("a,b\n1,2\n2,3\nx,3\n4,2\n", "column 'a' to hold numbers alone"),
        ("a,b\n1,2\n2,3\ninf,3\n4,2\n", "got 'inf' in line 4"),
        ('"a,b";c\n1,5;2\n2,5;3\n', "got '1,5' in line 2. Write a decimal point"),
        ('a,b\n"1,000",2\n"2,000",3\n', "got '1,000' in line 2. Write a decimal point"),
        ('a,b\n"1,2\n', "to be a CSV file, got"),
        (b"a,b\n\xff,2\n", "to be text in UTF-8"),
    ],
)
def test_csv_files_that_are_refused(tmp_path: Path, content: Any, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_table(write(tmp_path, content))
    assert expected in str(caught.value)


def test_other_files_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Check the name and the folder"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="expected suffix to be one of"):
        read_table(write(tmp_path, "a", "a.xlsx"))
    with pytest.raises(ValueError, match="to be an NPZ archive"):
        read_table(write(tmp_path, "a", "a.npz"))
    np.save(tmp_path / "array.npy", np.zeros(2))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(ValueError, match="to be an NPZ archive"):
        read_table(tmp_path / "array.npz")
    np.savez(tmp_path / "objects.npz", a=np.array([{}], object))
    with pytest.raises(ValueError, match="without pickled objects"):
        read_table(tmp_path / "objects.npz")
    with pytest.raises(ValueError, match="to have columns of text called c, got a, b"):
        read_table(write(tmp_path, "a,b\n1,2\n"), text=("c",))


def rows(n: int = 60) -> Any:
    random = np.random.default_rng(0)
    size = random.uniform(30, 200, n)
    town = [["Aachen", "Bonn", "Celle"][i % 3] for i in range(n)]
    price = 3 * size + 100 * (np.arange(n) % 3) + random.normal(0, 5, n)
    return {"size": size.tolist(), "town": town, "price": price.tolist(), "id": np.arange(n)}


def test_a_regression_is_split_and_prepared_by_its_training_rows() -> None:
    made = table_dataset(make_table(rows()), "price", key=jax.random.key(0), ignore=("id",))
    assert made.train.inputs.shape == (48, 4)
    assert made.test.inputs.shape == (12, 4)
    assert made.train.inputs.dtype == made.train.targets.dtype == np.float32
    np.testing.assert_allclose(made.train.inputs[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(made.train.targets.std(), 1, rtol=1e-6)
    assert made.table is not None
    assert made.table.outputs is not None
    prices = made.table.outputs.invert(np.concatenate([made.train.targets, made.test.targets]))
    np.testing.assert_allclose(np.sort(prices[:, 0]), np.sort(rows()["price"]), rtol=1e-5)


def test_poisoned_test_rows_change_nothing_of_the_training() -> None:
    plain = rows()
    first = table_dataset(make_table(plain), "price", key=jax.random.key(0), ignore=("id",))
    of_test = set(np.round(first.test.inputs[:, 0], 3).tolist())
    assert first.table is not None
    scaling = first.table.inputs.apply(make_table(plain))[:, 0]
    poisoned = {name: list(column) for name, column in plain.items()}
    for i, value in enumerate(np.round(scaling.astype(np.float32), 3).tolist()):
        if value in of_test:
            poisoned["size"][i] = 1e12
            poisoned["price"][i] = -1e12
            poisoned["town"][i] = "Paris"
    again = table_dataset(make_table(poisoned), "price", key=jax.random.key(0), ignore=("id",))
    np.testing.assert_array_equal(first.train.inputs, again.train.inputs)
    np.testing.assert_array_equal(first.train.targets, again.train.targets)
    assert not np.array_equal(first.test.inputs, again.test.inputs)


def test_test_rows_with_nulls_where_training_has_none_are_left_out() -> None:
    plain = rows(10)
    sizes = [value if i else None for i, value in enumerate(plain["size"])]
    parts, nulls = [], []
    for key in jax.random.split(jax.random.key(0), 8):
        made = table_dataset(make_table(plain | {"size": sizes}), "price", key=key, ignore=("id",))
        assert made.table is not None
        why = "left out 1 test rows with nulls where training has none: 'size'"
        parts.append((len(made.train.targets), len(made.test.targets)))
        nulls.append(why in made.table.report)
        assert np.isfinite(made.test.inputs).all()
    assert parts == [(8, 1) if null else (8, 2) for null in nulls]
    assert 0 < sum(nulls) < 8


def test_classes_are_counted_in_sorted_order_and_split_in_proportion() -> None:
    given = rows() | {"price": [["low", "high", None][i % 3] for i in range(60)]}
    made = table_dataset(make_table(given), "price", key=jax.random.key(0), test_fraction=0.25)
    assert made.class_names == ("high", "low")
    assert np.bincount(made.test.targets).tolist() == [5, 5]
    assert made.table is not None
    assert "left out 20 rows without 'price'" in made.table.report
    assert made.table.outputs is None
    assert (made.image_shape, made.pixel_max, made.input_scale) == ((), 1, None)


def test_whole_numbers_are_classes_unless_one_says_otherwise() -> None:
    given = make_table({"x": np.arange(12.0), "y": np.arange(12) % 3 + 4})
    assert table_dataset(given, "y", key=jax.random.key(0)).class_names == ("4", "5", "6")
    made = table_dataset(given, "y", key=jax.random.key(0), task="regression")
    assert made.class_names == ()


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ({}, {"target": "rent"}, "expected column to be one of size, town, price, id, got 'rent'"),
        ({}, {"ignore": ("age",)}, "got 'age'"),
        ({"price": [1.5] * 60}, {}, "column 'price' to hold numbers, got one value"),
        ({"price": [None] * 60}, {}, "column 'price' to hold classes, got no value"),
        ({"price": ["a"] * 60}, {"task": "regression"}, "to hold numbers for a regression, got te"),
        ({}, {"ignore": "room"}, "got 'room'"),
        ({"price": ["a"] * 59 + ["b"]}, {}, "each class of 'price' to have 2 rows or more"),
        ({}, {"test_fraction": 1.0}, "expected fractions"),
        ({}, {"ignore": ("size", "town", "id")}, "expected table to have columns that vary"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(change: dict[str, Any], options: dict[str, Any], expected: str) -> None:
    given: Any = {"target": "price", "key": jax.random.key(0), **options}
    with pytest.raises((ValueError, TypeError)) as caught:
        table_dataset(make_table(rows() | change), **given)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("column", "is_told"),
    [
        ([3.0, 1.0, 2.0, 4.0], True),
        ([3.0, 1.0, 2.0, 5.0], False),
        ([1.0, 2.0, 2.0, 3.0], False),
        ([1.0, 2.0, None, 3.0], False),
        ([0.5, 1.0, 1.5, 2.0], False),
    ],
)
def test_the_report_tells_of_a_column_that_numbers_the_rows(
    column: list[float | None], is_told: bool
) -> None:
    table = read_table({"id": column, "height": [1.6, 1.7, 1.9, 1.8], "y": list("abab")})
    made = table_dataset(table, target="y", key=jax.random.key(0), test_fraction=0.5)
    assert made.table is not None
    line = next(line for line in made.table.report if line.startswith("'id'"))
    assert ("numbers the rows" in line) == is_told


def test_the_report_counts_categories_and_advises_against_very_many() -> None:
    days = [f"2026-01-{1 + i // 2:02d}" for i in range(60)]
    towns = [("Bonn", "Kiel", "Ulm")[i % 3] for i in range(60)]
    table = make_table({"signed": days, "town": towns, "price": np.arange(60.0)})
    made = table_dataset(table, "price", key=jax.random.key(0), task="regression")
    assert made.table is not None
    lines = {line.partition(":")[0]: line for line in made.table.report}
    assert lines["'town'"] == "'town': one_hot of 3 values"
    advice = "; so many rarely help: leave the column out by ignore"
    assert re.fullmatch(rf"'signed': one_hot of \d\d values{advice}", lines["'signed'"])
