"""Sums of the loss and the metrics over a mini-batch."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import as_number, check_floating, check_real, require, require_type
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
        values = _one_each(name, function(outputs, batch.targets), outputs.shape[:1])
        weights = batch.weights
        return jnp.sum(values if weights is None else weights.astype(values.dtype) * values)

    sums = {"loss": weighted_sum("loss", objective.loss.function)}
    for name, metric in objective.metrics:
        if metric.whole_set:
            continue
        sums[name] = jax.lax.stop_gradient(weighted_sum(name, metric.function))
    return sums


def _one_each(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Return the values of a loss or metric, floating-point: booleans and integers count as such.

    In integers a fractional weight would be cut off.
    """
    is_array = hasattr(values, "dtype")
    actual = f"shape {values.shape}" if is_array else f"a {type(values).__name__}"
    good = is_array and values.shape == shape
    require(good, name, f"to give one value an example, shape {shape}", actual)
    if name == "loss":
        check_floating(name, values)
    elif values.dtype != bool:
        check_real(name, values)
    floating = jnp.issubdtype(values.dtype, jnp.floating)
    return values.astype(at_least_float32(values.dtype) if floating else float)


def check_sums(objective: Objective, sums: Any) -> None:
    """Raise a TypeError unless these are the sums of an objective's loss and metrics."""
    names = {"loss", *(name for name, metric in objective.metrics if not metric.whole_set)}
    is_dict = isinstance(sums, dict)
    expected = f"to be a dictionary of {', '.join(sorted(names))}"
    actual = ", ".join(sorted(sums)) if is_dict else f"a {type(sums).__name__}"
    remedy = "jaxnet.training.loop.sums.batch_sums gives them."
    good = is_dict and sums.keys() == names
    require_type(good, "sums of the gradient", expected, actual, remedy)
    for name, value in sums.items():
        check_floating(f"sum of {name}", as_number(f"sum of {name}", value))


def batch_risk(objective: Objective, sums: Sums, params: Params, divisor: Number) -> Array:
    """Return the risk of a batch: its summed losses over ``divisor``, plus the penalty."""
    mean = sums["loss"] / divisor
    if objective.penalty is None:
        return mean
    return mean + as_number("penalty", objective.penalty.function(params))
