"""Gradients of random mini-batches, and their measured variance."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_flags, check_function, check_key, require
from jaxnet.core.random import random_order
from jaxnet.core.representation import represent
from jaxnet.core.trees import dot
from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.training.loop.checks import check_normalization
from jaxnet.training.loop.objective import Objective


class Measurement(NamedTuple):
    """An estimate from random draws.

    Attributes:
        value: unbiased, 0-d.
        standard_error: standard deviation of the estimate over repetitions, itself estimated, 0-d.
    """

    value: Array
    standard_error: Array

    __repr__ = represent


@instrument("function", "replace", batch_size=1, draws=1)
def map_batch_gradients(
    function: Callable[[Params], Any],
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    batch_size: int,
    draws: int,
    key: Key,
    replace: bool = False,
    training: bool = False,
) -> Any:
    """Return ``function(g)`` of the gradients of independent random mini-batches.

    One mini-batch at a time, so that the memory is that of one. The program is one for all keys.

    Args:
        function: ``gradient -> tree of arrays``, compiled in, see `map_gradients`.
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the network's parameters.
        statistics: its statistics.
        examples: what mini-batches are drawn from.
        batch_size: examples a mini-batch, 1 or more; not traced.
        draws: mini-batches, 1 or more; not traced.
        key: PRNG key of the draws, and of random layers while training.
        replace: whether an example may come twice in a mini-batch. Whatever it is, the mini-batches
            do not depend on each other, while those of an epoch do.
        training: whether the layers behave as in training; batch normalization then takes each
            mini-batch's moments, dropout draws a mask for each.

    Returns:
        What ``function`` returns, each leaf with a first dimension of draws.

    Raises:
        ValueError: if the examples do not fit the network, or are fewer than a mini-batch drawn
            without replacement.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[1.0], [2.0]]), jnp.array([[0.0], [5.0]]))
    >>> map_batch_gradients(
    ...     lambda g: g.bias[0],
    ...     objective,
    ...     params,
    ...     (),
    ...     examples,
    ...     batch_size=2,
    ...     draws=3,
    ...     key=jax.random.key(0),
    ... ).tolist()
    [-2.0, -2.0, -2.0]
    """
    check_function("function", function, "Pass a function of a gradient.")
    check_key("key", key)
    how = {"batch_size": batch_size, "replace": replace, "training": training}
    gradient = _batch_gradient(objective, params, statistics, examples, **how)
    return jax.lax.map(lambda key: function(gradient(key)), jax.random.split(key, draws))


@instrument("replace", batch_size=1, draws=2)
def measured_variance(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    batch_size: int,
    draws: int,
    key: Key,
    replace: bool = False,
    training: bool = False,
) -> Measurement:
    """Measure the variance ``E|g - E g|^2`` of a mini-batch's gradient from random draws.

    The mean of ``|g - g'|^2 / 2`` over pairs of independent mini-batches: each pair is unbiased,
    does not depend on the true gradient, and the pairs are independent, which gives the standard
    error. So batch normalization and dropout may behave as in training. To hold against
    `predicted_variance`.

    Arguments and errors are those of `map_batch_gradients`, with ``draws`` pairs, 2 or more.

    Source: lecture 000, gradient noise.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[1.0], [2.0]]), jnp.array([[0.0], [5.0]]))
    >>> found = measured_variance(
    ...     objective, params, (), examples, batch_size=1, draws=9999, key=jax.random.key(0)
    ... )
    >>> abs(float(found.value) - 65.0) < 3 * float(found.standard_error)
    True
    """
    check_key("key", key)
    how = {"batch_size": batch_size, "replace": replace, "training": training}
    gradient = _batch_gradient(objective, params, statistics, examples, **how)

    def half_square(keys: Key) -> Array:
        # mapped, so that the gradient is compiled once
        off = jax.tree.map(lambda pair: pair[1] - pair[0], jax.lax.map(gradient, keys))
        return dot(off, off) / 2

    halves = jax.lax.map(half_square, jax.random.split(key, (draws, 2)))
    return Measurement(jnp.mean(halves), jnp.std(halves, ddof=1) / draws**0.5)


def _batch_gradient(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    batch_size: int,
    replace: bool,
    training: bool,
) -> Callable[[Key], Params]:
    """Return ``key -> gradient`` of a random mini-batch."""
    check_flags(replace=replace)
    total = count(examples)
    expected, remedy = f"to be at most the {total} examples", "Or draw with replace=True."
    require(replace or batch_size <= total, "batch_size", expected, batch_size, remedy)
    if training:
        check_normalization(objective.network, examples.inputs, batch_size)

    def gradient(key: Key) -> Params:
        draw_key, layer_key = jax.random.split(key)
        if replace:
            order = jax.random.randint(draw_key, (batch_size,), 0, total)
        else:
            order = random_order(draw_key, total)[:batch_size]
        batch = examples.take(order)
        risk = make_risk(objective, statistics, batch, key=layer_key, training=training)
        return jax.grad(risk)(params)

    return gradient
