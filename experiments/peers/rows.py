"""Rows of the matrix: a case with a convention, compared with its witnesses."""

import functools
import importlib.metadata
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from experiments.peers import paths
from experiments.peers.case import Case, Known
from experiments.peers.compare import EXACT, ULPS, apart, float32_ulps
from jaxnet.optim.verification import REASONS, Reason, Tree, conventions

Verdict: TypeAlias = Literal["equal", "theirs", "mended", "differs"]

BAD: tuple[Verdict, ...] = ("mended", "differs")
"""Verdicts that fail the verification."""


class Row(NamedTuple):
    """Measured differences of a case with one convention.

    Attributes:
        optimizer: its name.
        case: the case's name.
        like: the convention.
        witnesses: witness -> largest difference of a parameter, over ``max(1, |w|)``, float64.
        ulps: worst float32 step, in units in the last place of the parameters; None if it was
            not measured.
        verdict: ``"equal"``; ``"theirs"``: a known bug of the library; ``"mended"``: that bug is
            gone; ``"differs"``: unexplained.
        note: reason of a difference, or what is missing.
        link: source of the reason.
    """

    optimizer: str
    case: str
    like: str
    witnesses: Mapping[str, float]
    ulps: float | None
    verdict: Verdict
    note: str = ""
    link: str = ""


class Pair(NamedTuple):
    """Difference of two conventions of an optimizer at equal hyperparameters.

    Attributes:
        optimizer: its name.
        conventions: the two conventions.
        difference: largest difference over all cases and steps.
        case: case of that difference.
        explained: whether there is a reason if and only if they differ, and no difference remains
            with the hyperparameters of `Reason.without`.
        reason: reason of the difference.
        link: source of the reason.
        without: difference in that case without the reason; None if it cannot be removed.
    """

    optimizer: str
    conventions: tuple[str, str]
    difference: float
    case: str
    explained: bool
    reason: str
    link: str
    without: float | None = None


DIFFERENT = 1e-9
"""Largest difference that is rounding of one update rule."""


def measure(case: Case, like: str) -> Row:
    """Compare a case with a convention with the library of that name and the oracle."""
    actual, witnesses, missing = path(case, like), {}, ""
    if like in paths.LIBRARIES and getattr(case, like) is not None:
        if paths.has(like):
            witnesses[like] = apart(actual, paths.theirs(case, like))
        else:
            missing = f"{like} is not installed"
    witnesses["oracle"] = apart(actual, paths.oracle(case, like))
    ulps = float32_ulps(case, like)
    return judged_row(
        case.optimizer, case.name, like, witnesses, ulps=ulps, known=case.known, missing=missing
    )


def judged_row(
    optimizer: str,
    case: str,
    like: str,
    witnesses: Mapping[str, float],
    *,
    ulps: float | None = None,
    known: Mapping[str, Known] | None = None,
    missing: str = "",
) -> Row:
    """Return a row with its verdict, and the known bug or the missing library as its note."""
    verdict, bug = judge(witnesses, ulps, known or {})
    note, link = (bug.reason, bug.link) if bug else (missing, "")
    return Row(optimizer, case, like, witnesses, ulps, verdict, note, link)


def judge(
    witnesses: Mapping[str, float], ulps: float | None, known: Mapping[str, Known]
) -> tuple[Verdict, Known | None]:
    """Return the verdict on differences, and the known bug that explains them."""
    unequal = [name for name, largest in witnesses.items() if not largest <= EXACT]
    if (ulps is not None and not ulps <= ULPS) or any(name not in known for name in unequal):
        return "differs", None
    for name in witnesses:
        if name in known:
            pinned = _version(name) in known[name].versions
            if name in unequal:
                return ("theirs" if pinned else "differs"), known[name]
            return ("mended" if pinned else "equal"), known[name]
    return "equal", None


def compare_conventions(optimizer: str, cases: list[Case]) -> list[Pair]:
    """Compare all conventions of an optimizer with each other, at equal hyperparameters."""
    likes, pairs = conventions(optimizer), []
    explicit = [case for case in cases if not case.name.endswith("defaults")]
    for i, first in enumerate(likes):
        for second in likes[i + 1 :]:
            found = {c.name: apart(path(c, first), path(c, second)) for c in explicit}
            case = max(found, key=lambda name: found[name], default="")
            largest = found.get(case, 0.0)
            reason = REASONS.get((optimizer, first, second))
            chosen = next((c for c in explicit if c.name == case), None)
            pairs.append(judge_pair(optimizer, (first, second), largest, chosen, reason))
    return pairs


def judge_pair(
    optimizer: str, likes: tuple[str, str], largest: float, case: Case | None, reason: Reason | None
) -> Pair:
    """Return a pair with its verdict: without the stated reason, no difference may remain."""
    name, explained = case.name if case else "", (largest > DIFFERENT) == (reason is not None)
    if case is None or reason is None:
        return Pair(optimizer, likes, largest, name, explained, *(reason or ("", ""))[:2])
    left = apart_without(case, likes, reason.without)
    explained = explained and (left is None or left <= EXACT)
    return Pair(optimizer, likes, largest, name, explained, reason.text, reason.link, left)


def apart_without(case: Case, likes: tuple[str, str], without: Mapping[str, float]) -> float | None:
    """Return the difference of two conventions with other hyperparameters; None without any."""
    given = {name: value for name, value in without.items() if name in case.options}
    if not given:
        return None
    changed = case._replace(options={**case.options, **given})
    return apart(*(paths.ours(changed, like) for like in likes))


_PATHS: dict[tuple[str, str], Tree] = {}


def path(case: Case, like: str) -> Tree:
    """Return our path, cached."""
    if (case.name, like) not in _PATHS:
        _PATHS[case.name, like] = paths.ours(case, like)
    return _PATHS[case.name, like]


@functools.cache
def _version(library: str) -> str:
    return importlib.metadata.version(library).split("+")[0]
