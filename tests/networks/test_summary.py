"""The table of a network, its counts against the lectures' formula, and shared layers."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnet
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Description
from jaxnet.layers import activation, dense, maxout, parallel, residual, serial, shared, standardize
from jaxnet.networks import count_neurons, summary

widths = st.lists(st.integers(1, 50), min_size=2, max_size=6)


@settings(max_examples=10)
@given(widths)
def test_counts_follow_the_formula(widths: list[int]) -> None:
    network = jaxnet.mlp(widths)
    params, _ = jax.eval_shape(lambda key: network.init(key, (widths[0],)), jax.random.key(0))
    # lecture 001: (N + 1) W_1 + sum (W_l + 1) W_(l + 1)
    expected = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    assert count_parameters(params) == expected
    assert summary(network, (widths[0],)).splitlines()[-1].split() == ["total", f"{expected:,}"]
    assert count_neurons(network) == sum(widths[1:])


def test_the_lectures_counts() -> None:
    # lecture 003: 3-4-2 has 4 + 2 = 6 neurons, 3 * 4 + 4 * 2 = 20 weights, 26 parameters
    network = jaxnet.mlp((3, 4, 2))
    params, _ = jax.eval_shape(lambda key: network.init(key, (3,)), jax.random.key(0))
    weights = [leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 2]
    assert count_neurons(network) == 6
    assert count_parameters(weights) == 20
    assert count_parameters(params) == 26
    assert "89,610" in summary(jaxnet.mlp((784, 100, 100, 10)), (784,))
    assert count_neurons(jaxnet.mlp((784, 100, 100, 10))) == 210


def test_a_table_of_every_combinator() -> None:
    network = serial(
        standardize(np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]])),
        residual(serial(dense(1000), activation("relu"), dense(3))),
        parallel(dense(2), maxout(2, 4), combine="concatenate"),
        shared(dense(4), dense(2, bias_initializer=None), uses=[(0, 0), 1]),
    )
    expected = """\
layer                    output   parameters
serial                   (2,)
  standardize(0)         (3,)              0
  residual               (3,)
    serial               (3,)
      dense(1000)        (1000,)       4,000
      activation(relu)   (1000,)           0
      dense(3)           (3,)          3,003
  parallel(concatenate)  (4,)
    dense(2)             (2,)              8
    maxout(2, 4)         (2,)             32
  shared                 (2,)
    dense(4)             (4,)             20
    dense(2)             (2,)              8
total                                  7,071
statistics                                 6"""
    assert summary(network, (3,)) == expected
    assert count_neurons(network) == 1000 + 3 + 2 + 2 + 4 + 2


def test_rows_of_a_pool_that_is_not_used_in_order() -> None:
    table = summary(shared(dense(3), dense(2), uses=[1, 0]), (5,)).splitlines()
    assert [line.split() for line in table[2:4]] == [
        ["dense(3)", "(3,)", "9"],
        ["dense(2)", "(2,)", "12"],
    ]


def test_an_unknown_combinator_is_one_row() -> None:
    known = residual(dense(3))
    unknown = known._replace(description=Description("mystery", {"rate": 0.5}, (dense(3),)))
    assert summary(unknown, (3,)).splitlines()[1:] == [
        "mystery(0.5)  (3,)            12",
        "total                         12",
    ]


def test_nothing_is_computed() -> None:
    width = 10**6  # weights of 4 TB
    assert f"{width * (width + 1):,}" in summary(dense(width), (width,))


def test_a_network_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"expected in_shape to be \(3,\), got \(4,\)\."):
        summary(jaxnet.mlp((3, 2)), (4,))
