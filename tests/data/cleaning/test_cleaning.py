"""Cleaning: each finder finds what was planted, and removes no more."""

from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.data import Examples, cleaning
from jaxnet.data.table import make_table


def rows(findings: Any) -> list[int]:
    return [finding.row for finding in findings]


def test_nulls_of_arrays_and_tables() -> None:
    x = np.ones((4, 2, 2))
    x[1, 0, 1] = x[1, 1, 1] = x[3, 0, 0] = np.nan
    assert [(f.row, f.reason) for f in cleaning.find_nulls(x)] == [
        (1, "feature 1, feature 3"),
        (3, "feature 0"),
    ]
    table = make_table({"a": [1, None, 3], "b": ["x", "y", ""]})
    found = cleaning.find_nulls(table)
    assert [(f.row, f.reason) for f in found] == [(1, "'a'"), (2, "'b'")]


def test_duplicates_leave_one_of_each_group() -> None:
    x = np.array([[1.0, 0.0], [2, 2], [1, -0.0], [3, 3], [2, 2], [1, 0]])
    examples = Examples(x, np.arange(6))
    found = cleaning.find_duplicates(x)
    assert rows(found) == [0, 1, 2, 4, 5]
    removed = cleaning.remove(examples, found)
    assert removed.examples.targets.tolist() == [0, 1, 3]
    assert removed.kept.tolist() == [0, 1, 3]
    assert [(f.row, f.reason) for f in removed.findings] == [
        (2, "equal: row 0, 5"),
        (4, "equal: row 1"),
        (5, "equal: row 0, 2"),
    ]


def test_a_key_draws_which_duplicate_stays() -> None:
    examples = Examples(np.zeros((4, 1)), np.arange(4))
    found = cleaning.find_duplicates(examples.inputs)
    left = {int(cleaning.remove(examples, found, key=jax.random.key(i)).kept[0]) for i in range(20)}
    assert len(left) > 2
    key = jax.random.key(1)
    again = [cleaning.remove(examples, found, key=key).kept.tolist() for _ in range(2)]
    assert again[0] == again[1]


def test_a_bad_duplicate_does_not_stay() -> None:
    examples = Examples(np.array([[9.0], [9.0], [1.0]]), np.arange(3))
    found = [
        *cleaning.find_duplicates(examples.inputs),
        cleaning.Finding(0, "wrong", "by a person"),
    ]
    removed = cleaning.remove(examples, found)
    assert removed.kept.tolist() == [1, 2]
    assert {f.kind for f in removed.findings} == {"duplicate", "wrong"}


def test_rounded_duplicates_and_leaks() -> None:
    train = np.array([[0.123], [0.5], [0.1234]])
    assert cleaning.find_duplicates(train) == []
    assert rows(cleaning.find_duplicates(train, decimals=3)) == [0, 2]
    test = np.array([[0.5], [0.9]])
    assert rows(cleaning.find_leaks(train, test)) == [1]
    assert rows(cleaning.find_leaks(train, test + 1e-4)) == []
    assert rows(cleaning.find_leaks(train, test + 1e-4, decimals=2)) == [1]


def test_equal_rows_are_equal_in_every_dtype_and_in_tables() -> None:
    numbers = np.array([[1, 2], [3, 4]])
    for kind in (np.uint8, np.float32, np.float64):
        assert rows(cleaning.find_leaks(numbers.astype(kind), numbers[1:])) == [1]
    text = np.array([["".join("ab"), None], ["b", np.nan], ["".join(["a", "b"]), np.nan]], object)
    assert rows(cleaning.find_duplicates(text)) == [0, 2]
    table = make_table({"name": ["Ann", "Bob", "Ann"], "height": [1.7, None, 1.7]})
    assert rows(cleaning.find_duplicates(table)) == [0, 2]
    assert rows(cleaning.find_leaks(table, table.take(slice(1, 2)))) == [1]
    with pytest.raises(ValueError, match="test of columns"):
        cleaning.find_leaks(table, table.without(["name"]))
    assert cleaning.find_duplicates(np.zeros((0, 2))) == []


def test_groups_that_share_a_row_leave_one() -> None:
    x = np.array([[1.0], [1.04], [1.0], [1.04], [2.0]])
    found = [*cleaning.find_duplicates(x), *cleaning.find_duplicates(x, decimals=1)]
    for key in (None, jax.random.key(0)):
        left = cleaning.remove(Examples(x, np.arange(5)), found, key=key).kept
        assert len(left) == 2
        assert left[1] == 4


@pytest.mark.parametrize("method", ["mahalanobis", "robust_covariance"])
def test_joint_outliers_depend_on_no_unit_and_on_no_copy_of_a_feature(method: Any) -> None:
    if method != "mahalanobis":
        pytest.importorskip("sklearn")
    x = np.random.default_rng(0).normal(size=(200, 2))
    x[5] = [3, -3]
    found = rows(cleaning.find_joint_outliers(x, method=method, share=0.01))
    assert 5 in found
    units = x * [1e6, 1e-6]
    assert rows(cleaning.find_joint_outliers(units, method=method, share=0.01)) == found
    if method == "mahalanobis":
        copied = np.c_[x, x @ [1.0, 2.0], x[:, 0] * 0.1, np.ones(200)]
        assert rows(cleaning.find_joint_outliers(copied, method=method, share=0.01)) == found
        assert cleaning.find_joint_outliers(x[:1], method=method) == []


