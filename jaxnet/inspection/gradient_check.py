"""The gradient check: by hand, by autodiff, by central differences, leaf by leaf."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxnet.core.checks import check_count
from jaxnet.core.types import Array, ElementwiseLoss, Key, Layer, Params, Statistics
from jaxnet.functions.losses import Loss, as_loss
from jaxnet.inspection.admission import admit_batch, check_some, check_targets

STEP = 1e-6
"""Step of the central differences: in float64 their rounding error is about 2e-10, their
truncation error 1e-12, both times derivatives of order 1."""

DIFFERENCE_TOLERANCE = 1e-6
"""The largest relative error against central differences that counts as agreement."""


class Tolerance(NamedTuple):
    """When two leaves agree: ``|g - r| <= rtol (|r| + share |all|)``.

    Attributes:
        rtol: the largest relative error.
        share: of the whole gradient's norm, for leaves that are 0 but for rounding.
    """

    rtol: float
    share: float


TOLERANCES = {
    "float32": Tolerance(1e-5, 0.1),
    "float64": Tolerance(1e-12, 0.01),
    "float16": Tolerance(4e-3, 1.0),
    "bfloat16": Tolerance(3e-2, 1.0),
}
"""Dtype -> when the gradient by hand agrees with autodiff's; one unit in the last place of
bfloat16 is 8e-3, of float16 1e-3."""


class LeafCheck(NamedTuple):
    """One leaf of the gradient.

    Attributes:
        leaf: its path, such as ``"0.weights"``; ``"x"`` is the gradient of the inputs.
        shape: its shape.
        norm: Euclidean norm of autodiff's gradient.
        hand_error: norm of the difference between the hand-derived gradient and autodiff's,
            relative to ``norm`` and a share of the whole gradient's, see `Tolerance`.
        difference_error: the same between autodiff's and central differences, in float64, over
            the entries that were differenced; None if differences were not asked for.
        agrees: whether both are within the tolerances.
    """

    leaf: str
    shape: tuple[int, ...]
    norm: float
    hand_error: float
    difference_error: float | None
    agrees: bool


class GradientCheck(NamedTuple):
    """What `check_gradients` found.

    Attributes:
        rows: one a leaf, in the order of the parameters, the inputs last.
        agrees: whether all leaves do.
    """

    rows: tuple[LeafCheck, ...]
    agrees: bool

    def __str__(self) -> str:
        return _table(self)


def check_gradients(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    targets: Any,
    *,
    loss: str | ElementwiseLoss | Loss = "softmax_cross_entropy",
    key: Key | None = None,
    training: bool = True,
    differences: int = 32,
) -> GradientCheck:
    """Hold the hand-derived gradient of the risk against autodiff and central differences.

    A leaf ``g`` agrees with its reference ``r`` if ``|g - r| <= rtol (|r| + share |all|)`` in the
    Euclidean norm, with `TOLERANCES` for its dtype; entry by entry, correct float32 gradients can
    be some per cent off where they cancel. Differences ``(f(w + h) - f(w - h)) / 2 h`` are taken
    in float64 whatever the parameters' dtype, from float32 a bias that is wrong by a tenth passes.

    Args:
        network: a layer with its backward pass.
        params: its parameters.
        statistics: its statistics.
        x: inputs, shape ``(batch, ...)``.
        targets: what the loss compares the outputs with.
        loss: a name in `jaxnet.losses.LOSSES`, a loss with its backward rule, or a function.
        key: PRNG key for random layers while training.
        training: whether the layers behave as in training.
        differences: how many entries of each leaf to difference, drawn at random; 0 for none.

    Returns:
        One row a leaf; ``print`` shows a table, ``agrees`` is the verdict.

    Raises:
        TypeError: if parameters or statistics are another network's.
        ValueError: if inputs or targets do not fit the network, or nothing has a gradient.

    >>> import jaxnet
    >>> network = jaxnet.mlp((3, 4, 2), activation="tanh")
    >>> params, statistics = network.init(jax.random.key(0), (3,))
    >>> x, labels = jnp.linspace(-1.0, 1.0, 15).reshape(5, 3), jnp.array([0, 1, 1, 0, 1])
    >>> check = check_gradients(network, params, statistics, x, labels)
    >>> check.agrees, [row.leaf for row in check.rows]
    (True, ['0.weights', '0.bias', '2.weights', '2.bias', 'x'])
    """
    check_count("check_gradients", "differences", differences, minimum=0)
    pair = as_loss(loss)
    admit_batch("check_gradients", network, params, statistics, x, key=key, training=training)
    check_targets("check_gradients", network, pair, x, targets)
    # pixels of one byte have no gradient
    floating = jnp.issubdtype(x.dtype, jnp.floating)
    point = (params, x) if floating else (params,)
    check_some("check_gradients", jax.tree.leaves(point))

    def risk(point: Any, statistics: Statistics) -> Array:
        inputs = point[1] if len(point) > 1 else x
        outputs, _ = network.apply(point[0], statistics, inputs, key=key, training=training)
        return jnp.mean(pair.function(outputs, targets))

    def by_hand(params: Params, x: Array) -> tuple[Any, ...]:
        outputs, residual, _ = network.forward(params, statistics, x, key=key, training=training)
        dy = pair.backward(outputs, targets) / len(x)
        return network.backward(params, residual, dy)[: len(point)]

    hand = jax.jit(by_hand)(params, x)
    auto = jax.jit(jax.grad(risk))(point, statistics)
    entries = _draw_entries(auto, differences)
    with jax.enable_x64(True):
        slopes = _central_differences(risk, point, statistics, entries)
    return _compare(hand, auto, entries, slopes)


def _draw_entries(tree: Any, number: int) -> list[np.ndarray]:
    """Draw entries of each leaf of a tree, numbered within the leaf."""
    rng = np.random.default_rng(0)
    sizes = [np.size(leaf) for leaf in jax.tree.leaves(tree)]
    return [np.sort(rng.permutation(size)[:number]).astype(np.int32) for size in sizes]


def _central_differences(
    risk: Callable[..., Array], point: Any, statistics: Statistics, entries: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the risk's slope along each entry, leaf by leaf, in float64."""
    point, statistics = jax.tree.map(_double, (point, statistics))
    flat, unravel = ravel_pytree(point)
    starts = np.cumsum([0, *(np.size(leaf) for leaf in jax.tree.leaves(point))])
    positions = [start + at for start, at in zip(starts, entries, strict=False)]

    def value(moved: tuple[Array, Array]) -> Array:
        position, step = moved
        return risk(unravel(flat.at[position].add(step)), statistics)

    # both sides by the same machine code, so that equal risks have the slope 0 exactly
    at = np.tile(np.concatenate(positions), 2)
    steps = np.repeat([STEP, -STEP], len(at) // 2)
    values = jax.jit(lambda moved: jax.lax.map(value, moved))((jnp.asarray(at), jnp.asarray(steps)))
    above, below = np.split(np.asarray(values), 2)
    slopes = (above - below) / (2 * STEP)
    return np.split(slopes, np.cumsum([len(at) for at in entries])[:-1])


def _double(leaf: Any) -> Array:
    values = np.asarray(leaf)
    return jnp.asarray(values, jnp.float64 if jnp.issubdtype(leaf.dtype, jnp.floating) else None)


def _compare(
    hand: Any, auto: Any, entries: list[np.ndarray], slopes: list[np.ndarray]
) -> GradientCheck:
    total = _norm(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(auto)]))
    paths = jax.tree_util.tree_leaves_with_path(auto)
    rows = []
    for (path, r), g, at, slope in zip(paths, jax.tree.leaves(hand), entries, slopes, strict=True):
        tolerance = TOLERANCES[r.dtype.name]
        # autodiff is rounded, too: twice what two roundings may differ by
        loose = Tolerance(2 * tolerance.rtol + DIFFERENCE_TOLERANCE, 0.1)
        hand_error = _error(g, r, total, tolerance)
        difference_error = _error(np.ravel(r)[at], slope, total, loose) if len(at) else None
        agrees = hand_error <= tolerance.rtol and (difference_error or 0.0) <= loose.rtol
        rows.append(LeafCheck(_name(path), r.shape, _norm(r), hand_error, difference_error, agrees))
    return GradientCheck(tuple(rows), all(row.agrees for row in rows))


