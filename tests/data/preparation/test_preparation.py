"""Preparations: leaks, chains, tables, files, refusals."""

import json
from typing import Any

import numpy as np
import pytest

from jaxnet.data import preparation as prepare
from jaxnet.data.preparation import Preparation, fitted
from jaxnet.data.preparation.saving import from_json, to_json
from jaxnet.data.table import Table, make_table


def people(rows: int = 12) -> Table:
    random = np.random.default_rng(0)
    height = random.normal(1.7, 0.1, rows)
    height[[1, 4]] = np.nan
    return make_table(
        {
            "height": height,
            "sex": [["f", "m", None][i % 3] for i in range(rows)],
            "smokes": [i % 2 == 0 for i in range(rows)],
            "name": [f"number {i}" for i in range(rows)],
            "planet": ["earth"] * rows,
        }
    )


MODAL: Any = "modal"
NUMERIC: dict[str, Preparation] = {
    "min_max": prepare.min_max(),
    "standardize": prepare.standardize(1),
    "robust": prepare.robust(),
    "pca": prepare.pca(2, whiten=True),
    "impute": prepare.impute(mask=True),
    "chain": prepare.chain(prepare.impute("mean"), prepare.robust(), prepare.pca(0.9)),
    "powers": prepare.chain(prepare.polynomial_features(2), prepare.standardize()),
}


@pytest.mark.parametrize("preparation", NUMERIC.values(), ids=NUMERIC.keys())
def test_poisoned_test_data_change_no_statistic_and_no_other_row(preparation: Any) -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    train, test = x[:20], x[20:].copy()
    statistics = preparation.fit(train)
    before = preparation.apply(statistics, test)
    test[3] = 1e30
    after = preparation.apply(statistics, test)
    others = np.arange(10) != 3
    np.testing.assert_array_equal(after[others], before[others])
    np.testing.assert_array_equal(
        preparation.apply(preparation.fit(train), x[20:]), before
    )  # apply has changed nothing


def test_a_chain_fits_each_to_what_reaches_it() -> None:
    x = np.array([[1.0], [np.nan], [4.0]])
    chained = fitted(prepare.chain(prepare.impute("mean"), prepare.min_max()), x)
    np.testing.assert_allclose(chained.apply(x), [[0.0], [0.5], [1.0]])
    np.testing.assert_allclose(chained.invert(chained.apply(x)), [[1.0], [2.5], [4.0]])


def test_a_table_becomes_features() -> None:
    table = people()
    ready = fitted(prepare.tabular(table), table)
    found = ready.apply(table)
    assert found.shape == (12, 2 + 2 + 1)  # height and its mask, f and m, smokes
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, [0, 1, 4]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(found[:3, 2:4], [[1, 0], [0, 1], [0, 0]])
    new = make_table(
        {"height": [None], "sex": ["x"], "smokes": [True], "more": [3.0], "name": ["n"]}
    )
    assert np.isfinite(ready.apply(new)).all()


@pytest.mark.parametrize("unknown", ["zeros", "other", "error"])
def test_unknown_categories(unknown: Any) -> None:
    ready = fitted(prepare.one_hot(unknown), np.array(["a", "b"]))
    if unknown == "error":
        with pytest.raises(ValueError, match="among the categories a, b, got 'c' in row 1"):
            ready.apply(np.array(["a", "c"]))
        return
    found = ready.apply(np.array(["b", "c", None], object))
    assert found[:, :2].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert found.shape[1] == (3 if unknown == "other" else 2)
    assert ready.invert(found).tolist() == ["b", None, None]


