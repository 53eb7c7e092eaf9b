"""The verification matrix: every optimizer, under every convention, beside every witness."""

import numpy as np
import optax
import pytest

from experiments._verification.case import Case, Known, conventions
from experiments._verification.cases import CASES
from experiments._verification.compare import EXACT
from experiments._verification.rows import BAD, judge, measure


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_equals_the_libraries_and_the_oracle_and_is_exact_in_float32(case: Case) -> None:
    rows = [measure(case, like) for like in conventions(case.optimizer)]
    assert not [row for row in rows if row.verdict in BAD]


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_a_rule_that_is_a_thousandth_off_is_caught() -> None:
    wrong = Case(
        "adam, b1 a thousandth off",
        "adam",
        {"b1": 0.9, "b2": 0.999, "eps": 1e-8},
        optax=lambda optax, rate: optax.adam(rate, b1=0.9009),
    )
    row = measure(wrong, "optax")
    assert row.witnesses["optax"] > 1e-3 * wrong.rate
    assert row.witnesses["oracle"] < EXACT
    assert row.verdict == "differs"


@pytest.mark.parametrize(
    ("witnesses", "ulps", "pinned", "verdict"),
    [
        ({"optax": 1e-13, "oracle": 1e-15}, 0.5, None, "equal"),
        ({"optax": 1e-11, "oracle": 1e-15}, 0.5, None, "differs"),
        ({"optax": 1e-15, "oracle": 1e-11}, 0.5, None, "differs"),
        ({"optax": np.nan, "oracle": 1e-15}, 0.5, None, "differs"),
        ({"optax": 1e-15, "oracle": 1e-15}, 4.5, None, "differs"),
        ({"optax": 1e-15, "oracle": 1e-15}, np.nan, None, "differs"),
        ({"optax": 0.1, "oracle": 1e-15}, 0.5, "this version", "theirs"),
        ({"optax": 0.1, "oracle": 1e-15}, 0.5, "another", "differs"),
        ({"optax": 0.1, "oracle": 0.1}, 0.5, "this version", "differs"),
        ({"optax": 0.1, "oracle": 1e-15}, 9.0, "this version", "differs"),
        ({"optax": 1e-15, "oracle": 1e-15}, 0.5, "this version", "mended"),
        ({"optax": 1e-15, "oracle": 1e-15}, 0.5, "another", "equal"),
        ({"oracle": 1e-15}, 0.5, "this version", "equal"),
    ],
)
def test_verdicts(
    witnesses: dict[str, float], ulps: float, pinned: str | None, verdict: str
) -> None:
    version = optax.__version__ if pinned == "this version" else "0.0"
    known = {} if pinned is None else {"optax": Known((version,), "It is one step late.", "")}
    assert judge(witnesses, ulps, known)[0] == verdict
