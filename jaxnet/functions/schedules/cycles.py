"""Cyclical learning rates."""

import numbers
from typing import Literal, get_args

import jax.numpy as jnp

from jaxnet.core.checks import check_choice, check_whole, checked
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
    power,
)

Mode = Literal["triangular", "triangular2", "exp_range"]


@checked(RANGES)
def cyclic(
    init_value: Number,
    peak_value: Number,
    step_size_up: Steps,
    *,
    step_size_down: Steps | None = None,
    mode: Mode = "triangular",
    gamma: Number = 1.0,
) -> Schedule:
    """Triangular cycles: linear rise and linear fall, repeated.

    ``rate = init + (peak - init) h a``, where ``h`` rises from 0 to 1 in the steps up and falls in
    the steps down, and the amplitude ``a`` is 1, or ``2^-i`` in cycle ``i`` ("triangular2"), or
    ``gamma^t`` ("exp_range"). Equal to PyTorch's ``CyclicLR``, but for the momentum, which that
    cycles by default. optax and Keras have none.

    Args:
        init_value: the rate at the start of each cycle, 0 or more.
        peak_value: the rate at the top of the first cycle, 0 or more.
        step_size_up: the steps up, 1 or more.
        step_size_down: the steps down, 1 or more; None for as many. Both together are 2^31 - 1 at
            most.
        mode: how the amplitude changes.
        gamma: above 0; only "exp_range" has it.

    Raises:
        ValueError: if an argument given as a number is out of its range, or for another mode.

    Source: Smith 2017, section 3.

    >>> schedule = cyclic(0.0, 1.0, 2, step_size_down=1, mode="triangular2")
    >>> [float(schedule(count)) for count in range(6)]
    [0.0, 0.5, 1.0, 0.0, 0.25, 0.5]
    """
    down_steps = step_size_up if step_size_down is None else step_size_down
    if all(isinstance(steps, numbers.Integral) for steps in (step_size_up, down_steps)):
        period = int(step_size_up) + int(down_steps)
        check_whole("step_size_up + step_size_down", period)
    check_choice("mode", mode, dict.fromkeys(get_args(Mode)))

    def rate(t: Array) -> Array:
        up, down = as_int(step_size_up, t), as_int(down_steps, t)
        cycle, s = t // (up + down), t % (up + down)
        height = jnp.where(
            s <= up, as_float(s) / as_scalar(up), as_float(up + down - s) / as_scalar(down)
        )
        rise = as_scalar(peak_value) - as_scalar(init_value)
        amplitudes = {
            "triangular": 1.0,
            "triangular2": power(0.5, cycle),
            "exp_range": power(gamma, t),
        }
        return as_scalar(init_value) + rise * height * amplitudes[mode]

    return from_rate(rate)