@pytest.mark.parametrize("name", [*NUMERIC, "table"])
def test_what_is_saved_prepares_alike(name: str) -> None:
    if name == "table":
        inputs: Any = people()
        ready = fitted(prepare.tabular(inputs), inputs)
    else:
        inputs = np.random.default_rng(0).normal(size=(30, 3))
        ready = fitted(NUMERIC[name], inputs)
    again = from_json(json.loads(json.dumps(to_json(ready))))
    np.testing.assert_array_equal(again.apply(inputs), ready.apply(inputs))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: prepare.min_max(1, 1), "expected high finite and in (1, inf), got 1"),
        (lambda: prepare.robust(0.8, 0.2), "expected high finite and in (0.8, 1], got 0.2"),
        (lambda: prepare.pca(0), "expected components >= 1, got 0"),
        (lambda: prepare.pca(1.5), "expected components finite and in (0, 1), got 1.5"),
        (lambda: prepare.pca(3).fit(np.ones((9, 2))), "to be at most 2, of examples and features"),
        (lambda: prepare.impute(MODAL), "expected fill to be one of"),
        (lambda: prepare.impute().fit(np.full((3, 1), np.nan)), "expected feature 0 to hold a"),
        (lambda: prepare.impute().fit(np.array([[np.inf], [1.0]])), "to be finite everywhere"),
        (lambda: prepare.standardize().fit(np.array([[np.nan]])), "Put impute before"),
        (lambda: prepare.standardize(2).fit(np.ones((2, 1))), "to be more than ddof = 2, got 2"),
        (lambda: prepare.standardize().fit(np.ones(3)), "of shape (examples, features)"),
        (lambda: prepare.standardize().fit([[1.0]]), "expected inputs to be an array, got a list"),
        (lambda: prepare.standardize().fit(np.array([["a"]])), "to be real numbers, got <U1"),
        (
            lambda: fitted(prepare.min_max(), np.ones((2, 3))).apply(np.ones((2, 2))),
            "of shape (examples, 3), as the training inputs, got (2, 2)",
        ),
        (lambda: prepare.one_hot().fit(np.array([None], object)), "to hold categories, got nulls"),
        (lambda: prepare.one_hot().fit(np.array([1, "a"], object)), "to have one type, got"),
        (lambda: prepare.one_hot().fit(np.ones((2, 2))), "to be one column, got shape (2, 2)"),
        (lambda: prepare.by_column({}), "expected preparations to name columns, got none"),
        (
            lambda: prepare.by_column({"age": prepare.one_hot()}).fit(np.zeros((2, 1))),
            "expected inputs to be a Table, got a ndarray. See jaxnet.data.read_table.",
        ),
        (
            lambda: prepare.by_column({"age": prepare.one_hot()}).fit(people()),
            "expected column to be one of height, sex, smokes, name, planet, got 'age'",
        ),
        (lambda: from_json({}), "expected preparation to be one of jaxnet, got KeyError"),
        (
            lambda: from_json({"specification": {"kind": "x", "parts": []}}),
            "preparation to be one of",
        ),
        (lambda: prepare.polynomial_features().invert({}, np.ones((1, 1))), "to have a way back"),
        (lambda: make_table({}), "expected table to have columns, got none"),
        (lambda: make_table({"a": [1], "b": [1, 2]}), "to have columns of one length"),
        (lambda: make_table({"a": [1, "x", 3]}), "to hold numbers or text alone, got 'x' in row 1"),
        (lambda: prepare.tabular(make_table({"a": [1, 1]})), "to have columns that vary, got a"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(call: Any, expected: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert expected in str(caught.value)


def test_a_preparation_is_shown_as_it_was_made() -> None:
    made = prepare.by_column({"age": prepare.standardize(), "sex": prepare.one_hot()})
    assert repr(made) == (
        "by_column({'age': standardize(ddof=0), 'sex': one_hot(unknown='zeros')})"
    )
    found = fitted(prepare.chain(prepare.standardize(), prepare.min_max()), np.eye(3))
    assert repr(found) == "Fitted(chain(standardize(ddof=0), min_max(low=0, high=1)))"


def test_whitening_divides_by_no_variance_that_is_only_rounding() -> None:
    for rows in (300, 5):  # of the covariance, of singular values
        x = np.random.default_rng(0).normal(size=(rows, 2))
        ready = prepare.fitted(prepare.pca(whiten=True), np.c_[x, x @ [1.0, 1.0]])
        assert np.abs(ready.apply(np.array([[1.0, 1.0, 2.001]]))).max() < 10


def test_categories_of_lists_are_those_of_arrays_of_objects() -> None:
    colours = prepare.one_hot()
    assert colours.fit(["red", np.nan])["categories"].tolist() == ["red"]
    with pytest.raises(ValueError, match="inputs to have one type, got"):
        colours.fit(["red", 1])
