"""Decaying schedules: linear, polynomial, inverse-time, exponential, stepwise."""

import jax.numpy as jnp

from jaxnet.core.checks import checked
from jaxnet.core.types import Array
from jaxnet.functions.schedules.counts import (
    RANGES,
    Number,
    Schedule,
    Steps,
    as_float,
    as_int,
    as_scalar,
    blend,
    from_rate,
    line,
    power,
    progress,
    quotient,
)


@checked(RANGES)
def constant(value: Number) -> Schedule:
    """The same rate at every step, ``rate = value``; equal to ``optax.constant_schedule``.

    Args:
        value: the rate, 0 or more.

    Raises:
        ValueError: if the value, given as a number, is negative.

    >>> float(constant(0.5)(7))
    0.5
    """
    return from_rate(lambda _: as_scalar(value))


@checked(RANGES)
def linear(
    init_value: Number, end_value: Number, transition_steps: Steps, *, transition_begin: Steps = 0
) -> Schedule:
    """A straight line from one rate to another, held before and after.

    ``rate = init (1 - u) + end u`` with ``u = (t - begin) / T``, kept in [0, 1]. Equal to
    ``optax.linear_schedule``, and to PyTorch's ``LinearLR`` with ``start_factor`` and
    ``end_factor`` times its base rate (which refuses a start at 0).

    Args:
        init_value: the rate until ``transition_begin``, 0 or more.
        end_value: the rate from ``transition_begin + transition_steps`` on, 0 or more.
        transition_steps: ``T``, 1 or more.
        transition_begin: finished steps at which the line begins, 0 or more.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    >>> schedule = linear(0.0, 1.0, 4)
    >>> [float(schedule(count)) for count in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """

    def rate(t: Array) -> Array:
        done, remaining = progress(t, transition_steps, transition_begin)
        return blend(line, init_value, end_value, done, remaining, transition_steps)

    return from_rate(rate)


@checked(RANGES)
def polynomial(
    init_value: Number,
    end_value: Number,
    power: Number,
    transition_steps: Steps,
    *,
    transition_begin: Steps = 0,
    cycle: bool = False,
) -> Schedule:
    """A power of the steps that remain: from one rate to another, held before and after.

    ``rate = (init - end) (1 - u)^P + end`` with ``u = (t - begin) / T``, kept in [0, 1]. Equal to
    ``optax.polynomial_schedule`` and Keras's ``PolynomialDecay``; to PyTorch's ``PolynomialLR``
    for an end at 0. The lectures' polynomial decay is `inverse_polynomial_decay`.

    Args:
        init_value: the rate until ``transition_begin``, 0 or more.
        end_value: the rate from ``transition_begin + transition_steps`` on, 0 or more.
        power: ``P``, above 0.
        transition_steps: ``T``, 1 or more.
        transition_begin: finished steps at which the transition begins, 0 or more.
        cycle: Keras's: stretch ``T`` to its next multiple whenever the end is passed, so that the
            rate jumps up and falls again; each time it jumps less high.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Numerics: the steps that remain are counted, not computed as ``1 - t / T``, which, compiled for
    a CPU, may be negative at ``T``: for T = 3, 5, 6, 7, 9, ... and a fractional ``P`` optax
    0.2.8 and Keras 3.15.1 return NaN from ``T`` on.

    >>> schedule = polynomial(1.0, 0.0, 2, 4)
    >>> [float(schedule(count)) for count in (0, 2, 4, 9)]
    [1.0, 0.25, 0.0, 0.0]
    """

    def rate(t: Array) -> Array:
        done, remaining = progress(t, transition_steps, transition_begin)
        if cycle:
            passed = jnp.maximum(t - as_int(transition_begin, t), 0)
            to_next = -passed % as_int(transition_steps, t)
            done = as_float(passed)
            remaining = as_float(jnp.where(passed == 0, as_int(transition_steps, t), to_next))
        total = done + remaining
        left = (remaining / total) ** as_float(power)
        # 1 - left, which cancels while most remains
        early = -jnp.expm1(as_float(power) * jnp.log1p(-jnp.minimum(done / total, 0.5)))
        right = jnp.where(done <= remaining, early, 1 - left)
        return as_scalar(init_value) * left + as_scalar(end_value) * right

    return from_rate(rate)