def test_an_outlier_among_equal_values_is_infinitely_far() -> None:
    x = np.array([[1.0]] * 8 + [[1.1]])
    assert [f.reason for f in cleaning.find_outliers(x)] == ["feature 0 is 1.1: inf by mad"]


@pytest.mark.parametrize("method", ["z_score", "mad", "iqr"])
def test_a_man_of_2_51_metres_is_found(method: Any) -> None:
    x = np.random.default_rng(0).normal([1.72, 70], [0.07, 9], size=(60, 2))
    x = np.clip(x, [1.55, 50], [1.9, 90])
    x[17, 0] = 2.51
    assert rows(cleaning.find_outliers(x, method=method)) == [17]


def test_the_median_stands_where_the_mean_is_drawn() -> None:
    x = np.r_[np.random.default_rng(0).normal(size=20), 50.0, 51.0, 49.0, 52.0][:, None]
    assert rows(cleaning.find_outliers(x, method="mad")) == [20, 21, 22, 23]
    assert rows(cleaning.find_outliers(x, method="z_score")) == []


def test_a_constant_feature_has_no_outliers() -> None:
    x = np.ones((5, 1))
    for method in ("z_score", "mad", "iqr"):
        assert cleaning.find_outliers(x, method=method) == []


@pytest.mark.parametrize("method", ["mahalanobis", "robust_covariance", "isolation_forest"])
def test_1_82_metres_with_24_kilograms_are_seen_together_only(method: Any) -> None:
    if method != "mahalanobis":
        pytest.importorskip("sklearn")
    random = np.random.default_rng(1)
    height = random.normal(1.72, 0.1, 60)
    weight = 70 + 110 * (height - 1.72) + random.normal(0, 4, 60)
    weight[30] = 40.0  # as light as that is another, smaller person
    height[30] = 1.45
    height[7], weight[7] = 1.82, 36.0
    x = np.stack([height, weight], axis=1)
    assert 7 not in rows(cleaning.find_outliers(x, method="z_score", threshold=4))
    share = 0.1 if method == "isolation_forest" else 0.01
    found = rows(cleaning.find_joint_outliers(x, method=method, share=share))
    assert 7 in found
    assert len(found) <= 10


def test_the_limit_is_the_share_of_a_normal_distribution() -> None:
    x = np.random.default_rng(0).normal(size=(20_000, 3)) @ np.diag([1, 10, 0.1])
    found = cleaning.find_joint_outliers(x, method="mahalanobis", share=0.01)
    assert len(found) / 20_000 == pytest.approx(0.01, rel=0.2)


def test_planted_wrong_labels_are_suspicious() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 3, 300)
    z = 4.0 * np.eye(3)[label] + random.normal(size=(300, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    given, planted = label.copy(), random.choice(300, 20, replace=False)
    given[planted] = (given[planted] + 1) % 3
    found = set(rows(cleaning.find_suspicious_labels(p, given)))
    assert len(found & set(planted.tolist())) >= 15
    assert len(found - set(planted.tolist())) <= 6


def test_the_summary_names_every_row() -> None:
    found = [cleaning.Finding(5, "null", "a"), cleaning.Finding(2, "null", "b")]
    assert cleaning.summarize(found).split("\n") == ["null: 2", "  row 2: b", "  row 5: a"]
    assert cleaning.summarize([]) == "nothing found"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: cleaning.remove(
                Examples(np.ones((1, 1)), np.ones(1)), [cleaning.Finding(1, "a", "b")]
            ),
            "expected findings of rows from 0 to 0, got [1]",
        ),
        (
            lambda: cleaning.remove(
                Examples(np.ones((1, 1)), np.ones(1)), [cleaning.Finding(0, "a", "b")]
            ),
            "to leave an example, got all 1 rows",
        ),
        (lambda: cleaning.find_outliers(np.array([[np.nan]])), "to be finite everywhere"),
        (lambda: cleaning.find_outliers(np.ones((2, 1)), threshold=-1), "threshold finite and in"),
        (lambda: cleaning.find_joint_outliers(np.ones((2, 1)), share=0.7), "share finite and in"),
        (lambda: cleaning.find_leaks(np.ones((1, 2)), np.ones((1, 3))), "of rows of shape (2,)"),
        (
            lambda: cleaning.find_suspicious_labels(np.ones((2, 2)) / 2, np.array([0, 2])),
            "expected labels in [0, 2), got 2 at index (1,)",
        ),
        (
            lambda: cleaning.find_suspicious_labels(np.ones((2, 2)) / 2, np.array([0.0, 1.0])),
            "expected labels to be integers, got float64",
        ),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(call: Any, expected: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert expected in str(caught.value)