def _error(actual: Any, expected: Any, total: float, tolerance: Tolerance) -> float:
    """Return ``|actual - expected|`` relative to ``|expected|`` plus a share of the whole."""
    off = _norm(np.asarray(actual, np.float64) - np.asarray(expected, np.float64))
    return off / scale if (scale := _norm(expected) + tolerance.share * total) else off


def _norm(values: Any) -> float:
    return float(np.linalg.norm(np.ravel(np.asarray(values, np.float64))))


def _name(path: Any) -> str:
    """Spell a path in ``(params, x)``: ``"0.weights"``, ``"x"``."""
    which, *rest = path
    return "x" if which.idx else jax.tree_util.keystr(tuple(rest), simple=True, separator=".")


def _table(check: GradientCheck) -> str:
    width = max(len(row.leaf) for row in check.rows)
    lines = [f"{'leaf':<{width}}  {'shape':>10}  {'norm':>9}  {'by hand':>8}  {'differences':>11}"]
    for row in check.rows:
        slope = "" if row.difference_error is None else f"{row.difference_error:.1e}"
        shape = "x".join(map(str, row.shape))
        verdict = "" if row.agrees else "  DIFFERS"
        lines.append(
            f"{row.leaf:<{width}}  {shape:>10}  {row.norm:>9.3g}  {row.hand_error:>8.1e}"
            f"  {slope:>11}{verdict}"
        )
    return "\n".join(lines)
