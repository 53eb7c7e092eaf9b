"""Reduce on plateau: a scale that falls when a metric stops improving."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax.numpy as jnp

from jaxnet.core.checks import check_choice, check_whole, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.functions.schedules.counts import (
    Number,
    Steps,
    as_float,
    as_scalar,
)

Like = Literal["optax", "torch", "keras"]


class PlateauState(NamedTuple):
    """State of reduce on plateau; each field is 0-d.

    Attributes:
        scale: factor of the learning rate.
        best_value: the best value so far.
        plateau_count: values since then that were no improvement, int32.
        cooldown_count: values that will still be ignored, int32.
    """

    scale: Array
    best_value: Array
    plateau_count: Array
    cooldown_count: Array

    __repr__ = represent


class Plateau(NamedTuple):
    """Reduce on plateau as two pure functions.

    Attributes:
        init: ``() -> state``.
        update: ``(state, value) -> state``, after each value of the metric.
    """

    init: Callable[[], PlateauState]
    update: Callable[[PlateauState, Array | float], PlateauState]

    __repr__ = represent


class _Convention(NamedTuple):
    rtol: float
    atol: float
    more_patience: int
    more_cooldown: int


CONVENTIONS = {
    "optax": _Convention(rtol=1e-4, atol=0.0, more_patience=0, more_cooldown=0),
    "torch": _Convention(rtol=1e-4, atol=0.0, more_patience=1, more_cooldown=0),
    "keras": _Convention(rtol=0.0, atol=1e-4, more_patience=0, more_cooldown=-1),
}


RANGES = {
    "factor": "(0, 1)",
    "rtol": "[0, 1)",
    "atol": "[0, inf)",
    "cooldown": "{0, 1, ...}",
    "min_scale": "[0, 1]",
}


@checked(RANGES)
def plateau(
    *,
    factor: Number = 0.1,
    patience: Steps = 10,
    rtol: Number | None = None,
    atol: Number | None = None,
    cooldown: Steps = 0,
    min_scale: Number = 0.0,
    mode: Literal["min", "max"] = "min",
    like: Like = "optax",
) -> Plateau:
    """Multiply a scale by ``factor`` when a metric has not improved ``patience`` times in a row.

    A value improves on the ``best`` one if ``value < best - rtol |best| - atol`` ("min"), or
    ``value > best + rtol |best| + atol`` ("max"). After a reduction, ``cooldown`` values are
    ignored, except that they may be the best.

    How the conventions of ``like`` differ:

    - optax: as above. It has no "max". Its margin has ``rtol best`` in place of ``rtol |best|``, so
      that it never reduces on a constant negative metric (optax pull request 1767); ours does.
    - torch: one value more before it reduces: ``patience`` are tolerated. The defaults are those
      of optax; its ``threshold`` is ``rtol``, or ``atol`` if ``threshold_mode="abs"``. It has the
      same mistake for negative metrics (pytorch issue 47513). Its ``eps``, a least change of the
      rate, 1e-8, has no counterpart, as the scale is independent of the rate.
    - keras: ``min_delta=1e-4`` is absolute: ``atol``. The last value of the cooldown counts
      already. It takes patience 0 for 1. A first value that is NaN stays its best one for ever.

    For all three, ``min_scale`` is the least learning rate over the initial one; a fixed
    ``patience`` reduces like PyTorch's ``patience - 1``.

    Args:
        factor: in (0, 1).
        patience: values without improvement, 1 or more; in PyTorch's convention 0 or more.
        rtol: relative margin of an improvement, in [0, 1); None for the convention's.
        atol: absolute margin of an improvement, 0 or more; None for the convention's.
        cooldown: values that are ignored after a reduction, 0 or more.
        min_scale: the least scale, in [0, 1].
        mode: whether the metric is to fall or to rise.
        like: whose convention to follow.

    Returns:
        The functions ``init`` and ``update``. A value that is NaN is no improvement.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: lecture 004, "Scheduling": by a factor of 0.1 when the test risk saturates.

    >>> rule = plateau(factor=0.5, patience=2)
    >>> state = rule.init()
    >>> for risk in [3.0, 2.0, 2.0, 2.0, 2.0]:
    ...     state = rule.update(state, risk)
    >>> float(state.scale), float(state.best_value), int(state.plateau_count)
    (0.5, 2.0, 1)
    """
    convention = check_choice("like", like, CONVENTIONS)
    sign = check_choice("mode", mode, {"min": 1.0, "max": -1.0})
    rtol = convention.rtol if rtol is None else rtol
    atol = convention.atol if atol is None else atol
    check_whole("patience", patience, minimum=1 - convention.more_patience)
    allowed = jnp.asarray(patience, jnp.int32) + convention.more_patience
    pause = jnp.maximum(jnp.asarray(cooldown, jnp.int32) + convention.more_cooldown, 0)

    def init() -> PlateauState:
        zero = jnp.zeros((), jnp.int32)
        return PlateauState(as_float(1.0), as_float(sign * math.inf), zero, zero)

    def update(state: PlateauState, value: Array | float) -> PlateauState:
        value = jnp.asarray(value, state.best_value.dtype)
        best = sign * state.best_value
        # a factor, for infinity minus a part of it is NaN
        margin = best * (1 - as_scalar(rtol) * jnp.sign(best)) - as_scalar(atol)
        improved = sign * value < margin
        bad = jnp.where(improved, 0, state.plateau_count + 1)
        cools = state.cooldown_count > 0
        reduces = ~cools & (bad >= allowed)
        least = jnp.maximum(state.scale * as_scalar(factor), as_float(min_scale))
        return PlateauState(
            scale=jnp.where(reduces, least, state.scale),
            best_value=jnp.where(improved, value, state.best_value),
            plateau_count=jnp.where(cools | reduces, 0, bad),
            cooldown_count=jnp.where(cools, state.cooldown_count - 1, jnp.where(reduces, pause, 0)),
        )

    return Plateau(init, update)
