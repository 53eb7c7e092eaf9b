"""Gradient accumulation: one step of the optimizer for several mini-batches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_whole, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array
from jaxnet.optim.composition.transformation import as_transformation, branch
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import increment, transformation, widened

Every = int | AnyArray | Callable[[Array], Any]
"""A number of mini-batches, an integer or a 0-d array of one, or a function that gives it for the
number of finished steps."""


class AccumulateState(NamedTuple):
    """State of `accumulate`, with the field names of ``optax.MultiStepsState``.

    Attributes:
        mini_step: mini-batches since the last step of the optimizer, int32.
        gradient_step: finished steps of the optimizer, int32.
        inner_opt_state: the optimizer's own state.
        acc_grads: the sum of the gradients of these mini-batches, in float32 at least.
    """

    mini_step: Array
    gradient_step: Array
    inner_opt_state: Any
    acc_grads: Any

    __repr__ = represent


@factory
@checked(RANGES)
def accumulate(
    inner: optax.GradientTransformation, every: Every, *, use_grad_mean: bool = True
) -> optax.GradientTransformationExtraArgs:
    """Accumulate the gradients of ``k`` mini-batches for one step, ``g = 1/k sum_{j=1}^k g_j``.

    In between the updates are 0 and the optimizer's state stays, so that its own count, which its
    schedules see, is that of its steps, not of the mini-batches. With mean losses over mini-batches
    of one size, the step is that of a mini-batch ``k`` times as large.

    How the libraries differ:

    - optax: ``optax.MultiSteps`` is equal, but it sums up in float32 unless ``accumulator_dtype``
      is given, even float64 gradients, and it computes the optimizer's step for each mini-batch.
    - Keras: ``gradient_accumulation_steps`` is equal, but its schedules count mini-batches.
    - PyTorch: ``(loss / k).backward()`` ``k`` times before ``step()`` is equal.

    Args:
        inner: the optimizer, or a chain, which receives the mean gradient. Extra arguments
            of ``update`` are passed on; a ``value`` is that of the last mini-batch alone.
        every: ``k``, 1 or more: an integer or a 0-d array of one, or a function of the number of
            finished steps that returns it. Where it is not known before the program runs, less
            than 1 counts as 1.
        use_grad_mean: False takes the sum in place of the mean.

    Raises:
        ValueError: if ``every`` is below 1.
        TypeError: if ``inner`` is not a transformation, ``every`` neither a whole number nor a
            function, or the flag not a boolean; ``update`` raises it for gradients of another
            structure than the parameters.

    To leave out mini-batches whose gradient is not finite, wrap the whole:
    ``apply_if_finite(accumulate(inner, k), n)`` waits for ``k`` finite ones.

    >>> from jaxnet.optim import sgd
    >>> optimizer = accumulate(sgd(1.0), every=2)
    >>> state, steps = optimizer.init(jnp.zeros(1)), []
    >>> for g in [1.0, 3.0, 5.0, 9.0]:
    ...     updates, state = optimizer.update(jnp.array([g]), state)
    ...     steps += updates.tolist()
    >>> steps
    [0.0, -2.0, 0.0, -7.0]
    """
    inner = as_transformation("inner", inner)
    if not callable(every):
        check_whole("every", every)
        every = jnp.asarray(every, jnp.int32)

    def init(params: Any) -> AccumulateState:
        sums = jax.tree.map(lambda w: jnp.zeros_like(widened(w)), params)
        zero = jnp.zeros((), jnp.int32)
        return AccumulateState(zero, zero, inner.init(params), sums)

    def step(updates: Any, params: Any, inner_state: Any, sums: Any, k: Array, **extra: Any) -> Any:
        mean = jax.tree.map(lambda s: s / k.astype(s.dtype), sums) if use_grad_mean else sums
        mean = jax.tree.map(lambda s, g: s.astype(jnp.result_type(g)), mean, updates)
        changes, inner_state = inner.update(mean, inner_state, params, **extra)
        return changes, inner_state, jax.tree.map(jnp.zeros_like, sums)

    def wait(updates: Any, params: Any, inner_state: Any, sums: Any, k: Array) -> Any:
        del params, k
        return jax.tree.map(jnp.zeros_like, updates), inner_state, sums

    def update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        k = jnp.maximum(every(state.gradient_step) if callable(every) else every, 1)
        sums = jax.tree.map(lambda s, g: s + jnp.asarray(g, s.dtype), state.acc_grads, updates)
        full = increment(state.mini_step) >= k
        operands = updates, params, state.inner_opt_state, sums, k
        changes, inner_state, sums = branch(full, step, wait, operands, extra_args)
        mini_step = jnp.where(full, jnp.zeros((), jnp.int32), increment(state.mini_step))
        gradient_step = jnp.where(full, increment(state.gradient_step), state.gradient_step)
        return changes, AccumulateState(mini_step, gradient_step, inner_state, sums)

    return transformation(init, update, like="acc_grads")


def has_updated(state: AccumulateState) -> Array:
    """Return whether the last mini-batch completed a step of the optimizer, a boolean scalar."""
    return jnp.logical_and(state.mini_step == 0, state.gradient_step > 0)
