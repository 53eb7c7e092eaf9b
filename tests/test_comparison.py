"""The comparison must be able to fail: it judges everything else."""

from typing import Any

import jax
import numpy as np
import pytest

from tests.comparison import TOLERANCES, Tolerance, assert_trees_close, assert_within_ulps


def _tree(dtype: np.dtype) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"w": rng.normal(size=(3, 4)).astype(dtype), "b": rng.normal(size=4).astype(dtype)}


def test_equal_trees_pass(dtype: np.dtype) -> None:
    assert_trees_close(_tree(dtype), _tree(dtype))


@pytest.mark.parametrize("leaf", ["w", "b"])
def test_a_leaf_off_by_a_thousandth_fails(dtype: np.dtype, leaf: str) -> None:
    tree = _tree(dtype)
    tree[leaf] = tree[leaf] * dtype.type(1.001)
    with pytest.raises(AssertionError, match=rf"\['{leaf}'\]: error"):
        assert_trees_close(tree, _tree(dtype))


def test_the_bound_is_that_of_the_table(dtype: np.dtype) -> None:
    reference = {"big": np.full(4, 1000.0, dtype), "small": np.full(4, 1.0, dtype)}
    rtol, floor = TOLERANCES[dtype]
    bound = rtol * 2 + floor * np.sqrt(4 * 1000**2 + 4)  # |small| = 2
    within = reference | {"small": np.array([1 + 0.9 * bound, 1, 1, 1], dtype)}
    beyond = reference | {"small": np.array([1 + 1.1 * bound, 1, 1, 1], dtype)}
    assert_trees_close(within, reference)
    with pytest.raises(AssertionError, match="small"):
        assert_trees_close(beyond, reference)


def test_a_given_tolerance_replaces_that_of_the_table(float64: np.dtype) -> None:
    reference = np.ones(3, float64)
    assert_trees_close(reference * 1.009, reference, tolerance=Tolerance(1e-2, 0.0))
    with pytest.raises(AssertionError, match="error"):
        assert_trees_close(reference * 1.011, reference, tolerance=Tolerance(1e-2, 0.0))


def test_nan_and_infinity_fail(dtype: np.dtype) -> None:
    for bad in (np.nan, np.inf):
        with pytest.raises(AssertionError, match="error"):
            assert_trees_close(np.array([1.0, bad], dtype), np.array([1.0, 2.0], dtype))


def test_another_structure_fails(dtype: np.dtype) -> None:
    with pytest.raises(AssertionError, match="structure"):
        assert_trees_close(_tree(dtype) | {"c": np.zeros(1, dtype)}, _tree(dtype))
    with pytest.raises(AssertionError, match="structure"):
        assert_trees_close(list(_tree(dtype).values()), tuple(_tree(dtype).values()))


def test_another_shape_fails(dtype: np.dtype) -> None:
    with pytest.raises(AssertionError, match=r"\['b'\] has shape \(1, 4\)"):
        assert_trees_close(_tree(dtype) | {"b": _tree(dtype)["b"][None]}, _tree(dtype))


def test_another_dtype_fails() -> None:
    single, double = np.ones(3, np.float32), np.ones(3, np.float64)
    with pytest.raises(AssertionError, match="dtype float32 in place of float64"):
        assert_trees_close(single, double)


def test_integers_must_be_equal() -> None:
    with pytest.raises(AssertionError):
        assert_trees_close(np.array([10**6]), np.array([10**6 + 1]))


def test_units_in_the_last_place_are_counted(dtype: np.dtype) -> None:
    exact = np.array([1.0, -8.0])
    off = (exact + np.array([2.0, 0.0]) * np.finfo(dtype).eps).astype(dtype)
    assert_within_ulps(off, exact, 2)
    with pytest.raises(AssertionError, match=r"2\.00 units"):
        assert_within_ulps(off, exact, 1)
    assert_within_ulps(off, exact, 1, magnitude=np.array([2.0, 8.0]))


def test_the_default_precision_follows_the_fixture(dtype: np.dtype) -> None:
    assert jax.numpy.zeros(1).dtype == dtype
