"""Evaluation and prediction."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.core.checks import as_number, check_count, check_numbers, require, require_type
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import AnyArray, Array, Layer, Params, Statistics
from jaxnet.data.examples import (
    Examples,
    check_device_numbers,
    check_some_weight,
    count,
    native,
    total_weight,
)
from jaxnet.data.streams import Stream, prefetched
from jaxnet.training.distributed.mesh import divided
from jaxnet.training.loop.batched_sum import CHUNK, batched_map, batched_sum
from jaxnet.training.loop.checks import check_fit
from jaxnet.training.loop.objective import LossArgument, MetricsArgument, Objective, make_objective
from jaxnet.training.loop.state import TrainState
from jaxnet.training.loop.sums import Sums, batch_sums

Evaluate: TypeAlias = Callable[[Params, Statistics, Examples], dict[str, Array]]

EvaluateAt: TypeAlias = Callable[[Any, Params], Params]
"""``(optimizer state, params) -> params``: at which parameters a run is evaluated."""


def make_evaluate(objective: Objective, mesh: Mesh | None = None) -> Evaluate:
    """Return ``evaluate(params, statistics, examples) -> name -> mean over all examples``.

    A metric of a whole set is given the outputs of all examples, which stay in memory.

    It goes through the examples in chunks of `CHUNK`, which on a CPU is more than twice as fast
    as all at once. The result does not depend on how the examples divide into chunks but for
    rounding: each example weighs the same.

    Args:
        objective: the network, its loss and metrics.
        mesh: devices that each take a part of every chunk; None for one that takes all.
    """
    whole_set = objective.whole_set_metrics

    def evaluate(params: Params, statistics: Statistics, examples: Examples) -> dict[str, Array]:
        size = _chunk_size(count(examples), 1 if mesh is None else mesh.size)

        def outputs_of(part: Examples) -> Array:
            given = params, statistics, part.inputs
            return objective.network.apply(*given, key=None, training=False)[0]

        def part_sums(part: Examples) -> Sums:
            part = divided(part, mesh)
            return batch_sums(objective, outputs_of(part), part)

        found = {}
        if whole_set:
            outputs = batched_map(
                lambda part: outputs_of(divided(part, mesh)), examples, chunk=size
            )
            found = _of_all(whole_set, outputs, examples)
            sums = batch_sums(objective, outputs, examples)
        else:
            sums = batched_sum(part_sums, examples, chunk=size)
        weight = total_weight(examples)
        means = {name: total / jnp.asarray(weight, total.dtype) for name, total in sums.items()}
        return means | found

    return evaluate


def _of_all(
    metrics: Mapping[str, Callable[..., Array]], outputs: Array, examples: Examples
) -> dict[str, Array]:
    """Return metrics of a whole set, each a scalar."""
    found, weights = {}, examples.weights
    given = {} if weights is None else {"weights": weights}
    for name, metric in metrics.items():
        argument, taken = f"metric {name!r}", inspect.signature(metric).parameters
        remedy = "Or use a metric of one value an example."
        require(given.keys() <= taken.keys(), argument, "to take weights=", list(taken), remedy)
        found[name] = as_number(argument, metric(outputs, examples.targets, **given))
    return found


def _chunk_size(total: int, parts: int) -> int:
    """Return the number of examples per chunk, a multiple of ``parts`` if there are enough."""
    size = min(CHUNK, total)
    return size - size % parts or size


def params_to_use(state: TrainState, evaluate_at: EvaluateAt | None) -> Params:
    """Return the parameters at which a run is evaluated, in the dtypes of its own.

    Raises:
        TypeError: if they are no tree like the run's own.
    """
    if evaluate_at is None:
        return state.params
    found = evaluate_at(state.opt_state, state.params)
    like = [jax.tree.structure(t) for t in (found, state.params)]
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(t)] for t in (found, state.params)]
    good = like[0] == like[1] and shapes[0] == shapes[1]
    require_type(good, "evaluate_at", "to return a tree like the parameters", "another")
    return jax.tree.map(lambda new, own: jnp.asarray(new, own.dtype), found, state.params)


read_params = jax.jit(params_to_use, static_argnums=1)
"""`params_to_use` as a program of its own."""


def evaluate(
    network: Layer,
    params: Params,
    statistics: Statistics,
    examples: Examples | Stream,
    *,
    loss: LossArgument | None = None,
    metrics: MetricsArgument | None = None,
) -> dict[str, float]:
    """Return the mean loss and metrics of a network over examples.

    Args:
        network: the network.
        params: its parameters.
        statistics: its statistics.
        examples: what to evaluate on; of a stream, chunk after chunk.
        loss: a name in `jaxnet.losses.LOSSES`, or a loss of that form; by default that of the
            network's head, softmax cross-entropy without one.
        metrics: names in `jaxnet.metrics.METRICS` or `WHOLE_SET_METRICS`, the latter not with a
            stream, or name -> metric; by default those of the head, or the accuracy that suits
            the loss.

    Returns:
        ``"loss"`` and each metric's name -> mean over the examples.

    Raises:
        ValueError: if the examples do not fit the network, hold NaN, or a name is unknown.
    """
    objective = make_objective(network, loss, metrics)

    def means(part: Examples) -> tuple[dict[str, float], float]:
        found = _compiled(objective)(params, statistics, part)
        return {name: float(value) for name, value in found.items()}, float(total_weight(part))

    def checked(part: Examples) -> Examples:
        return check_fit("examples", objective, part)

    if not isinstance(examples, Stream):
        return means(check_some_weight("examples", checked(examples)))[0]
    whole, remedy = ", ".join(objective.whole_set_metrics), "Evaluate Examples instead."
    require(not whole, "metrics", "to be means over the examples of a stream", whole, remedy)
    parts = [means(checked(part)) for part in prefetched(examples.epoch(None))]
    weighing = [(values, weight) for values, weight in parts if weight]
    require(weighing, "the sum of examples.weights", "above 0", 0)
    return {
        name: math.fsum(values[name] * weight for values, weight in weighing)
        / math.fsum(weight for _, weight in weighing)
        for name in weighing[0][0]
    }


def predict(
    network: Layer,
    params: Params,
    statistics: Statistics,
    inputs: AnyArray | Sequence[Any],
    *,
    batch_size: int = CHUNK,
) -> Array:
    """Return the network's outputs for inputs of shape ``(examples, ...)``, in evaluation mode.

    Inputs are worked through ``batch_size`` at a time, to bound the memory.

    Args:
        network: the network.
        params: its parameters.
        statistics: its statistics.
        inputs: numbers, one row an example: an array or lists; of none come outputs of none.
        batch_size: examples at a time.

    Returns:
        Shape ``(examples, *out_shape)``.

    Raises:
        TypeError: for what are no numbers.
        ValueError: for rows of unlike lengths, or of another shape than the network takes.
    """
    check_count("batch_size", batch_size)
    rows = _rows(inputs)
    outputs = [
        _applied(network)(params, statistics, jnp.asarray(rows[start : start + batch_size]))
        for start in range(0, max(len(rows), 1), batch_size)
    ]
    return jnp.concatenate(outputs)


def _rows(inputs: Any) -> Any:
    """Convert inputs to an array of numbers."""
    pair = isinstance(inputs, Examples)
    require_type(not pair, "inputs", "to be an array", "Examples", "Pass their inputs.")
    if not hasattr(inputs, "dtype"):
        try:
            inputs = np.asarray(inputs)
        except ValueError as error:
            raise invalid_value("inputs", "to be an array, rows of one length", error) from error
    inputs = native(inputs)
    check_numbers("inputs", inputs)
    check_device_numbers("inputs", inputs)
    require(inputs.shape, "inputs", "to hold examples", "one number", "For one use x[None].")
    return inputs


@functools.lru_cache(maxsize=32)
def _compiled(objective: Objective) -> Evaluate:
    program = make_evaluate(objective)
    return jax.jit(program)


@functools.lru_cache(maxsize=32)
def _applied(network: Layer) -> Callable[[Params, Statistics, Array], Array]:
    def apply(params: Params, statistics: Statistics, inputs: Array) -> Array:
        return network.apply(params, statistics, inputs, key=None, training=False)[0]

    return jax.jit(apply)
