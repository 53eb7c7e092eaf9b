"""L-BFGS: Newton's step with a Hessian estimated from the last steps and gradients."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count, check_flags
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, dot, global_norm, near_one, scaled
from jaxnet.core.types import Array, Params
from jaxnet.optim.second_order.direction import (
    Iterate,
    LineSearch,
    from_direction,
    number,
    zeros_like,
)
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate

Like = Literal["optax", "torch"]


class LBFGSState(NamedTuple):
    """State of `lbfgs`.

    Attributes:
        count: finished steps, int32.
        params: the weights before the last step.
        updates: the gradient there.
        diff_params_memory: the last steps ``s``, one per row of each leaf, in a ring.
        diff_updates_memory: the changes ``y`` of the gradient that they made.
        weights_memory: ``1 / y^T s``; 0 for a row not filled yet.
        pairs: pairs ``(s, y)`` taken so far; the next is row ``pairs % memory_size``.
        scale: ``gamma`` of the last pair that was taken.
        linesearch: state of the line search, if any.
    """

    count: Array
    params: Any
    updates: Any
    diff_params_memory: Any
    diff_updates_memory: Any
    weights_memory: Array
    pairs: Array
    scale: Array
    linesearch: Any = ()

    __repr__ = represent


class _Tolerances(NamedTuple):
    curvature: float  # pairs whose y^T s is not above it are skipped
    gradient: float  # no step once no entry of the gradient is larger
    slope: float  # no step whose slope is not below its negative


class _Convention(NamedTuple):
    memory_size: int
    linesearch: LineSearch
    norm: int  # that the first step is shortened by
    tolerances: _Tolerances | None  # None takes every pair and every step


CONVENTIONS = {
    "optax": _Convention(
        memory_size=10,
        linesearch=optax.scale_by_zoom_linesearch(
            max_linesearch_steps=20, initial_guess_strategy="one"
        ),
        norm=2,
        tolerances=None,
    ),
    "torch": _Convention(
        memory_size=100,
        linesearch=optax.identity(),
        norm=1,
        tolerances=_Tolerances(curvature=1e-10, gradient=1e-7, slope=1e-9),
    ),
}


@factory
def lbfgs(
    learning_rate: LearningRate | None = None,
    *,
    memory_size: int | None = None,
    scale_init_precond: bool = True,
    linesearch: LineSearch | None = None,
    like: Like = "optax",
) -> optax.GradientTransformationExtraArgs:
    """Limited-memory BFGS, ``w <- w - alpha eta P g`` with ``P`` near the inverse Hessian.

    Of the last pairs ``s = w - w'``, ``y = g - g'``, with ``r = 1 / y^T s``,
    ``P <- (I - r s y^T) P (I - r y s^T) + r s s^T`` from ``P = gamma I``, ``gamma = s^T y / y^T y``
    of the last pair. ``P g`` takes two loops over the pairs, not a matrix. At the first step
    ``P = min(1, 1 / |g|) I``, so that it is no longer than 1.

    How the conventions of ``like`` differ:

    - optax: ``optax.lbfgs``: 10 pairs; the line search is optax's zoom; ``|g|`` is the Euclidean
      norm. Every pair is taken, one with ``y^T s < 0``, too, after which ``P g`` may point
      uphill: Wolfe's conditions exclude that, a fixed rate does not.
    - torch: ``torch.optim.LBFGS`` whose ``step`` makes one iteration (``max_iter=1``): 100 pairs,
      no line search, ``|g|`` is the sum of absolute values. A pair with ``y^T s <= 1e-10`` is
      skipped, and so is the step where no entry of ``g`` is above 1e-7, or where ``g^T P g`` is
      not above 1e-9. PyTorch's default ``max_iter=20`` makes up to 20 of these steps in one,
      on one mini-batch. ``line_search_fn="strong_wolfe"`` is ``linesearch=strong_wolfe()``.

    With a line search it needs the extra arguments ``value`` and ``value_fn``, which
    `jaxnet.training.fit` gives. Meant for the whole data as one batch: the difference of gradients
    of two mini-batches contains little information about the curvature.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count;
            None for 1.
        memory_size: pairs kept, 1 or more; None for the convention's.
        scale_init_precond: whether ``gamma`` and the first step are as above; else both are 1.
        linesearch: finds ``alpha``, see `jaxnet.optim.second_order.line_search`; None for the
            convention's, ``optax.identity()`` for none.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Numerics: it keeps ``2 memory_size + 2`` times the memory of the parameters.

    Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5; Liu and Nocedal 1989.

    >>> risk = lambda w: jnp.sum(w**2)
    >>> optimizer, w = lbfgs(), jnp.array([1.0, 2.0, 3.0])
    >>> state = optimizer.init(w)
    >>> for _ in range(2):
    ...     value, g = jax.value_and_grad(risk)(w)
    ...     updates, state = optimizer.update(g, state, w, value=value, value_fn=risk)
    ...     w = w + updates
    >>> abs(w.round(4)).tolist()
    [0.0, 0.0, 0.0]
    """
    chosen = resolve(like, CONVENTIONS, memory_size=memory_size, linesearch=linesearch)
    check_flags(scale_init_precond=scale_init_precond)
    rows = check_count("memory_size", chosen.memory_size)

    def direction(here: Iterate, *slots: Any) -> tuple[Any, ...]:
        state = _remember(LBFGSState(here.count, *slots), here, chosen.tolerances)
        first = jnp.minimum(1, 1 / _norm(here.gradient, chosen.norm)).astype(state.scale.dtype)
        gamma = jnp.where(here.count == 0, first, state.scale)
        gamma = gamma if scale_init_precond else jnp.ones_like(gamma)
        p = scaled(-jnp.ones(()), _precondition(state, here.gradient, gamma))
        if chosen.tolerances is not None:
            p = scaled(_moves(here, p, chosen.tolerances), p)
        return p, *state[1:8]

    return from_direction(
        direction,
        1.0 if learning_rate is None else learning_rate,
        state=LBFGSState,
        starts=[
            zeros_like,
            zeros_like,
            lambda params: _stacked_zeros(rows, params),
            lambda params: _stacked_zeros(rows, params),
            number(0.0, rows),
            lambda _: jnp.int32(0),
            number(1.0),
        ],
        linesearch=chosen.linesearch,
    )


def _remember(state: LBFGSState, here: Iterate, tolerances: _Tolerances | None) -> LBFGSState:
    """Return the state with the pair of the last step, unless that is skipped.

    A row that may be skipped is read before it is written, for which the compiled program keeps
    a copy of it: not where every pair is taken, but for the first, in place of which are zeros.
    """
    s = jax.tree.map(jnp.subtract, here.params, state.params)
    y = jax.tree.map(jnp.subtract, here.gradient, state.updates)
    near, unit = near_one(y)
    along, square = dot(near, s), dot(near, near)
    curvature = along / unit
    taken = here.count > 0
    if tolerances is not None:
        taken = taken & (curvature > tolerances.curvature)
    row = state.pairs % len(state.weights_memory)
    weight = jnp.where(curvature == 0, 0, 1 / jnp.where(curvature == 0, 1, curvature))
    gamma = jnp.where(square > 0, unit * along / jnp.where(square > 0, square, 1), 1)

    def put(memory: Array, new: Array) -> Array:
        kept = jnp.zeros_like(new) if tolerances is None else memory[row]
        return memory.at[row].set(jnp.where(taken, new, kept))

    return state._replace(
        params=here.params,
        updates=here.gradient,
        diff_params_memory=jax.tree.map(put, state.diff_params_memory, s),
        diff_updates_memory=jax.tree.map(put, state.diff_updates_memory, y),
        weights_memory=put(state.weights_memory, weight),
        pairs=state.pairs + taken.astype(jnp.int32),
        scale=jnp.where(taken, gamma, state.scale),
    )


def _precondition(state: LBFGSState, g: Params, gamma: Array) -> Params:
    """Return ``P g`` by two loops: over the pairs from the newest to the oldest, and back."""
    size = len(state.weights_memory)
    rows = (state.pairs + jnp.arange(size, dtype=jnp.int32)) % size  # from the oldest

    def pair(row: Array) -> tuple[Params, Params, Array]:
        s, y = jax.tree.map(
            lambda memory: memory[row], (state.diff_params_memory, state.diff_updates_memory)
        )
        return s, y, state.weights_memory[row]

    def back(q: Params, row: Array) -> tuple[Params, Array]:
        s, y, weight = pair(row)
        a = weight * dot(s, q)
        return add_scaled(q, -a, y), a

    def forth(q: Params, row_and_a: tuple[Array, Array]) -> tuple[Params, None]:
        row, a = row_and_a
        s, y, weight = pair(row)
        return add_scaled(q, a - weight * dot(y, q), s), None

    q, a = jax.lax.scan(back, g, rows, reverse=True)
    return jax.lax.scan(forth, scaled(gamma, q), (rows, a))[0]


def _moves(here: Iterate, p: Params, tolerances: _Tolerances) -> Array:
    """Return 1, or 0 where the weights count as optimal."""
    slope = dot(here.gradient, p)
    largest = jnp.stack(
        [jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(here.gradient)]
    )
    steep = slope <= -tolerances.slope
    return (steep & (jnp.max(largest) > tolerances.gradient)).astype(slope.dtype)


def _norm(tree: Params, order: int) -> Array:
    if order == 1:
        return dot(jax.tree.map(jnp.sign, tree), tree)
    return global_norm(tree)


def _stacked_zeros(rows: int, params: Params) -> Params:
    return jax.tree.map(lambda leaf: jnp.zeros((rows, *leaf.shape), leaf.dtype), params)
