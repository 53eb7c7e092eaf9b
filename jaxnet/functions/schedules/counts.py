"""Shared parts of schedules: integer step counts, ranges, and precise interpolation."""

import math
import numbers
from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import LARGEST, check_whole, ranges_by_name, require_type
from jaxnet.core.types import AnyArray, Array

Schedule: TypeAlias = Callable[[Any], Array]
"""``count -> rate``; ``count`` is an integer or an array of them: the steps finished before."""

Number: TypeAlias = float | AnyArray
"""A hyperparameter: a number, whose range is checked, or a 0-d array, which may be traced."""

Steps: TypeAlias = int | AnyArray
"""A number of steps: an integer, whose range is checked, or a 0-d array, which may be traced."""


def from_rate(rate: Callable[[Array], Any]) -> Schedule:
    """Return the schedule of a formula.

    Args:
        rate: the formula: ``t``, an array of integers of 0 or more, to the rate.

    Returns:
        A schedule that takes an integer or an array of them, and returns rates of that shape, in
        float32, or float64 where that is JAX's default. A negative count in an array counts as 0,
        one above 2^31 - 1 as that, unless JAX's default integers hold it. It raises a ValueError
        for a number out of this range, and a TypeError for other types.
    """

    def schedule(count: Any) -> Array:
        if isinstance(count, numbers.Integral) and not isinstance(count, bool):
            check_whole("count", count, minimum=0)
        elif _is_wide(getattr(count, "dtype", None)):
            count = count.clip(0, LARGEST)  # converted to int32, it could be any other
        t = jnp.asarray(count)
        integer = jnp.issubdtype(t.dtype, jnp.integer)
        require_type(integer, "count", "to be an integer", t.dtype)
        t = jnp.maximum(t if t.dtype == jnp.int64 else t.astype(jnp.int32), 0)
        return jnp.broadcast_to(as_float(rate(t)), t.shape)

    return schedule


def _is_wide(dtype: Any) -> bool:
    """Return whether JAX narrows integers of a dtype."""
    return dtype in ("uint32", "int64", "uint64") and dtype != jnp.result_type(int)


RANGES = ranges_by_name(
    {
        "[0, inf)": "end_value factor init_value peak_value scales value",
        "(0, inf)": "decay_rate div_factor exponent final_div_factor gamma m_mul power",
        "[0, 1]": "alpha pct_start",
        "{0, 1, ...}": "steps transition_begin warmup_steps",
        "{False, True}": "cycle staircase",
        "{1, 2, ...}": "decay_steps step_size_down step_size_up transition_steps",
    }
)
"""Name of a hyperparameter -> its range, see `jaxnet.core.checks.check_ranges`."""


def as_float(value: Any) -> Array:
    """Return an array in JAX's default precision."""
    return jnp.asarray(value, jnp.result_type(float))


def as_scalar(value: Number) -> Any:
    """Return a Python number as it is, for arithmetic in float64, or `as_float`."""
    return value if isinstance(value, int | float) else as_float(value)


def as_int(steps: Steps, t: Array) -> Any:
    """Return steps for arithmetic with ``t``: a Python integer, or an array of its dtype."""
    return int(steps) if isinstance(steps, numbers.Integral) else jnp.asarray(steps, t.dtype)


def progress(t: Array, steps: Steps, begin: Steps = 0) -> tuple[Array, Array]:
    """Return the numbers of done and of remaining ``steps`` at ``t``, from ``begin`` on.

    Computed in integers before `as_float`: float32 rounds counts above 2^24.

    >>> [float(part) for part in progress(jnp.int32(7), 4, 5)]
    [2.0, 2.0]
    """
    steps = as_int(steps, t)
    done = jnp.clip(t - as_int(begin, t), 0, steps)
    return as_float(done), as_float(steps - done)


def quotient(t: Array, steps: Steps) -> tuple[Array, Array]:
    """Return ``t / steps`` as an integer quotient and a fraction in `as_float`.

    >>> [float(part) for part in quotient(jnp.int32(7), 4)]
    [1.0, 0.75]
    """
    steps = as_int(steps, t)
    return t // steps, as_float(t % steps) / as_scalar(steps)


def power(base: Number, count: Array, fraction: Number = 0.0) -> Array:
    """Return ``base^(count + fraction)``, precise in float32 for a Python number ``base`` too.

    0.9 is rounded to float32 by 2.6e-8 of itself, which its 200th power raises to 5e-6:
    ``b^n = b32^n exp(n log(b / b32))`` takes that back.

    Args:
        base: above 0.
        count: an integer.
        fraction: in [0, 1).

    >>> float(power(0.5, jnp.int32(3), 0.0))
    0.125
    """
    rounded, n = as_float(base), as_float(count)
    result = rounded**n * rounded ** as_float(fraction)
    if not isinstance(base, int | float):
        return result
    lost = math.log(base / float(np.asarray(base, rounded.dtype)))
    return result * jnp.exp((n + fraction) * lost) if lost else result


def line(part: Array, steps: Steps | float) -> Array:
    """Return ``part / steps``: it rises from 0 to 1 along a straight line."""
    return part / as_scalar(steps)


def half_cosine(part: Array, steps: Steps | float) -> Array:
    """Return ``(1 - cos(pi part / steps)) / 2``, which rises from 0 to 1 along half a cosine.

    As ``sin(pi part / 2 steps)^2``, which does not cancel near 0. A Python number ``steps`` enters
    in two numbers, the first of 8 bits, so that the angle is rounded once and not three times.
    """
    if not isinstance(steps, int | float):
        return jnp.square(jnp.sin(part * (math.pi / 2) / as_float(steps)))
    fraction, exponent = math.frexp(math.pi / 2 / steps)
    coarse = math.ldexp(round(fraction * 256), exponent - 8)
    fine = math.pi / 2 / steps - coarse
    return jnp.square(jnp.sin(part * coarse + part * fine))


Shape: TypeAlias = Callable[[Array, Any], Array]
"""How a rate rises from one value to the next: `line` or `half_cosine`."""

SHAPES: dict[str, Shape] = {"linear": line, "cosine": half_cosine}
"""Name -> shape."""


def blend(
    shape: Shape, init: Number, end: Number, done: Array, remaining: Array, steps: Any
) -> Any:
    """Return the value between ``init`` and ``end`` after ``done`` of ``steps``.

    Both are weighted, for ``init + (end - init) share`` cancels where one is far smaller.

    Args:
        shape: `line` or `half_cosine`.
        init: the value when nothing is done.
        end: the value when nothing remains.
        done: steps done.
        remaining: steps that remain.
        steps: their sum.

    >>> float(blend(line, 1.0, 3.0, jnp.array(1.0), jnp.array(3.0), 4))
    1.5
    """
    return as_scalar(init) * shape(remaining, steps) + as_scalar(end) * shape(done, steps)
