"""Tables are rounded to whole numbers with the same sums, each entry less than 1 from the exact."""

import itertools
from fractions import Fraction

import hypothesis
import jax
import numpy as np
from hypothesis import strategies

from jaxnet.data.strata import controlled_rounding

counts = strategies.lists(strategies.integers(1, 60), min_size=1, max_size=9)


def check(rows: list[int], columns: list[int], shares: list[Fraction], seed: int) -> None:
    table = controlled_rounding(rows, columns, shares, jax.random.key(seed))
    assert table.sum(axis=1).tolist() == rows
    assert table.sum(axis=0).tolist() == columns
    for (row, column), entry in np.ndenumerate(table):
        assert abs(int(entry) - Fraction(rows[row] * columns[column], sum(rows))) < 1
        assert abs(int(entry) - rows[row] * shares[column]) < 1


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(counts, strategies.integers(2, 25), strategies.integers(0, 2**32 - 1))
def test_equal_parts(rows: list[int], parts: int, seed: int) -> None:
    size, larger = divmod(sum(rows), parts)
    hypothesis.assume(size)
    columns = [size + (part < larger) for part in range(parts)]
    check(rows, columns, [Fraction(1, parts)] * parts, seed)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    counts,
    strategies.lists(strategies.integers(1, 99), min_size=1, max_size=7),
    strategies.integers(0, 2**32 - 1),
)
def test_unequal_parts(rows: list[int], weights: list[int], seed: int) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    ends = [round(end * sum(rows)) for end in itertools.accumulate(shares)]
    check(rows, np.diff([0, *ends]).tolist(), shares, seed)


def test_the_key_selects_the_rounding() -> None:
    def table(seed: int) -> list[list[int]]:
        shares = [Fraction(1, 2)] * 2
        return controlled_rounding([3] * 8, [12, 12], shares, jax.random.key(seed)).tolist()

    assert table(0) == table(0)
    assert len({str(table(seed)) for seed in range(10)}) > 5


def test_where_no_table_is_near_both_the_size_decides() -> None:
    columns = [11, 10] * 10
    shares = [Fraction(112, 2100), Fraction(98, 2100)] * 10
    table = controlled_rounding([189, 21], columns, shares, jax.random.key(0))
    assert table.sum(axis=0).tolist() == columns
    assert table.sum(axis=1).tolist() == [189, 21]
    assert (abs(table - np.outer([189, 21], columns) / 210) < 1).all()
