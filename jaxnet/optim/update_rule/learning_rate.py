"""The learning rate: a number, a 0-d array or a schedule of the step count."""

from typing import TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import as_number, check_function, check_ranges
from jaxnet.core.types import Array
from jaxnet.functions.schedules import Schedule

LearningRate: TypeAlias = float | Array | np.ndarray | Schedule
"""A number, a 0-d array, or a schedule of the number of finished steps."""


def check_rates(**rates: LearningRate) -> None:
    """Check learning rates or weight decays: a schedule, or a finite scalar of 0 or more."""
    numbers = {name: rate for name, rate in rates.items() if not callable(rate)}
    for name in rates.keys() - numbers:
        check_function(name, rates[name], takes="count")
    check_ranges(dict.fromkeys(numbers, "[0, inf)"), **numbers)


def rate_at(learning_rate: LearningRate, count: Array) -> Array:
    """Return the rate for the step that follows ``count`` finished steps, as a 0-d array.

    The value of a schedule is taken as it is: one below 0 ascends.

    Raises:
        ValueError: if a schedule returns anything but a scalar.
    """
    if not callable(learning_rate):
        return jnp.asarray(learning_rate)
    return as_number("schedule", learning_rate(count))
