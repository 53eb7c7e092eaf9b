"""Loss landscapes: the risk on a line between two networks or on a plane."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_entries, check_flags, check_key, check_real, require
from jaxnet.core.errors import invalid_type
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, global_norm, normal_like
from jaxnet.core.types import AnyArray, Array, Key, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.functions.penalties import weights_only
from jaxnet.inspection.check_inputs import check_like, check_parameters
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.training.loop.objective import Objective

POINTS = 21
"""Points of an axis: odd, so that the middle of the range is among them."""


class LossLine(NamedTuple):
    """The risk along a line.

    Attributes:
        positions: shape ``(points,)``: 0 is the start, 1 the end.
        risks: shape ``(points,)``.
    """

    positions: Array
    risks: Array

    __repr__ = represent


class LossPlane(NamedTuple):
    """The risk on a plane.

    Attributes:
        first: positions along the first direction, shape ``(m,)``.
        second: positions along the second direction, shape ``(n,)``.
        risks: shape ``(m, n)``; `matplotlib` draws contours of its transpose.
    """

    first: Array
    second: Array
    risks: Array

    __repr__ = represent


def loss_line(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    end: Params,
    *,
    positions: AnyArray | None = None,
    key: Key | None = None,
    training: bool = False,
) -> LossLine:
    """Return the risk on the straight line between two networks, ``(1 - t) params + t end``.

    A barrier between two minima, or none, shows whether they are in one basin. The statistics are
    the same all along: with batch normalization pass ``training=True``, so that each point takes
    the moments of these examples.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the start, ``t = 0``.
        statistics: the network's.
        examples: one batch.
        end: the end, ``t = 1``, a tree like the parameters.
        positions: ``t`` of the points, shape ``(points,)``; by default 21 from 0 to 1. Beyond these
            the line goes on.
        key: PRNG key for random layers while training: one mask for all points.
        training: whether the layers behave as in training.

    Returns:
        Positions and risks. One program does all points, one after the other.

    Raises:
        ValueError: if the examples do not fit the network, or for positions of another shape or
            that are not finite.
        TypeError: if ``end`` is not a tree like the parameters.

    Source: Goodfellow et al. 2015, section 3.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> start, end = (jaxnet.layers.Dense(jnp.array([[w]]), jnp.zeros(1)) for w in (-1.0, 1.0))
    >>> examples = Examples(jnp.ones((1, 1)), jnp.zeros((1, 1)))
    >>> positions = jnp.array([0.0, 0.5, 1.0])
    >>> loss_line(objective, start, (), examples, end, positions=positions).risks.tolist()
    [1.0, 0.0, 1.0]
    """
    check_like("end", end, params, "the parameters")
    axis = _axis("positions", positions, 0.0)
    given = objective, params, statistics, examples, end, axis
    return LossLine(axis, _along(*given, key=key, training=training))


def loss_plane(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    directions: tuple[Params, Params],
    *,
    first: AnyArray | None = None,
    second: AnyArray | None = None,
    key: Key | None = None,
    training: bool = False,
) -> LossPlane:
    """Return the risk on the plane ``params + a d + b e`` that two directions span.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the middle.
        statistics: the network's, the same all over the plane, see `loss_line`.
        examples: one batch.
        directions: ``d`` and ``e``, trees like the parameters: from `random_direction`,
            `hessian_spectrum`, or differences of parameters.
        first: ``a`` of the points, shape ``(m,)``; by default 21 from -1 to 1.
        second: ``b`` of the points, shape ``(n,)``; by default as ``first``.
        key: PRNG key for random layers while training: one mask for all points.
        training: whether the layers behave as in training.

    Returns:
        Both axes, and the risks at their m n points. One program does all, one after the other.

    Raises:
        ValueError: if the examples do not fit the network, for axes of another shape or that are
            not finite, or if there are not two directions.
        TypeError: if a direction is not a tree like the parameters.

    Source: Li et al. 2018, section 4.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> zero, d, e = (
    ...     jaxnet.layers.Dense(jnp.array([[w]]), jnp.array([b]))
    ...     for w, b in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    ... )
    >>> examples = Examples(jnp.full((1, 1), 2.0), jnp.zeros((1, 1)))
    >>> axis = jnp.array([0.0, 1.0])
    >>> loss_plane(objective, zero, (), examples, (d, e), first=axis, second=axis).risks.tolist()
    [[0.0, 1.0], [4.0, 9.0]]
    """
    pair = isinstance(directions, tuple | list)
    actual = len(directions) if pair else f"a {type(directions).__name__}"
    require(actual == 2, "directions", "to be two trees, as from random_direction", actual)
    for direction in directions:
        check_like("directions", direction, params, "the parameters")
    first = _axis("first", first, -1.0)
    second = first if second is None else _axis("second", second, -1.0)
    given = objective, params, statistics, examples, tuple(directions), first, second
    return LossPlane(first, second, _over(*given, key=key, training=training))


def random_direction(key: Key, params: Params, *, filter_normalized: bool = True) -> Params:
    """Return a random direction in the space of the parameters, scaled as they are.

    Normal numbers. Filter-normalized, each row ``d_i`` of a weight matrix, which belongs to one
    unit, becomes ``d_i |w_i| / |d_i|``, and biases and the scales of batch normalization do not
    move: those that `jaxnet.penalties.weights_only` selects. Steps along the
    direction are then relative ones: networks that compute the same with other scales of their
    weights, as ReLUs allow, show one landscape.

    Args:
        key: PRNG key.
        params: where the direction will start from, weights as ``(units, ...)``; a vector of
            weights is that of one unit.
        filter_normalized: whether to scale; otherwise plain normal numbers in every leaf.

    Returns:
        A tree like the parameters.

    Raises:
        TypeError: if the key is none, or a parameter no floating-point array.

    Source: Li et al. 2018, section 4.

    >>> params = {"w": jnp.array([[3.0, 4.0], [0.0, 0.0]]), "b": jnp.ones(2)}
    >>> direction = random_direction(jax.random.key(0), params)
    >>> jnp.linalg.norm(direction["w"], axis=1).round(4).tolist(), direction["b"].tolist()
    ([5.0, 0.0], [0.0, 0.0])
    """
    check_key("key", key)
    check_flags(filter_normalized=filter_normalized)
    check_parameters(params)
    drawn = normal_like(key, params)
    if not filter_normalized:
        return drawn
    return jax.tree.map(_filter_normalized, weights_only(params), drawn, params)


@functools.partial(jax.jit, static_argnums=0)
def _filter_normalized(moves: bool, direction: Array, weights: Array) -> Array:
    if not moves:
        return jnp.zeros_like(direction)
    norms = jax.vmap(global_norm) if weights.ndim > 1 else global_norm
    ours, theirs = norms(direction), norms(weights)
    ratios = jnp.where(ours > 0, theirs / jnp.where(ours > 0, ours, 1), 0)
    ratios = ratios.reshape(ratios.shape + (1,) * (weights.ndim - ratios.ndim))
    return (direction.astype(ratios.dtype) * ratios).astype(direction.dtype)


@instrument()
def _along(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    end: Params,
    positions: Array,
    *,
    key: Key | None,
    training: bool,
) -> Array:
    risk = make_risk(objective, statistics, examples, key=key, training=training)

    def at(t: Array) -> Array:
        # this form, not start + t difference, so that t = 1 is the end to the last bit
        return risk(add_scaled(jax.tree.map(lambda x: (1 - t).astype(x.dtype) * x, params), t, end))

    return jax.lax.map(at, positions)


@instrument()
def _over(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    directions: tuple[Params, Params],
    first: Array,
    second: Array,
    *,
    key: Key | None,
    training: bool,
) -> Array:
    risk = make_risk(objective, statistics, examples, key=key, training=training)

    def at(place: tuple[Array, Array]) -> Array:
        a, b = place
        return risk(add_scaled(add_scaled(params, a, directions[0]), b, directions[1]))

    places = jnp.meshgrid(first, second, indexing="ij")
    risks = jax.lax.map(at, (places[0].ravel(), places[1].ravel()))
    return risks.reshape(len(first), len(second))


def _axis(argument: str, given: AnyArray | None, low: float) -> Array:
    try:
        axis = jnp.asarray(jnp.linspace(low, 1.0, POINTS) if given is None else given)
    except (TypeError, ValueError) as error:
        raise invalid_type(argument, "to be an array of numbers", repr(given)) from error
    check_real(argument, axis)
    check_entries(argument, axis, np.isfinite, "finite")
    require(axis.ndim == 1 and axis.size, argument, "of shape (points,)", f"shape {axis.shape}")
    return axis if jnp.issubdtype(axis.dtype, jnp.floating) else axis.astype(float)
