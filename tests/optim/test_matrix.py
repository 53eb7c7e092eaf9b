"""The verification matrix: every case of every optimizer, under one convention after the other.

The gate runs the whole of it, ``python -m experiments.verify_optimizers``, which has three times
the rows: each case under all its conventions, and what differs between two of them.
"""

import collections
from typing import Any

import numpy as np
import optax
import pytest

from experiments.peers.case import Case, Known, conventions
from experiments.peers.cases import CASES
from experiments.peers.compare import EXACT
from experiments.peers.rows import BAD, judge, measure
from tests.peers import marks


def in_turns() -> list[Any]:
    """Return each case with one of its conventions: they take turns, optimizer by optimizer."""
    turns, cases = collections.Counter[str](), []
    for case in CASES:
        likes = conventions(case.optimizer)
        like = likes[turns[case.optimizer] % len(likes)]
        turns[case.optimizer] += 1
        name = f"{case.name.replace(' ', '-')}-{like}"
        cases.append(pytest.param(case, like, id=name, marks=marks(like)))
    return cases


@pytest.mark.parametrize(("case", "like"), in_turns())
def test_equals_the_library_and_the_oracle_and_is_exact_in_float32(case: Case, like: str) -> None:
    row = measure(case, like)
    assert row.verdict not in BAD, row


def test_the_turns_reach_every_convention_that_has_cases_enough() -> None:
    reached = {(param.values[0].optimizer, param.values[1]) for param in in_turns()}
    number = collections.Counter(case.optimizer for case in CASES)
    wanted = {(name, like) for name, n in number.items() for like in conventions(name)[:n]}
    assert wanted == reached


def test_names_of_cases_are_unique() -> None:
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
