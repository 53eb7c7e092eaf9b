"""Sums of the loss and the metrics over a mini-batch."""

from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import require
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array, Number, Params
from jaxnet.training.loop.objective import Objective

Sums: TypeAlias = dict[str, Array]
"""Name -> sum over the examples of a batch: the loss under ``"loss"``, and each metric."""


def batch_sums(objective: Objective, outputs: Array, targets: Array) -> Sums:
    """Sum the loss and each metric over a batch, in float32 at least.

    A sum in bfloat16 would stop growing at 256.

    Raises:
        ValueError: if one of them returns anything but one value an example.
    """
    sums = {"loss": _sum("loss", objective.loss.function(outputs, targets), outputs)}
    for name, metric in objective.metrics:
        sums[name] = jax.lax.stop_gradient(_sum(name, metric.function(outputs, targets), outputs))
    return sums


def batch_risk(objective: Objective, sums: Sums, params: Params, divisor: Number) -> Array:
    """Return the risk of a batch: its summed losses over ``divisor``, plus the penalty."""
    mean, penalty = sums["loss"] / divisor, objective.penalty
    return mean if penalty is None else mean + penalty.function(params)


def _sum(name: str, values: Array, outputs: Array) -> Array:
    expected = f"to give one value an example, shape {outputs.shape[:1]}"
    require(values.shape == outputs.shape[:1], name, expected, f"shape {values.shape}")
    return jnp.sum(values, dtype=at_least_float32(values.dtype))
