"""Random orders are permutations, and all permutations are equally likely."""

import itertools

import jax
import numpy as np
import pytest

from jaxnet.core.random import random_order


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 65, 1797, 60_000, 70_000])
def test_every_number_occurs_once(n: int) -> None:
    order = np.asarray(jax.jit(random_order, static_argnums=1)(jax.random.key(n), n))
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(n))


def test_the_key_decides() -> None:
    first, again, other = (random_order(jax.random.key(k), 100).tolist() for k in (0, 0, 1))
    assert first == again
    assert first != other


def test_all_permutations_are_equally_likely() -> None:
    draws = 24_000
    keys = jax.random.split(jax.random.key(7), draws)
    orders = np.asarray(jax.vmap(lambda key: random_order(key, 4))(keys))
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for order in orders.tolist():
        counts[tuple(order)] += 1
    expected = draws / 24
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    # 23 degrees of freedom: mean 23, standard deviation sqrt(46); 4 deviations
    assert chi_squared < 23 + 4 * np.sqrt(46)


def test_every_place_is_equally_likely_in_a_large_order() -> None:
    keys = jax.random.split(jax.random.key(8), 400)
    orders = np.asarray(jax.vmap(lambda key: random_order(key, 1797))(keys), np.float64)
    # the mean of 400 uniform places has standard error 1797 / sqrt(12 * 400)
    error = np.abs(orders.mean(axis=0) - 898.0) / (1797 / np.sqrt(12 * 400))
    assert error.max() < 5  # of 1,797 normal variates, P(one beyond 5) = 1e-3


def test_a_large_order_rises_as_often_as_it_falls() -> None:
    n = 60_000
    order = np.asarray(random_order(jax.random.key(9), n))
    rises = np.count_nonzero(np.diff(order) > 0)
    # ascents of a random permutation: mean (n - 1) / 2, variance (n + 1) / 12; 4 deviations.
    # Digits of 16 bits alone are equal for 27,000 pairs, which would stay in order
    assert abs(rises - (n - 1) / 2) < 4 * np.sqrt((n + 1) / 12)
