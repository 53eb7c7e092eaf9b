"""The learning rate: a number, a 0-d array or a schedule of the step count."""

from typing import TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_scalar
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array
from jaxnet.functions.schedules import Schedule

LearningRate: TypeAlias = float | Array | np.ndarray | Schedule


def check_learning_rate(learning_rate: LearningRate) -> LearningRate:
    """Return the learning rate if it is a schedule, a 0-d array or a finite number of 0 or more."""
    if callable(learning_rate):
        return learning_rate
    return check_scalar("learning_rate", learning_rate, low=0.0)


def rate_at(learning_rate: LearningRate, count: Array) -> Array:
    """Return the rate for the step that follows ``count`` finished steps, as a 0-d array.

    The value of a schedule is taken as it is: one below 0 ascends.

    Raises:
        ValueError: if a schedule returns anything but a scalar.
    """
    rate = jnp.asarray(learning_rate(count) if callable(learning_rate) else learning_rate)
    if rate.ndim:
        remedy = "Return one rate for one count."
        raise invalid_value("rate", "to be a scalar", f"shape {rate.shape}", remedy)
    return rate
