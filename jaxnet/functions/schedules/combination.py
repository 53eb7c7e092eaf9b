"""Combinations of schedules: joined, scaled, delayed."""

import numbers
from collections.abc import Sequence

import jax.numpy as jnp

from jaxnet.core.checks import check_function, check_ranges, check_whole, checked, require
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
)

CONSTANT = "For a constant pass constant(value)."


def join(schedules: Sequence[Schedule], boundaries: Sequence[Steps]) -> Schedule:
    """One schedule after another; each counts from its own start.

    From count ``boundaries[i]`` on, ``schedules[i + 1]`` is followed. Equal to
    ``optax.join_schedules`` and, but for the last digits, to PyTorch's ``SequentialLR``.

    Args:
        schedules: one or more.
        boundaries: the counts, rising, at which each but the first begins, 0 or more.

    Raises:
        ValueError: if there is not one boundary fewer than schedules, if the boundaries fall, or
            if one given as a number is out of its range.
        TypeError: if one of ``schedules`` is not a function.

    >>> from jaxnet.functions.schedules import constant, linear
    >>> schedule = join([constant(1.0), linear(0.5, 0.0, 2)], [3])
    >>> [float(schedule(count)) for count in range(6)]
    [1.0, 1.0, 1.0, 0.5, 0.25, 0.0]
    """
    for i, schedule in enumerate(schedules):
        check_function(f"schedules[{i}]", schedule, CONSTANT)
    expected = f"to be one fewer than the {len(schedules)} schedules"
    require(len(boundaries) == len(schedules) - 1, "boundaries", expected, len(boundaries))
    for boundary in boundaries:
        check_whole("boundaries", boundary, minimum=0)
    known = [boundary for boundary in boundaries if isinstance(boundary, numbers.Integral)]
    require(known == sorted(set(known)), "boundaries", "to rise", known)

    def rate(t: Array) -> Array:
        value = as_float(schedules[0](t))
        for boundary, following in zip(boundaries, schedules[1:], strict=True):
            since = t - as_int(boundary, t)
            value = jnp.where(since < 0, value, as_float(following(jnp.maximum(since, 0))))
        return value

    return from_rate(rate)


def scale(schedule: Schedule, factor: Number | Schedule) -> Schedule:
    """A schedule times a number, or times another schedule.

    ``rate = factor schedule(t)``, or ``rate = factor(t) schedule(t)``. PyTorch's
    ``ChainedScheduler`` multiplies schedules, too, but those of them that are written as
    recursions, such as ``CosineAnnealingLR``, take the others' rates for their own.

    Args:
        schedule: the schedule.
        factor: 0 or more; a number, a 0-d array or a schedule.

    Raises:
        ValueError: if the factor, given as a number, is negative.
        TypeError: if ``schedule`` is not a function.

    >>> from jaxnet.functions.schedules import linear
    >>> float(scale(linear(1.0, 0.0, 4), 3.0)(2))
    1.5
    """
    check_function("schedule", schedule, CONSTANT)
    if not callable(factor):
        check_ranges(RANGES, factor=factor)

    def rate(t: Array) -> Array:
        return as_float(schedule(t)) * (
            as_float(factor(t)) if callable(factor) else as_scalar(factor)
        )

    return from_rate(rate)


@checked(RANGES)
def delay(schedule: Schedule, steps: Steps) -> Schedule:
    """A delayed schedule, with its first rate until it begins.

    ``rate = schedule(max(t - steps, 0))``.

    Args:
        schedule: the schedule.
        steps: finished steps at which it begins, 0 or more.

    Raises:
        ValueError: if ``steps``, given as a number, is out of range.
        TypeError: if ``schedule`` is not a function.

    >>> from jaxnet.functions.schedules import linear
    >>> schedule = delay(linear(1.0, 0.0, 4), 10)
    >>> [float(schedule(count)) for count in (0, 10, 12)]
    [1.0, 1.0, 0.5]
    """
    check_function("schedule", schedule, CONSTANT)
    return from_rate(lambda t: schedule(jnp.maximum(t - as_int(steps, t), 0)))
