"""Lookahead: slow weights that follow the weights of another optimizer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import (
    Number,
    cast,
    increment,
    transformation,
    widened,
)


class LookaheadState(NamedTuple):
    """State of `lookahead`.

    Attributes:
        count: finished steps, int32.
        fast_state: the state of the inner optimizer.
        slow: the slow weights, a tree like the parameters: evaluate at these.
    """

    count: Array
    fast_state: Any
    slow: Any

    __repr__ = represent


@factory
@checked(RANGES)
def lookahead(
    inner: optax.GradientTransformation,
    *,
    sync_period: int = 5,
    slow_step_size: Number = 0.5,
    reset_state: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Lookahead: after every ``k`` steps, ``slow <- slow + a (fast - slow)``, ``fast <- slow``.

    The parameters are the fast weights, which the inner optimizer moves; the slow ones are
    ``state.slow``. Between synchronizations evaluate at those.

    The fast and slow weights equal those of ``optax.lookahead``, whose parameters are a pair of
    both, ``optax.LookaheadParams``: the network's own will not do there, here they do. PyTorch and
    Keras have none.

    Args:
        inner: the optimizer that moves the fast weights; extra arguments of ``update`` go to it.
        sync_period: ``k``, 1 or more: steps from one synchronization to the next.
        slow_step_size: ``a``, in (0, 1]; at 1 nothing is left of lookahead.
        reset_state: whether to restart the inner optimizer at each synchronization. It starts
            at the weights after it; optax's at those before it, which is the same for inner
            optimizers whose first state does not depend on the weights.

    Raises:
        ValueError: if a number is out of its range, or if ``update`` is not given the parameters.
        TypeError: if ``sync_period`` is not an integer.

    The parameters are the fast weights: what `jaxnet.training.fit` evaluates, except after a
    synchronization, where both are the same.

    Source: Zhang et al. 2019, algorithm 1.

    >>> from jaxnet.optim import sgd
    >>> optimizer = lookahead(sgd(1.0), sync_period=2, slow_step_size=0.25)
    >>> w, path = jnp.array([0.0]), []
    >>> state = optimizer.init(w)
    >>> for _ in range(4):
    ...     updates, state = optimizer.update(jnp.array([-2.0]), state, w)
    ...     w = w + updates
    ...     path.append(float(w[0]))
    >>> path
    [2.0, 1.0, 3.0, 2.0]
    """
    sync_period = check_count("sync_period", sync_period)
    inner = as_transformation("inner", inner)

    def init(params: Any) -> LookaheadState:
        slow = jax.tree.map(lambda w: jnp.array(widened(w)), params)  # a copy, to be donated
        return LookaheadState(jnp.zeros((), jnp.int32), inner.init(params), slow)

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, LookaheadState]:
        updates, fast_state = inner.update(updates, state.fast_state, params, **extra)
        count = increment(state.count)
        synced = count % sync_period == 0

        def synchronized(u: Array, w: Array, slow: Array) -> Array:
            ahead = widened(w) + widened(u) - slow
            return jnp.where(synced, slow + cast(slow_step_size, slow.dtype) * ahead, slow)

        slow = jax.tree.map(synchronized, updates, params, state.slow)

        def change(u: Array, w: Array, slow: Array) -> Array:
            return jnp.where(synced, (slow - widened(w)).astype(u.dtype), u)

        updates = jax.tree.map(change, updates, params, slow)
        if reset_state:
            at = jax.tree.map(lambda w, slow: slow.astype(w.dtype), params, slow)
            fast_state = jax.tree.map(
                lambda new, old: jnp.where(synced, new, old), inner.init(at), fast_state
            )
        return updates, LookaheadState(count, fast_state, slow)

    return transformation(init, update, like="slow", needs_params=True)
