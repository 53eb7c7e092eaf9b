"""Gradient check: hand-derived gradients against autodiff and central differences."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_count
from jaxnet.core.representation import shortened, table_html
from jaxnet.core.types import Array, ElementwiseLoss, Key, Layer, Params, Shape, Statistics
from jaxnet.functions.losses import Loss, as_loss
from jaxnet.inspection.check_inputs import check_batch, check_some, check_targets
from jaxnet.inspection.propagation.differences import Comparison, compare_with_differences
from jaxnet.training.loop.objective import default_loss

DIFFERENCE_TOLERANCE = 1e-6
"""The largest relative error against central differences that counts as agreement."""


class Tolerance(NamedTuple):
    """Tolerance of the agreement of two leaves: ``|g - r| <= rtol (|r| + share |all|)``.

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
            the entries that were differenced; None without differences.
        kinks: how many of these entries agree nearby only, since the risk has a kink there.
        agrees: whether both errors are within the tolerances.
    """

    leaf: str
    shape: tuple[int, ...]
    norm: float
    hand_error: float
    difference_error: float | None
    kinks: int
    agrees: bool


class GradientCheck(NamedTuple):
    """Result of `check_gradients`.

    Attributes:
        rows: one per leaf, in the order of the parameters, the inputs last.
        agrees: whether all leaves do.
    """

    rows: tuple[LeafCheck, ...]
    agrees: bool

    @property
    def kinks(self) -> int:
        """Number of compared entries at a kink, such as the bias of a ReLU at 0."""
        return sum(row.kinks for row in self.rows)

    def __str__(self) -> str:
        return _table(self)

    def __repr__(self) -> str:
        return shortened(f"{self._verdict()}\n{_table(self)}")

    def _repr_html_(self) -> str:
        return f"<p>{self._verdict()}</p>{table_html(_cells(self))}"

    def _verdict(self) -> str:
        return f"GradientCheck {'agrees' if self.agrees else 'differs'}:"


def check_gradients(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    targets: Any,
    *,
    loss: str | ElementwiseLoss | Loss | None = None,
    key: Key | None = None,
    training: bool = True,
    differences: int = 32,
) -> GradientCheck:
    """Compare the hand-derived gradient of the risk with autodiff and central differences.

    A leaf ``g`` agrees with its reference ``r`` if ``|g - r| <= rtol (|r| + share |all|)`` in the
    Euclidean norm, with `TOLERANCES` for its dtype; entry by entry, correct float32 gradients can
    be some per cent off where they cancel. Differences ``(f(w + h) - f(w - h)) / (2 h)`` are
    taken in float64 whatever the parameters' dtype, from float32 a bias that is wrong by a tenth
    passes; in float16 and bfloat16 autodiff is, too, and only the gradient by hand is held to
    rounding.

    A difference over a kink is not a derivative: a ReLU at 0, an absolute error of 0, two equal
    units of a maximum. Where slopes jump around the point, entries that disagree are compared at
    random points nearby instead, and counted in ``kinks``; at the kink the gradient by hand must
    still equal autodiff's.

    Args:
        network: a layer with its backward pass.
        params: its parameters.
        statistics: its statistics.
        x: inputs, shape ``(batch, ...)``.
        targets: of the loss.
        loss: a name in `jaxnet.losses.LOSSES`, a loss with its backward rule, or a function; by
            default that of the network's head, softmax cross-entropy without one.
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
    check_count("differences", differences, minimum=0)
    check_batch(network, params, statistics, x, key=key, training=training)
    pair = as_loss(default_loss(network) if loss is None else loss)
    check_targets(network, pair, x, targets)
    # pixels of one byte have no gradient
    floating = jnp.issubdtype(x.dtype, jnp.floating)
    point = (params, x) if floating else (params,)
    check_some(jax.tree.leaves(point))

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
    compared = _difference(risk, point, statistics, auto, differences) if differences else None
    return _compare(hand, auto, compared)


