"""Linear warm-up to the first rate of another schedule."""

import numbers

import jax.numpy as jnp

from jaxnet.core.checks import check_whole, checked
from jaxnet.core.types import Array
from jaxnet.functions.schedules.counts import (
    RANGES,
    Number,
    Schedule,
    Steps,
    as_float,
    as_int,
    as_scalar,
    from_rate,
    half_cosine,
    progress,
)
from jaxnet.functions.schedules.decay import constant, exponential_decay


@checked(RANGES)
def warmup(schedule: Schedule, warmup_steps: Steps, *, init_value: Number = 0.0) -> Schedule:
    """A schedule after a linear warm-up to its first rate.

    ``rate = init + (schedule(0) - init) t / W`` for counts below ``W``, then ``schedule(t - W)``.
    From 0, the first step is wasted: ``init_value = schedule(0) / (W + 1)`` gives the ramp
    ``(t + 1) / (W + 1)``.

    Args:
        schedule: what follows; it counts from its own start.
        warmup_steps: ``W``, the finished steps at which it is reached, 0 or more.
        init_value: the first rate, 0 or more.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Goyal et al. 2017, section 2.2.

    >>> from jaxnet.functions.schedules import inverse_time_decay
    >>> schedule = warmup(inverse_time_decay(1.0), 2)
    >>> [round(float(schedule(count)), 4) for count in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.3333]
    """

    def rate(t: Array) -> Array:
        steps = as_int(warmup_steps, t)
        following = as_float(schedule(jnp.maximum(t - steps, 0)))  # its first rate, until it begins
        done, remaining = progress(t, steps)
        length = jnp.maximum(done + remaining, 1.0)
        ramp = as_scalar(init_value) * (remaining / length) + following * (done / length)
        return jnp.where(t < steps, ramp, following)

    return from_rate(rate)


@checked(RANGES)
def warmup_constant(init_value: Number, peak_value: Number, warmup_steps: Steps) -> Schedule:
    """Linear warm-up to a constant rate; equal to ``optax.warmup_constant_schedule``.

    ``rate = init + (peak - init) min(t / W, 1)``, with ``W`` steps of warm-up.

    Args:
        init_value: the first rate, 0 or more.
        peak_value: the rate from ``warmup_steps`` on, 0 or more.
        warmup_steps: the steps of the warm-up, 0 or more. (optax stays at ``init_value`` for 0.)

    Raises:
        ValueError: if an argument given as a number is out of its range.

    >>> schedule = warmup_constant(0.0, 1.0, 4)
    >>> [float(schedule(count)) for count in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    return warmup(constant(peak_value), warmup_steps, init_value=init_value)


@checked(RANGES)
def warmup_cosine_decay(
    init_value: Number,
    peak_value: Number,
    warmup_steps: Steps,
    decay_steps: Steps,
    *,
    end_value: Number = 0.0,
    exponent: Number = 1.0,
) -> Schedule:
    """Linear warm-up, then decay along half a cosine, held at its end.

    After ``W`` steps of `warmup`, ``rate = end + (peak - end) c^p`` with
    ``c = (1 + cos(pi (t - W) / (T - W))) / 2``, up to count ``T``. Equal to
    ``optax.warmup_cosine_decay_schedule``, whose ``decay_steps`` include the warm-up.
    Keras's ``CosineDecay`` with ``warmup_target`` counts them without it.

    Args:
        init_value: the first rate, 0 or more.
        peak_value: the rate at ``warmup_steps``, 0 or more.
        warmup_steps: the steps of the warm-up, 0 or more.
        decay_steps: the steps of warm-up and fall together, above ``warmup_steps``.
        end_value: the last rate, 0 or more.
        exponent: of the cosine as in `cosine_decay`, above 0.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Loshchilov and Hutter 2017, section 3; Goyal et al. 2017, section 2.2.

    >>> schedule = warmup_cosine_decay(0.0, 1.0, 2, 6)
    >>> [round(float(schedule(count)), 6) for count in (0, 1, 2, 4, 6, 9)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
    """
    least = int(warmup_steps) + 1 if isinstance(warmup_steps, numbers.Integral) else 1
    check_whole("decay_steps", decay_steps, minimum=least)

    def fall(t: Array) -> Array:
        steps = as_int(decay_steps, t) - as_int(warmup_steps, t)
        c = half_cosine(progress(t, steps)[1], steps) ** as_float(exponent)
        return (as_scalar(peak_value) - as_scalar(end_value)) * c + as_scalar(end_value)

    return warmup(fall, warmup_steps, init_value=init_value)


@checked(RANGES)
def warmup_exponential_decay(
    init_value: Number,
    peak_value: Number,
    warmup_steps: Steps,
    transition_steps: Steps,
    decay_rate: Number,
    *,
    transition_begin: Steps = 0,
    staircase: bool = False,
    end_value: Number | None = None,
) -> Schedule:
    """Linear warm-up, then `exponential_decay`.

    After ``W`` steps of `warmup`, ``rate = peak r^((t - W - begin) / T)``. Equal to
    ``optax.warmup_exponential_decay_schedule``.

    Args:
        init_value: the first rate, 0 or more.
        peak_value: the rate at ``warmup_steps``, 0 or more.
        warmup_steps: the steps of the warm-up, 0 or more.
        transition_steps: the steps in which the rate falls by the factor, 1 or more.
        decay_rate: that factor, above 0.
        transition_begin: steps after the warm-up at which the decay begins, 0 or more.
        staircase: whether the exponent is rounded down.
        end_value: the lowest rate, or the highest if the factor is 1 or more; None for no bound.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    >>> schedule = warmup_exponential_decay(0.0, 1.0, 2, 1, 0.5)
    >>> [float(schedule(count)) for count in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    decay = exponential_decay(
        peak_value,
        transition_steps,
        decay_rate,
        transition_begin=transition_begin,
        staircase=staircase,
        end_value=end_value,
    )
    return warmup(decay, warmup_steps, init_value=init_value)
