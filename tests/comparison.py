"""How results are compared: trees leaf by leaf by norm, numbers in units in the last place."""

from typing import Any, NamedTuple

import jax
import numpy as np


class Tolerance(NamedTuple):
    """Bound of a leaf's error: ``rtol`` times its norm plus ``floor`` times the whole tree's."""

    rtol: float
    floor: float


# Worst measured on correct gradients: 2.9e-7 in float32, 5.2e-16 in float64. The floor is for
# leaves that are zero but for rounding, such as the gradient of a bias that cancels out.
TOLERANCES = {
    np.dtype("float32"): Tolerance(rtol=1e-5, floor=1e-6),
    np.dtype("float64"): Tolerance(rtol=1e-12, floor=1e-14),
}
"""Dtype -> tolerance: the one table of the suite."""


def assert_trees_close(actual: Any, expected: Any, *, tolerance: Tolerance | None = None) -> None:
    """Assert that two trees agree in structure, shapes and dtypes, and leaf by leaf in values.

    A leaf ``g`` passes if ``|g - r| <= rtol |r| + floor |all|`` in the Euclidean norm, where
    ``r`` is what is expected and ``all`` the whole expected tree. Entry by entry, correct float32
    gradients can be 4 % off where they cancel. Leaves that are not floating-point must be equal.

    Args:
        actual: what is tested.
        expected: what it should be.
        tolerance: instead of the one that `TOLERANCES` has for each leaf's dtype.
    """
    _assert_same_structure(actual, expected)
    total = _norm(jax.tree.leaves(expected))
    for (path, g), r in zip(
        jax.tree_util.tree_leaves_with_path(actual), jax.tree.leaves(expected), strict=True
    ):
        name = jax.tree_util.keystr(path) or "the array"
        g, r = np.asarray(g), np.asarray(r)
        _assert_same(name, "shape", g.shape, r.shape)
        _assert_same(name, "dtype", g.dtype, r.dtype)
        if not np.issubdtype(r.dtype, np.floating):
            np.testing.assert_array_equal(g, r, err_msg=name)
            continue
        rtol, floor = tolerance or TOLERANCES[r.dtype]
        error, bound = _norm([g.astype(float) - r.astype(float)]), rtol * _norm([r]) + floor * total
        if not error <= bound:  # so that NaN fails
            raise AssertionError(f"{name}: error {error:.3g} above {bound:.3g}\n{g}\n{r}")


def assert_within_ulps(actual: Any, expected: Any, ulps: float, *, magnitude: Any = None) -> None:
    """Assert that an array is within so many units in the last place of the exact values.

    Args:
        actual: a floating-point array, whose precision sets the unit.
        expected: the exact values, in float64.
        ulps: how many units.
        magnitude: the values whose unit it is; by default ``expected``.
    """
    actual, expected = np.asarray(actual), np.asarray(expected, np.float64)
    magnitude = expected if magnitude is None else magnitude
    unit = np.spacing(np.abs(np.asarray(magnitude)).astype(actual.dtype)).astype(np.float64)
    _assert_same("the array", "shape", actual.shape, expected.shape)
    worst = np.max(np.abs(actual.astype(np.float64) - expected) / unit)
    if not worst <= ulps:
        raise AssertionError(f"{worst:.2f} units in the last place off\n{actual}\n{expected}")


def _assert_same_structure(actual: Any, expected: Any) -> None:
    _assert_same("the tree", "structure", jax.tree.structure(actual), jax.tree.structure(expected))


def _assert_same(name: str, what: str, actual: Any, expected: Any) -> None:
    if actual != expected:
        raise AssertionError(f"{name} has {what} {actual} in place of {expected}")


def _norm(leaves: list[Any]) -> float:
    squares = [np.sum(np.square(np.asarray(leaf, np.float64))) for leaf in leaves]
    return float(np.sqrt(sum(squares)))
