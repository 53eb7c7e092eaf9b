"""The rows of the matrix whose parameters and gradients are bfloat16."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from experiments.peers.bfloat16 import BFLOAT16_ULPS, comparisons, our_ulps, worst_update
from experiments.peers.cases import CASES
from jaxnet import optim
from jaxnet.optim.verification import conventions

FIRST = {case.optimizer: case for case in reversed(CASES)}
"""Optimizer -> its first case."""


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
def test_an_update_is_rounded_once(name: str) -> None:
    assert our_ulps(FIRST[name], "optax") <= BFLOAT16_ULPS


def test_a_row_for_each_convention_of_the_first_case() -> None:
    first = FIRST["sgd"]
    rows = comparisons([first, first._replace(name="another")])
    assert [row.like for row in rows] == list(conventions("sgd"))
    assert {row.case for row in rows} == {first.name}
    assert [row.optax is None for row in rows] == [row.like != "optax" for row in rows]
    assert all(row.exact for row in rows)


def _twice(rate: Any) -> optax.GradientTransformation:
    return optim.chain(optim.momentum(1.0), optim.scale(rate))


def _in_float32(rate: Any) -> optax.GradientTransformation:
    wide = optax.stateless(lambda g, _: jax.tree.map(jnp.float32, g))
    return optax.chain(wide, optim.momentum(rate))


@pytest.mark.parametrize(
    ("factory", "low", "high"),
    [
        (_twice, BFLOAT16_ULPS, 2),
        (lambda rate: optax.sgd(rate, 0.9), 2, 300),
        (_in_float32, math.inf, math.inf),
    ],
    ids=["rounded twice", "remembered in bfloat16", "of another dtype"],
)
def test_double_rounding_is_detected(
    factory: Callable[[Any], optax.GradientTransformation], low: float, high: float
) -> None:
    worst = worst_update(factory, FIRST["momentum"])
    assert worst > BFLOAT16_ULPS
    assert low <= worst <= high