@checked(RANGES | {"decay_rate": "[0, inf)"})
def inverse_time_decay(
    init_value: Number,
    transition_steps: Steps = 1,
    decay_rate: Number = 1.0,
    *,
    staircase: bool = False,
) -> Schedule:
    """A rate that falls as the inverse of time: ``rate = init / (1 + kappa t / T)``.

    The lecture's ``eta / (t + 1)``, which it calls linear decay, with the defaults. Equal to
    Keras's ``InverseTimeDecay``. It falls for ever, and its sum diverges while the sum of its
    squares does not: Robbins and Monro's condition for convergence.

    Args:
        init_value: the first rate, 0 or more.
        transition_steps: ``T``, 1 or more.
        decay_rate: ``kappa``, 0 or more.
        staircase: whether ``t / T`` is rounded down.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: lecture 004, "Scheduling"; Robbins and Monro 1951, section 4.

    >>> schedule = inverse_time_decay(1.0)
    >>> [float(schedule(count)) for count in (0, 1, 3)]
    [1.0, 0.5, 0.25]
    """

    def rate(t: Array) -> Array:
        count, fraction = quotient(t, transition_steps)
        elapsed = as_float(count) + (0.0 if staircase else fraction)
        return as_scalar(init_value) / (1 + as_scalar(decay_rate) * elapsed)

    return from_rate(rate)


@checked(RANGES | {"power": "[0, inf)"})
def inverse_polynomial_decay(init_value: Number, power: Number) -> Schedule:
    """A rate that falls as an inverse power of time: ``rate = init / (t + 1)^P``.

    The lecture's polynomial decay: 1 is `inverse_time_decay`, 1/2 the inverse square root. No
    relation of `polynomial`, which reaches its end.

    Args:
        init_value: the first rate, 0 or more.
        power: ``P``, 0 or more; in (1/2, 1] Robbins and Monro's condition holds.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: lecture 004, "Scheduling".

    >>> schedule = inverse_polynomial_decay(1.0, 0.5)
    >>> [float(schedule(count)) for count in (0, 3, 15)]
    [1.0, 0.5, 0.25]
    """

    def rate(t: Array) -> Array:
        return as_scalar(init_value) * (as_float(t) + 1) ** -as_float(power)

    return from_rate(rate)


@checked(RANGES)
def exponential_decay(
    init_value: Number,
    transition_steps: Steps,
    decay_rate: Number,
    *,
    transition_begin: Steps = 0,
    staircase: bool = False,
    end_value: Number | None = None,
) -> Schedule:
    """A rate that falls by one factor in every ``T`` steps: ``rate = init r^((t - begin) / T)``.

    Equal to ``optax.exponential_decay``, to Keras's ``ExponentialDecay``, to PyTorch's
    ``ExponentialLR`` with ``T = 1``, and with ``r = e^-kappa, T = 1`` to the lecture's
    ``eta e^(-kappa t)``.

    Args:
        init_value: the rate until ``transition_begin``, 0 or more.
        transition_steps: ``T``, 1 or more.
        decay_rate: ``r``, above 0. (For optax 0 means no decay; in Keras it gives 0.)
        transition_begin: finished steps at which the decay begins, 0 or more.
        staircase: whether ``(t - begin) / T`` is rounded down.
        end_value: the lowest rate, or the highest if ``r`` is 1 or more; 0 or more. None for no
            bound: the rate falls to 0.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: lecture 004, "Scheduling".

    >>> schedule = exponential_decay(1.0, 2, 0.25)
    >>> [float(schedule(count)) for count in (0, 1, 2, 4)]
    [1.0, 0.5, 0.25, 0.0625]
    """

    def rate(t: Array) -> Array:
        passed = jnp.maximum(t - as_int(transition_begin, t), 0)
        count, fraction = quotient(passed, transition_steps)
        value = as_scalar(init_value) * power(decay_rate, count, 0.0 if staircase else fraction)
        if end_value is None:
            return value
        above, below = (
            jnp.maximum(value, as_float(end_value)),
            jnp.minimum(value, as_float(end_value)),
        )
        return jnp.where(as_float(decay_rate) < 1, above, below)

    return from_rate(rate)


@checked(RANGES)
def step_decay(init_value: Number, transition_steps: Steps, decay_rate: Number = 0.1) -> Schedule:
    """A rate multiplied by one factor after every ``T`` steps: ``rate = init r^floor(t / T)``.

    Equal to PyTorch's ``StepLR``, which multiplies recursively, and to `exponential_decay` in
    a staircase.

    Args:
        init_value: the first rate, 0 or more.
        transition_steps: ``T``, 1 or more.
        decay_rate: ``r``, above 0.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    >>> schedule = step_decay(1.0, 3, 0.5)
    >>> [float(schedule(count)) for count in (0, 2, 3, 6)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def rate(t: Array) -> Array:
        return as_scalar(init_value) * power(decay_rate, quotient(t, transition_steps)[0])

    return from_rate(rate)
