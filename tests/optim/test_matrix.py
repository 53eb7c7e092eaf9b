"""A tenth of the verification matrix: a row of every optimizer, and one of every known bug.

The gate runs the whole of it, ``python -m experiments.verify_optimizers``: each case under all its
conventions, and what differs between two of them.
"""

import collections
from typing import Any

import numpy as np
import optax
import pytest

from experiments.peers.case import Case, Known
from experiments.peers.cases import CASES
from experiments.peers.compare import EXACT
from experiments.peers.rows import BAD, judge, measure
from jaxnet.optim.verification import conventions
from tests.peers import marks


def a_tenth() -> list[tuple[Case, str]]:
    """Return rows: the case of most settings of each optimizer, and a case of each known bug.

    Of the conventions, the one that had the fewest turns; of a bug, that of the library with it.
    """
    rows, turns = dict[tuple[str, str], Case](), collections.Counter[str]()
    for optimizer in dict.fromkeys(case.optimizer for case in CASES):
        cases = [case for case in CASES if case.optimizer == optimizer]
        like = min(conventions(optimizer), key=lambda like: turns[like])
        turns[like] += 1
        fullest = max(cases, key=lambda case: len(case.options))
        bugs = {bug.reason: (case, like) for case in cases for like, bug in case.known.items()}
        rows |= {(case.name, like): case for case, like in ((fullest, like), *bugs.values())}
    return [(case, like) for (_, like), case in rows.items()]


def ids(rows: list[tuple[Case, str]]) -> list[Any]:
    """Return the rows as parameters named as they are, marked where they need a peer."""
    return [
        pytest.param(case, like, id=f"{case.name.replace(' ', '-')}-{like}", marks=marks(like))
        for case, like in rows
    ]


@pytest.mark.parametrize(("case", "like"), ids(a_tenth()))
def test_equals_the_library_and_the_oracle_and_is_exact_in_float32(case: Case, like: str) -> None:
    row = measure(case, like)
    assert row.verdict not in BAD, row


def test_the_tenth_has_every_optimizer_convention_and_known_bug() -> None:
    rows = a_tenth()
    bugs = {(like, bug.reason) for case in CASES for like, bug in case.known.items()}
    assert {case.optimizer for case, _ in rows} == {case.optimizer for case in CASES}
    assert {like for _, like in rows} == {"optax", "torch", "keras", "lecture", "paper"}
    assert bugs <= {(like, case.known[like].reason) for case, like in rows if like in case.known}
    every = sum(len(conventions(case.optimizer)) for case in CASES)
    assert every / 12 < len(rows) < every / 8


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
