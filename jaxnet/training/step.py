"""One step of training: a mini-batch's gradient, and the update that it leads to."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, ElementwiseLoss, Key, Layer, Params, Statistics
from jaxnet.data.examples import Examples

Sums: TypeAlias = dict[str, Array]
"""Name -> sum over the examples of a batch: the loss under ``"loss"``, and each metric."""


class StepState(NamedTuple):
    """What one step hands to the next."""

    params: Params
    statistics: Statistics
    opt_state: Any


Step: TypeAlias = Callable[[StepState, Examples, Key, float], tuple[StepState, Sums]]


def make_step(
    network: Layer,
    loss: ElementwiseLoss,
    optimizer: optax.GradientTransformation,
    metrics: Mapping[str, ElementwiseLoss],
) -> Step:
    """Return ``step(state, batch, key, divisor) -> state, sums``.

    The gradient is that of the batch's summed losses over ``divisor``: the mean over the batch if
    ``divisor`` is its size. The sums are those of the batch before the update.
    """

    def step(state: StepState, batch: Examples, key: Key, divisor: float) -> tuple[StepState, Sums]:
        def risk(params: Params) -> tuple[Array, tuple[Sums, Statistics]]:
            outputs, statistics = network.apply(
                params, state.statistics, batch.inputs, key=key, training=True
            )
            sums = batch_sums(loss, metrics, outputs, batch.targets)
            return sums["loss"] / divisor, (sums, statistics)

        gradient, (sums, statistics) = jax.grad(risk, has_aux=True)(state.params)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return StepState(params, statistics, opt_state), sums

    return step


def batch_sums(
    loss: ElementwiseLoss,
    metrics: Mapping[str, ElementwiseLoss],
    outputs: Array,
    targets: Array,
) -> Sums:
    """Sum the loss and each metric over a batch.

    Raises:
        ValueError: if one of them returns anything but one value an example.
    """
    sums = {"loss": jnp.sum(_per_example("loss", loss(outputs, targets), outputs))}
    for name, metric in metrics.items():
        values = _per_example(name, metric(outputs, targets), outputs)
        sums[name] = jnp.sum(jax.lax.stop_gradient(values))
    return sums


def _per_example(name: str, values: Array, outputs: Array) -> Array:
    if values.shape != outputs.shape[:1]:
        expected = f"to give one value an example, shape {outputs.shape[:1]}"
        remedy = "Do not average in it, and check that outputs and targets have matching shapes."
        raise invalid_value("training", name, expected, f"shape {values.shape}", remedy)
    return values
