"""Findings, and examples without them."""

import collections
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_key, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_pair, count


class Finding(NamedTuple):
    """An example that should perhaps be removed.

    Attributes:
        row: its index.
        kind: one word for what it is, such as ``"outlier"``.
        reason: what was found, with the numbers.
        group: rows of which one may stay, such as equal ones; empty if the row is bad by itself.
    """

    row: int
    kind: str
    reason: str
    group: tuple[int, ...] = ()


class Removed(NamedTuple):
    """Examples without some rows.

    Attributes:
        examples: the others, in their order.
        findings: those of the removed rows, in the order of the rows.
        kept: index of each example that is left, shape ``(examples,)``.
    """

    examples: Examples
    findings: tuple[Finding, ...]
    kept: np.ndarray

    __repr__ = represent


def remove(examples: Examples, findings: Iterable[Finding], *, key: Key | None = None) -> Removed:
    """Return examples without the rows of findings; of each group of equals, one stays.

    Groups that share a row, such as those of equal rows and of nearly equal ones, count as one.

    Args:
        examples: all of them.
        findings: of these examples.
        key: PRNG key that draws which row of a group stays; None for the first.

    Raises:
        ValueError: for a row out of range, or if no example is left.

    >>> from jaxnet.data.cleaning import find_duplicates
    >>> examples = Examples(np.array([[1.0], [2.0], [1.0]]), np.array([0, 1, 0]))
    >>> removed = remove(examples, find_duplicates(examples.inputs))
    >>> removed.examples.inputs.ravel().tolist(), [finding.row for finding in removed.findings]
    ([1.0, 2.0], [2])
    """
    examples, listed = check_pair("examples", examples), tuple(findings)
    total = count(examples)
    outside = [finding.row for finding in listed if not 0 <= finding.row < total]
    require(not outside, "findings", f"of rows from 0 to {total - 1}", outside)
    alone = {finding.row for finding in listed if not finding.group}
    stay = _staying({finding.group for finding in listed if finding.group}, alone, key)
    gone = [f for f in sorted(listed) if f.row in alone or (f.group and f.row not in stay)]
    left = np.setdiff1d(np.arange(total), [finding.row for finding in gone])
    require(len(left), "findings", "to leave an example", f"all {total} rows")
    return Removed(examples.take(left), tuple(gone), left)


def summarize(findings: Sequence[Finding]) -> str:
    """Return a line for each finding, by kind, the number of each kind before them.

    >>> print(summarize([Finding(3, "null", "NaN in feature 0")]))
    null: 1
      row 3: NaN in feature 0
    """
    kinds = collections.Counter(finding.kind for finding in findings)
    lines = []
    for kind, number in kinds.items():
        lines.append(f"{kind}: {number}")
        lines += [f"  row {f.row}: {f.reason}" for f in sorted(findings) if f.kind == kind]
    return "\n".join(lines) or "nothing found"


def _staying(groups: set[tuple[int, ...]], bad: set[int], key: Key | None) -> set[int]:
    """Return one row of each group, none that is bad by itself."""
    if key is not None:
        check_key("key", key)
    stay = set()
    for number, group in enumerate(_joined(groups)):
        good = [row for row in group if row not in bad]
        index = 0
        if key is not None and good:
            index = int(jax.random.randint(jax.random.fold_in(key, number), (), 0, len(good)))
        stay.update(good[index : index + 1])
    return stay


def _joined(groups: set[tuple[int, ...]]) -> list[list[int]]:
    """Return groups that share no row: those that do are one."""
    of: dict[int, set[int]] = {}
    for group in groups:
        joined = set(group).union(*(of[row] for row in group if row in of))
        of.update(dict.fromkeys(joined, joined))
    return sorted(sorted(group) for group in {id(group): group for group in of.values()}.values())
