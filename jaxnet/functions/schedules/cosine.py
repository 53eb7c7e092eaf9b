"""Cosine schedules: one decay, alternating decay and rise, decay with restarts."""

import jax.numpy as jnp

from jaxnet.core.checks import check_count, checked
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
    half_cosine,
    power,
    progress,
)


@checked(RANGES)
def cosine_decay(
    init_value: Number, decay_steps: Steps, *, alpha: Number = 0.0, exponent: Number = 1.0
) -> Schedule:
    """Decay along half a cosine, held at its end.

    ``rate = init ((1 - alpha) c^p + alpha)`` with ``c = (1 + cos(pi t / T)) / 2`` and ``t`` the
    count, at most ``T``. Equal to ``optax.cosine_decay_schedule`` and Keras's ``CosineDecay``.
    PyTorch's ``CosineAnnealingLR`` rises again after ``T``: see `cosine_annealing`.

    Args:
        init_value: rate of the first step, 0 or more.
        decay_steps: ``T``, the steps until the last value is reached, 1 to 2^31 - 1.
        alpha: the last value as a fraction of the first, in [0, 1].
        exponent: ``p``, above 0.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Numerics: ``c`` is computed as a squared sine of the steps that remain, for ``1 + cos`` cancels
    near the end.

    Source: Loshchilov and Hutter 2017, section 3, without restarts; lecture 004, "Scheduling".

    >>> schedule = cosine_decay(0.1, 10)
    >>> [round(float(schedule(count)), 6) for count in (0, 5, 10, 99)]
    [0.1, 0.05, 0.0, 0.0]
    """

    def rate(t: Array) -> Array:
        c = half_cosine(progress(t, decay_steps)[1], decay_steps)
        return as_scalar(init_value) * _raised(c, exponent, alpha)

    return from_rate(rate)


def _raised(c: Array, exponent: Number, alpha: Number) -> Array:
    """Return ``(1 - alpha) c^p + alpha``."""
    return (1 - as_scalar(alpha)) * c ** as_float(exponent) + as_scalar(alpha)


@checked(RANGES)
def cosine_annealing(
    init_value: Number, decay_steps: Steps, *, end_value: Number = 0.0
) -> Schedule:
    """A cosine wave that falls in ``T`` steps and rises in the next ``T``.

    ``rate = end + (init - end) (1 + cos(pi t / T)) / 2``. Equal to PyTorch's
    ``CosineAnnealingLR``, in its closed form and, to rounding, in the recursion that it runs by;
    the same as `cosine_decay` for ``T`` steps.

    Args:
        init_value: the rate at 0, 2 T, 4 T, ..., 0 or more.
        decay_steps: ``T``, 1 to 2^31 - 1.
        end_value: the rate at T, 3 T, ..., 0 or more.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Loshchilov and Hutter 2017, equation 5; the rise is PyTorch's.

    >>> schedule = cosine_annealing(0.1, 10)
    >>> [round(float(schedule(count)), 6) for count in (0, 5, 10, 15, 20)]
    [0.1, 0.05, 0.0, 0.05, 0.1]
    """

    def rate(t: Array) -> Array:
        steps = as_int(decay_steps, t)
        rises, done = (t // steps) % 2 == 1, t % steps
        done = jnp.where(rises, steps - done, done)
        parts = as_float(done), as_float(steps - done)
        return blend(half_cosine, init_value, end_value, *parts, steps)

    return from_rate(rate)


@checked(RANGES)
def cosine_restarts(
    init_value: Number,
    decay_steps: Steps,
    *,
    t_mul: int = 1,
    m_mul: Number = 1.0,
    alpha: Number = 0.0,
) -> Schedule:
    """Repeated decay along half a cosine: warm restarts (SGDR).

    In cycle ``i``, of ``T t_mul^i`` steps, of which ``s`` are done,
    ``rate = init ((1 - alpha) m_mul^i (1 + cos(pi s / (T t_mul^i))) / 2 + alpha)``.

    How the libraries differ:

    - PyTorch: ``CosineAnnealingWarmRestarts`` has no ``m_mul``; ``eta_min`` is ``alpha init``.
    - Keras: ``CosineDecayRestarts`` has ``t_mul=2`` by default, and takes fractions. It finds the
      cycle by a quotient of logarithms, which may be rounded to a restart one step late (seen in
      3.15.1 in float32 for ``t_mul=10`` and an array of counts). Here cycles are found in
      integers.
    - optax: ``sgdr_schedule`` is given each cycle by hand, with a warm-up, and ends with the last:
      `join` of `warmup_cosine_decay`.

    Args:
        init_value: rate of the first step, 0 or more.
        decay_steps: ``T``, the steps of the first cycle, 1 to 2^31 - 1.
        t_mul: how many times longer each cycle is than the one before, 1 or more; no array.
        m_mul: how many times higher each cycle starts than the one before, above 0.
        alpha: the lowest rate as a fraction of the first, in [0, 1].

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Loshchilov and Hutter 2017, section 3.

    >>> schedule = cosine_restarts(1.0, 2, t_mul=2)
    >>> [round(float(schedule(count)), 2) for count in range(7)]
    [1.0, 0.5, 1.0, 0.85, 0.5, 0.15, 1.0]
    """
    check_count("t_mul", t_mul)

    def rate(t: Array) -> Array:
        steps = as_int(decay_steps, t)
        firsts, rest = t // steps, steps - t % steps
        cycle, later = _cycle(firsts, t_mul)
        # in units of the first cycle's steps; a float, for it may be above 2^31
        remaining = (as_float(rest) + later * as_scalar(steps)) / float(t_mul) ** as_float(cycle)
        c = half_cosine(remaining, steps)
        return as_scalar(init_value) * _raised(power(m_mul, cycle) * c, 1.0, alpha)

    return from_rate(rate)


def _cycle(firsts: Array, factor: int) -> tuple[Array, Array]:
    """Return the index of the cycle, and the remaining length of it in first cycles.

    Args:
        firsts: how many times the first cycle fits into the steps that are finished.
        factor: how many times longer each cycle is.
    """
    if factor == 1:
        return firsts, as_float(jnp.zeros_like(firsts))
    largest = jnp.iinfo(firsts.dtype).max
    ends = [1]  # 1, 1 + f, 1 + f + f^2, ...
    while ends[-1] <= largest:
        ends.append(ends[-1] * factor + 1)
    begun = jnp.asarray(ends[:-1], firsts.dtype).reshape((1,) * firsts.ndim + (-1,))
    cycle = jnp.sum(firsts[..., None] >= begun, axis=-1)
    # the last end is no count: what it exceeds the largest by is added as a float
    table = jnp.asarray([*ends[:-1], largest], firsts.dtype)
    beyond = as_float([0.0] * (len(ends) - 1) + [float(ends[-1] - largest)])
    return cycle, as_float(table[cycle] - 1 - firsts) + beyond[cycle]
