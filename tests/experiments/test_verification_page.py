"""Page of the verification: one section per name, with rule, rows and reasons."""

import re

import numpy as np
import pytest

import jaxnet
from experiments import verify_optimizers
from experiments.peers.bfloat16 import Bfloat16
from experiments.peers.cases import CASES, schedules
from experiments.peers.page import build_page, count_bugs
from experiments.peers.rows import Pair, Row, Verdict, judge_pair, judged_row
from jaxnet.optim.verification import Reason

ENVIRONMENT = {"versions": {"jax": "1.2.3"}, "python": "3.11", "device": "cpu", "command": "run"}


def _row(optimizer: str, verdict: Verdict = "equal", note: str = "") -> Row:
    return Row(optimizer, f"{optimizer}, <quick>", "optax", {"optax": 1e-15}, 0.5, verdict, note)


def test_the_page_has_rules_rows_and_reasons() -> None:
    pair = Pair("adam", ("optax", "keras"), 0.25, "adam", True, "It adds ``eps`` first.", "")
    others = {"Second order": [_row("newton"), _row("adam", "theirs", "It is late.")]}
    page = build_page([_row("sgd"), _row("adam")], [pair], [], others, ENVIRONMENT)
    assert re.findall(r'<h3 id="(\w+)"', page) == ["sgd", "adam", "newton"]
    assert "3 rows equal, 1 rows off by 1 known bugs of libraries, 0 unexplained." in page
    assert "Newton" in page.partition('id="newton"')[2]
    assert "adam, &lt;quick&gt;" in page
    assert "It adds <code>eps</code> first." in page
    assert page.count("It is late.") == 2  # at its optimizer, and among the bugs


def test_each_schedule_has_its_section() -> None:
    for name in {case.ours.name for case in schedules.CASES}:
        assert callable(getattr(jaxnet.schedules, name))
    page = build_page([], [], [], {"Schedules": [_row("cosine_decay")]}, ENVIRONMENT)
    assert 'id="cosine_decay"' in page


def test_rows_with_the_same_bug_count_once() -> None:
    rows = [_row("sgd", "theirs", "It is late."), _row("adam", "theirs", "It is late.")]
    assert count_bugs([*rows, _row("nadam", "theirs", "It rounds."), _row("yogi")]) == 2


@pytest.mark.parametrize(
    ("reason", "explained"),
    [
        (Reason("Keras adds eps before.", without={"eps": 1e-200}), True),
        (Reason("Their b1 differs.", without={"b1": 0.5}), False),  # exists, but is not the reason
        (Reason("It is so."), True),  # no hyperparameter removes it
        (None, False),
    ],
)
def test_a_stated_reason_is_tested(
    reason: Reason | None, explained: bool, float64: np.dtype
) -> None:
    case = next(case for case in CASES if case.name == "adam")
    assert {"b1", "eps"} <= set(case.options)
    pair = judge_pair("adam", ("optax", "keras"), 0.1, case, reason)
    assert pair.explained is explained
    assert (pair.without is None) is (reason is None or not reason.without)


def test_unexplained_differences_are_counted() -> None:
    pair = Pair("sgd", ("optax", "keras"), 0.25, "sgd", False, "", "")
    page = build_page([_row("sgd", "differs")], [pair], [], {}, ENVIRONMENT)
    assert "0 rows equal, 0 rows off by 0 known bugs of libraries, 2 unexplained." in page
    assert '<td class="differs">unexplained</td>' in page


def test_bfloat16_has_a_table_of_its_own() -> None:
    rows = [
        Bfloat16("sgd", "sgd, <quick>", "optax", 0.498, 17.25),
        Bfloat16("sgd", "sgd, <quick>", "torch", 0.76, None),
        Bfloat16("adam", "adam", "optax", float("nan"), None),
    ]
    page = build_page([_row("sgd")], [], rows, {}, ENVIRONMENT)
    table = page.partition("Parameters in bfloat16")[2].partition("</table>")[0]
    assert re.findall(r">(\S+) ulp<", table) == ["0.50", "17.2", "0.76", "nan"]
    assert re.findall(r'<span class="(\w+)"', table) == ["equal", "differs", "differs"]
    assert "2 rows equal, 0 rows off by 0 known bugs of libraries, 2 unexplained." in page
    assert "bfloat16" not in build_page([_row("sgd")], [], [], {}, ENVIRONMENT)


def test_a_row_that_no_installed_library_has_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = judged_row("newton", "quadratic", "optax", {"scipy": 0.0})
    unknown = judged_row("newton", "quartic", "torch", {}, missing="torch is not installed")
    for name in ("schedules", "compositions", "objectives", "second_order"):
        monkeypatch.setattr(verify_optimizers, f"compare_{name}", lambda *_: [known, unknown])
    others = verify_optimizers._others(verify_optimizers.Config())
    assert list(others.values()) == [[known]] * 4
    assert all(claim.holds for claim in verify_optimizers._claims([known], [], [], others))
