"""Handling of NaN and infinite gradients.

There are three policies:

- propagate, without any of these: a NaN in the gradient makes the weights NaN, and the moments of
  the optimizer, from which they do not come back. `jaxnet.training.fit` notices, ends the run and
  keeps the parameters from before. It is the default, since it hides nothing.
- `zero_nans`: entries that are NaN count as 0; the other entries go on.
- `apply_if_finite`: the whole step is left out.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count
from jaxnet.core.representation import represent
from jaxnet.core.trees import all_finite
from jaxnet.core.types import Array
from jaxnet.optim.composition.transformation import as_transformation, branch
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.rule import check_structure, increment, transformation


class ApplyIfFiniteState(NamedTuple):
    """State of `apply_if_finite`, with optax's field names.

    Attributes:
        notfinite_count: gradients in a row that were not finite, up to now, int32.
        last_finite: whether the last gradient was finite.
        total_notfinite: gradients that were not finite, int32.
        inner_state: the optimizer's own state.
    """

    notfinite_count: Array
    last_finite: Array
    total_notfinite: Array
    inner_state: Any

    __repr__ = represent


class ZeroNansState(NamedTuple):
    """State of `zero_nans`: per leaf, whether its last gradient held a NaN."""

    found_nan: Any

    __repr__ = represent


@factory
def apply_if_finite(
    inner: optax.GradientTransformation, max_consecutive_errors: int
) -> optax.GradientTransformationExtraArgs:
    """Skip steps whose gradient is not finite, ``u = 0``: the inner state stays as it is.

    After ``n`` such gradients in a row the next ones are let through, finite or not, so that a run
    that is lost ends. Equal to ``optax.apply_if_finite``. Keras's ``LossScaleOptimizer`` and
    PyTorch's ``GradScaler`` leave out such steps too, however many. In `jaxnet.training.fit` it
    helps against gradients that are not finite where the loss is: a loss that is not finite ends
    the run all the same.

    Args:
        inner: the optimizer; extra arguments of ``update`` are passed on.
        max_consecutive_errors: ``n``, 0 or more; 0 lets everything through.

    Raises:
        ValueError: if ``max_consecutive_errors`` is negative.
        TypeError: if it is not an integer, or ``inner`` not a transformation; ``init`` raises it
            for parameters that are not floating-point.

    >>> from jaxnet.optim import sgd
    >>> optimizer = apply_if_finite(sgd(1.0), max_consecutive_errors=1)
    >>> state, steps = optimizer.init(jnp.zeros(1)), []
    >>> for g in [jnp.nan, 2.0, jnp.inf, jnp.inf]:
    ...     updates, state = optimizer.update(jnp.array([g]), state)
    ...     steps += updates.tolist()
    >>> steps, int(state.total_notfinite)
    ([0.0, -2.0, 0.0, -inf], 3)
    """
    inner = as_transformation("inner", inner)
    check_count("max_consecutive_errors", max_consecutive_errors, minimum=0)

    def init(params: Any) -> ApplyIfFiniteState:
        zero = jnp.zeros((), jnp.int32)
        return ApplyIfFiniteState(zero, jnp.array(True), zero, inner.init(params))

    def step(updates: Any, params: Any, inner_state: Any, **extra: Any) -> tuple[Any, Any]:
        return inner.update(updates, inner_state, params, **extra)

    def skip(updates: Any, params: Any, inner_state: Any) -> tuple[Any, Any]:
        del params
        return jax.tree.map(jnp.zeros_like, updates), inner_state

    def update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        finite = all_finite(updates)
        errors = jnp.where(finite, jnp.zeros((), jnp.int32), increment(state.notfinite_count))
        total = jnp.where(finite, state.total_notfinite, increment(state.total_notfinite))
        taken = jnp.logical_or(finite, errors > max_consecutive_errors)
        operands = updates, params, state.inner_state
        changes, inner_state = branch(taken, step, skip, operands, extra_args)
        return changes, ApplyIfFiniteState(errors, finite, total, inner_state)

    return transformation(init, update)


@factory
def zero_nans() -> optax.GradientTransformationExtraArgs:
    """Replace NaN in the updates, ``u_i = 0`` where ``g_i`` is NaN; infinite entries stay.

    Equal to ``optax.zero_nans``. ``chain(zero_nans(), clip(d), ...)`` bounds the infinite ones,
    too. The state holds for each leaf whether its last gradient held a NaN.

    Raises:
        TypeError: ``init`` raises it for parameters that are not floating-point, ``update`` for
            gradients of another structure than the parameters.

    >>> optimizer = zero_nans()
    >>> updates, state = optimizer.update(jnp.array([jnp.nan, 2.0]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist(), bool(state.found_nan)
    ([0.0, 2.0], True)
    """

    def init(params: Any) -> ZeroNansState:
        return ZeroNansState(jax.tree.map(lambda _: jnp.array(False), params))

    def update(
        updates: Any, state: Any, params: Any, **extra_args: Any
    ) -> tuple[Any, ZeroNansState]:
        del params, extra_args
        check_structure(updates, state.found_nan)
        zeroed = jax.tree.map(lambda g: jnp.where(jnp.isnan(g), jnp.zeros_like(g), g), updates)
        return zeroed, ZeroNansState(jax.tree.map(lambda g: jnp.any(jnp.isnan(g)), updates))

    return transformation(init, update)
