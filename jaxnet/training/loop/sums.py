"""Sums of the loss and the metrics over a mini-batch."""

from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import require
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array, ElementwiseLoss, Number, Params
from jaxnet.data.examples import Examples
from jaxnet.training.loop.objective import Objective

Sums: TypeAlias = dict[str, Array]
"""Name -> sum over the examples of a batch: the loss under ``"loss"``, and each metric."""


def batch_sums(objective: Objective, outputs: Array, batch: Examples) -> Sums:
    """Sum the loss and each metric of one value an example over a batch, in float32 at least.

    A sum in bfloat16 would stop growing at 256. If the examples have weights, it is a weighted sum.

    Raises:
        ValueError: if one of them returns anything but one value an example.
    """

    def weighted_sum(name: str, function: ElementwiseLoss) -> Array:
        values = function(outputs, batch.targets)
        expected = f"to give one value an example, shape {outputs.shape[:1]}"
        require(values.shape == outputs.shape[:1], name, expected, f"shape {values.shape}")
        values = values.astype(at_least_float32(values.dtype))
        weights = batch.weights
        return jnp.sum(values if weights is None else weights.astype(values.dtype) * values)

    sums = {"loss": weighted_sum("loss", objective.loss.function)}
    for name, metric in objective.metrics:
        if metric.whole_set:
            continue
        sums[name] = jax.lax.stop_gradient(weighted_sum(name, metric.function))
    return sums


def batch_risk(objective: Objective, sums: Sums, params: Params, divisor: Number) -> Array:
    """Return the risk of a batch: its summed losses over ``divisor``, plus the penalty."""
    mean = sums["loss"] / divisor
    if objective.penalty is None:
        return mean
    added = objective.penalty.function(params)
    require(not jnp.shape(added), "penalty", "to return a scalar", f"shape {jnp.shape(added)}")
    return mean + added