def check_layer(
    layer: Layer,
    in_shape: Shape,
    *,
    key: Key,
    batch_size: int = 5,
    training: bool = True,
    differences: int = 32,
) -> GradientCheck:
    """Compare a layer's backward pass with autodiff and differences, at a random point.

    The parameters are those of ``init`` plus 0.1 times normal numbers, so that none is 0; inputs
    and the gradient ``dy`` with respect to the outputs are normal. See `check_gradients`.

    Args:
        layer: the layer.
        in_shape: shape of one input.
        key: PRNG key of all that is random.
        batch_size: inputs.
        training: whether the layer behaves as in training.
        differences: how many entries of each leaf to difference.

    Raises:
        ValueError: if the layer does not take such inputs.

    >>> from jaxnet.layers import maxout
    >>> check_layer(maxout(3, pieces=2), (4,), key=jax.random.key(0)).agrees
    True
    """
    init_key, noise_key, x_key, dy_key, own_key = jax.random.split(key, 5)
    params, statistics = layer.init(init_key, in_shape)
    leaves, tree = jax.tree.flatten(params)
    noise = [
        leaf + 0.1 * jax.random.normal(jax.random.fold_in(noise_key, i), leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    x = jax.random.normal(x_key, (batch_size, *in_shape))
    dy = jax.random.normal(dy_key, (batch_size, *layer.out_shape(in_shape)))
    return check_gradients(
        layer,
        jax.tree.unflatten(tree, noise),
        statistics,
        x,
        dy,
        loss=_product,
        key=own_key,
        training=training,
        differences=differences,
    )


def _product(outputs: Array, dy: Array) -> Array:
    """Return the loss whose gradient with respect to the outputs is ``dy``."""
    return (outputs * dy.astype(outputs.dtype)).reshape(len(dy), -1).sum(axis=1)


def _difference(
    risk: Callable[..., Array], point: Any, statistics: Statistics, auto: Any, number: int
) -> list[Comparison]:
    """Compare autodiff with differences, in float64 for narrower parameters."""
    leaves = jax.tree.leaves(auto)
    entries = _draw_entries(leaves, number)
    narrow = any(jnp.finfo(leaf.dtype).bits < 32 for leaf in leaves)
    own = [np.ravel(leaf)[at].astype(float) for leaf, at in zip(leaves, entries, strict=True)]
    bars = [_difference_bar(leaf.dtype) for leaf in leaves]
    with jax.enable_x64(True):
        point, statistics = jax.tree.map(_double, (point, statistics))
        return compare_with_differences(
            lambda point: risk(point, statistics), point, entries, None if narrow else own, bars
        )


def _difference_bar(dtype: np.dtype) -> float:
    """Return the largest error that agrees, including the rounding of autodiff."""
    wide = jnp.finfo(dtype).bits >= 32
    return DIFFERENCE_TOLERANCE + (2 * TOLERANCES[dtype.name].rtol if wide else 0.0)


def _draw_entries(leaves: list[Any], number: int) -> list[np.ndarray]:
    """Draw entries of each leaf, numbered within the leaf."""
    rng = np.random.default_rng(0)
    sizes = [np.size(leaf) for leaf in leaves]
    return [np.sort(rng.permutation(size)[:number]).astype(np.int32) for size in sizes]


def _double(leaf: Any) -> Array:
    values = np.asarray(leaf)
    return jnp.asarray(values, jnp.float64 if jnp.issubdtype(leaf.dtype, jnp.floating) else None)


def _compare(hand: Any, auto: Any, compared: list[Comparison] | None) -> GradientCheck:
    total = _norm(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(auto)]))
    paths = jax.tree_util.tree_leaves_with_path(auto)
    rows = []
    for i, ((path, r), g) in enumerate(zip(paths, jax.tree.leaves(hand), strict=True)):
        tolerance = TOLERANCES[r.dtype.name]
        error = _error(g, r, total, tolerance)
        slope, kinks = compared[i] if compared else (None, 0)
        agrees = error <= tolerance.rtol and (slope or 0.0) <= _difference_bar(r.dtype)
        rows.append(LeafCheck(_name(path), r.shape, _norm(r), error, slope, kinks, agrees))
    return GradientCheck(tuple(rows), all(row.agrees for row in rows))


def _error(actual: Any, expected: Any, total: float, tolerance: Tolerance) -> float:
    """Return ``|actual - expected|`` relative to ``|expected|`` plus a share of the whole."""
    off = _norm(np.asarray(actual, np.float64) - np.asarray(expected, np.float64))
    return off / scale if (scale := _norm(expected) + tolerance.share * total) else off


def _norm(values: Any) -> float:
    return float(np.linalg.norm(np.ravel(np.asarray(values, np.float64))))


def _name(path: Any) -> str:
    """Format a path in ``(params, x)``: ``"0.weights"``, ``"x"``."""
    which, *rest = path
    leaf = jax.tree_util.keystr(tuple(rest), simple=True, separator=".")
    return "x" if which.idx else leaf or "params"


def _table(check: GradientCheck) -> str:
    width = max(len(row.leaf) for row in check.rows)
    return "\n".join(
        f"{leaf:<{width}}  {shape:>10}  {norm:>9}  {error:>8}  {slope:>11}  {notes}".rstrip()
        for leaf, shape, norm, error, slope, notes in _cells(check)
    )


def _cells(check: GradientCheck) -> Iterator[tuple[str, ...]]:
    yield "leaf", "shape", "norm", "by hand", "differences", ""
    for row in check.rows:
        notes = [f"{row.kinks} at a kink"] * (row.kinks > 0) + ["DIFFERS"] * (not row.agrees)
        yield (
            row.leaf,
            "x".join(map(str, row.shape)),
            f"{row.norm:.3g}",
            f"{row.hand_error:.1e}",
            "" if row.difference_error is None else f"{row.difference_error:.1e}",
            "  ".join(notes),
        )
