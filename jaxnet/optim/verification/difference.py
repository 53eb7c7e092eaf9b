"""Difference of two responses, in parts of each entry's largest update so far."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.optim.verification.subject import Response, leaf_name

NARROW = ("float16", "bfloat16")

TOLERANCE = {
    "float64": 1e-11,
    **{name: float(jnp.finfo(name).eps) ** 0.5 for name in ("float32", *NARROW)},
}
"""Largest difference that is rounding, in parts of the update.

In float64 far below a millionth of any term that matters. In others half of the digits: a bias
correction ``1 - b^t`` computed directly costs nearly as many, and is no other rule.
"""

SLACK = 4
"""Units in the last place of the parameters by which updates may differ besides: rounded sums.

Below float32 such a unit may be larger than an update: there, of a parameter of 0.
"""


class Place(NamedTuple):
    """Where two optimizers differ.

    Attributes:
        step: from 1.
        leaf: place in the tree, such as ``"['dense'][0]"``.
        index: of the entry in its leaf.
        mine: the update there.
        reference: the other's.
    """

    step: int
    leaf: str
    index: tuple[int, ...]
    mine: float
    reference: float


class Difference(NamedTuple):
    """Difference of two responses to one stream.

    Attributes:
        relative: the largest of an update, in parts of its entry's largest update so far; rounded
            parameters may make it large where updates are small beside them.
        ulps: the same in units in the last place.
        equal: whether it is rounding.
        first: where it first is not; None if it is.
    """

    relative: float
    ulps: float
    equal: bool
    first: Place | None


def difference(mine: Response, reference: Response, dtype: str = "float64") -> Difference:
    """Return the difference of two responses whose trees are of one structure.

    Args:
        mine: response of an optimizer.
        reference: that of another.
        dtype: that of both, a name in `TOLERANCE`.
    """
    places, largest = [], 0.0
    trees = (mine.updates, reference.updates, reference.params)
    leaves = [jax.tree.leaves(tree) for tree in trees]
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(mine.updates)]
    for path, actual, expected, params in zip(paths, *leaves, strict=True):
        relative = relative_difference(actual, expected, params, rounded=False)
        largest = max(largest, float(relative.max(initial=0.0)))
        unequal = relative_difference(actual, expected, params) > TOLERANCE[dtype]
        bad = np.argwhere(unequal)
        if len(bad):
            where = tuple(bad[0].tolist())
            pair = float(actual[where]), float(expected[where])
            places.append(Place(where[0] + 1, leaf_name(path), where[1:], *pair))
    first = min(places, key=lambda place: place.step, default=None)
    return Difference(largest, largest / float(jnp.finfo(dtype).eps), first is None, first)


def relative_difference(actual: Any, expected: Any, params: Any, *, rounded: bool = True) -> Any:
    """Return differences of updates in parts of their entry's largest update so far.

    Args:
        actual: updates, with a first axis of steps.
        expected: others.
        params: parameters after each step.
        rounded: whether differences of `SLACK` units in the last place of the parameters count as
            0; otherwise those of updates that small.

    >>> relative_difference(np.array([4.0, 1.0]), np.array([4.0, 2.0]), np.ones(2))
    array([0.  , 0.25])
    """
    narrow = params.dtype.name in NARROW
    spacing = np.spacing(np.zeros_like(params) if narrow else np.abs(params)).astype(np.float64)
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    apart = np.abs(actual - expected)
    scale = np.maximum.accumulate(np.maximum(np.abs(actual), np.abs(expected)), axis=0)
    noise = (apart if rounded else scale) <= SLACK * spacing
    return np.where(noise, 0.0, apart) / np.where(scale > 0, scale, 1.0)
