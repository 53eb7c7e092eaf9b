"""Learning-rate schedules: ``count -> rate``, where ``count`` steps have been finished before."""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp

from jaxnet.core.checks import check_count, check_range
from jaxnet.core.types import Array

Schedule: TypeAlias = Callable[[Array], Array]


def cosine_decay(init_value: float | Array, decay_steps: int, *, alpha: float = 0.0) -> Schedule:
    """Return a schedule that falls along half a cosine from ``init_value``.

    ``rate = init_value ((1 - alpha) (1 + cos(pi t / T)) / 2 + alpha)`` with ``t`` the count, at
    most ``T``. Equal to ``optax.cosine_decay_schedule``.

    Args:
        init_value: rate of the first step, 0 or more.
        decay_steps: ``T``, the steps until the last value is reached, 1 to 2^31 - 1.
        alpha: the last value as a fraction of the first, in [0, 1].

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Loshchilov and Hutter 2017, section 3, without restarts; lecture 004, "Scheduling".

    >>> schedule = cosine_decay(0.1, 10)
    >>> [round(float(schedule(jnp.array(count))), 6) for count in (0, 5, 10, 99)]
    [0.1, 0.05, 0.0, 0.0]
    """
    check_range("cosine_decay", "init_value", init_value, low=0.0)
    check_count("cosine_decay", "decay_steps", decay_steps)
    check_range("cosine_decay", "decay_steps", decay_steps, high=2**31 - 1)
    check_range("cosine_decay", "alpha", alpha, low=0.0, high=1.0)

    def schedule(count: Array) -> Array:
        dtype = jnp.result_type(float)
        done = jnp.minimum(count, decay_steps).astype(dtype) / decay_steps
        factor = (1 - alpha) * 0.5 * (1 + jnp.cos(math.pi * done)) + alpha
        return jnp.asarray(init_value, dtype) * factor

    return schedule
