"""Averages of the parameters over the steps, which often generalize better than the last ones."""

from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice, check_ranges, checked, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.functions.schedules import Schedule
from jaxnet.optim.composition.transformation import as_transformation, find_state
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import rate_at
from jaxnet.optim.update_rule.moments import bias_correction
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import (
    Number,
    cast,
    increment,
    transformation,
    widened,
)

Decay: TypeAlias = Number | Schedule | None
"""A decay, or a function that gives it for the number of finished steps; None forgets nothing."""


class AverageParametersState(NamedTuple):
    """State of `average_parameters`.

    Attributes:
        count: finished steps, int32.
        inner_state: the optimizer's own state.
        average: the averaged parameters, in float32 at least; before the first step the initial
            ones.
    """

    count: Array
    inner_state: Any
    average: Any

    __repr__ = represent


_STARTS = {"optax": "corrected", "torch": "first", "keras": "first"}
"""Convention -> start of the average."""


@factory
@checked({"debias": RANGES["debias"]})
def average_parameters(
    inner: optax.GradientTransformation,
    decay: Decay,
    *,
    debias: bool = True,
    like: Literal["optax", "torch", "keras"] = "optax",
) -> optax.GradientTransformationExtraArgs:
    """Keep a moving average of the parameters beside the optimizer, ``a <- d a + (1 - d) w``.

    ``w`` are the parameters after the step. The updates are the optimizer's own; read the average
    from the state by `averaged_params`, and evaluate at it. Statistics of batch normalization
    belong to ``w``: compute them again for the average.

    How the conventions of ``like`` differ in the start of the average:

    - optax: ``optax.ema(d)`` of the parameters: it starts at 0 and is divided by ``1 - d^t``, so
      that all parameters since the first step count, by their weights ``d^(t-i)``.
    - torch, keras: it starts at the parameters after the first step, which keep the weight
      ``d^(t-1)``, about ``1/(1-d)`` times that of the second. That is
      ``torch.optim.swa_utils.AveragedModel`` with ``get_ema_avg_fn(d)``, updated after every step,
      and ``use_ema=True`` with ``ema_momentum=d`` in Keras.
    - any of them with ``debias=False``: it starts at the initial parameters, as
      ``optax.incremental_update`` after every step does, or a copy of the network at the start.

    Without a decay it is the uniform average of all steps, the limit for ``d -> 1`` of optax's:
    stochastic weight averaging, ``get_swa_avg_fn`` in PyTorch.

    Args:
        inner: the optimizer; it must be whole, since the average follows its updates. Within
            `accumulate` the average counts steps, around it mini-batches.
        decay: ``d`` in [0, 1); a number, a 0-d array, or a function of the number of finished
            steps, for which ``like`` must be torch's or Keras's, or ``debias`` False; None for
            the uniform average, to which ``like`` does not matter.
        debias: whether the initial parameters are kept out of the average.
        like: whose convention to follow.

    Raises:
        ValueError: if the decay, given as a number, is out of range, or it is a function that
            optax's correction does not fit; ``update`` raises it where the parameters are left
            out.
        TypeError: if ``inner`` is not a transformation.

    Numerics: computed as ``a + s (w - a)`` with the share ``s = 1 - d``, or ``(1 - d)/(1 - d^t)``,
    or ``1/t``.
    In the form above, as in optax and Keras, ``d`` and ``1 - d`` are rounded each by itself and no
    longer add up to 1: for ``d = 0.9999`` in float32 the average of constant parameters drifts by
    up to 1.7e-4 of their size, unless the compiler fuses product and sum into one rounding.

    Source: Polyak and Juditsky 1992; Izmailov et al. 2018, "Averaging weights leads to wider
    optima and better generalization"; Kingma and Ba 2015, section 7.2.

    >>> from jaxnet.optim import sgd
    >>> optimizer = average_parameters(sgd(1.0), 0.5)
    >>> w, state = jnp.array([0.0]), optimizer.init(jnp.array([0.0]))
    >>> for g in [-1.0, -3.0]:
    ...     updates, state = optimizer.update(jnp.array([g]), state, w)
    ...     w = w + updates
    >>> w.tolist(), averaged_params(state).round(4).tolist()  # (0.5 * 1 + 4) / 1.5
    ([4.0], [3.0])
    """
    inner = as_transformation("inner", inner)
    start = check_choice("like", like, _STARTS) if debias else "initial"
    if decay is not None and not callable(decay):
        check_ranges(RANGES, decay=decay)
    fits, remedy = not callable(decay) or start != "corrected", "Pass like='torch' or debias=False."
    require(fits, "decay", "to be a number for like='optax'", "a function", remedy)

    def init(params: Any) -> AverageParametersState:
        # a copy: the caller may give the memory of the parameters away
        average = jax.tree.map(lambda w: jnp.array(widened(w)), params)
        return AverageParametersState(jnp.zeros((), jnp.int32), inner.init(params), average)

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, AverageParametersState]:
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        count = increment(state.count)
        d = rate_at(decay, state.count) if callable(decay) else decay

        def moved(a: Array, w: Array) -> Array:
            return a + _share(d, count, a, start) * (w.astype(a.dtype) - a)

        average = jax.tree.map(moved, state.average, optax.apply_updates(params, updates))
        return updates, AverageParametersState(count, inner_state, average)

    return transformation(init, update, like="average", needs_params=True)


def averaged_params(state: Any, params: Any = None) -> Any:
    """Return the averaged parameters that a state holds.

    It can be ``evaluate_at`` of `jaxnet.training.fit`, which then keeps and gives them.

    Args:
        state: of `average_parameters`, or of a chain or wrapper that has one within, such as
            ``result.state.opt_state`` of `jaxnet.training.fit`.
        params: the parameters that the optimizer has trained; not used.

    Returns:
        A tree like the parameters, in float32 at least; before the first step their initial
        values.

    Raises:
        ValueError: if there is no such average in the state, or more than one.
    """
    del params  # runs pass them to every function that selects parameters to evaluate
    return find_state(state, AverageParametersState).average


def _share(decay: Number | None, t: Array, a: Array, start: str) -> Array:
    """Return the share of the newest parameters in the average after ``t`` steps."""
    if decay is None:
        members = t + jnp.int32(start == "initial")
        return 1 / members.astype(a.dtype)
    d = cast(decay, a.dtype)
    share = jnp.asarray(1 - d, a.dtype)
    if start == "corrected":
        return share / bias_correction(d, t, a)
    return jnp.where(t == 1, jnp.ones_like(share), share) if start == "first" else share
