"""Checks of the inputs of training and evaluation."""

import re
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count, check_entries, check_instance, require, require_type
from jaxnet.core.memory import SeenArrays
from jaxnet.core.traced_values import OTHERWISE, explained
from jaxnet.core.trees import describe_arrays, difference
from jaxnet.core.types import AnyArray, Array, Layer, Shape
from jaxnet.data.examples import (
    Examples,
    check_examples,
    check_pair,
    check_some_weight,
    count,
    on_device,
)
from jaxnet.data.streams import Stream
from jaxnet.functions.losses import (
    categorical_cross_entropy,
    kl_divergence,
    sigmoid_binary_cross_entropy,
)
from jaxnet.functions.metrics.metric import without_options
from jaxnet.layers.batch_norm import BatchNormResidual
from jaxnet.layers.moving_moments import MovingMoments, find_nodes
from jaxnet.networks.heads import head_of
from jaxnet.training.loop.objective import PROBABILITY_LOSSES, SOFTMAX_LOSSES, Objective
from jaxnet.training.loop.state import TrainState

_ACCEPTED = SeenArrays()
"""Objective and precision -> examples that were accepted, for calls of `fit` that go on."""


def check_fit(argument: str, objective: Objective, examples: Examples) -> Examples:
    """Check that network and loss accept the examples, and put them on the device.

    Loss and metrics check the real targets beside outputs of which only the shape is known. Arrays
    of JAX, which cannot change, are checked once for an objective.

    Raises:
        TypeError: if they are no `Examples`.
        ValueError: if they do not fit, or hold NaN, infinities or labels out of range.
    """
    arrays = jax.tree.leaves(examples) if isinstance(examples, Examples) else []
    kind = jnp.result_type(float)
    if _ACCEPTED.has((objective, kind), arrays):
        return on_device(argument, examples)
    examples = check_examples(argument, examples)
    out_shape = objective.network.out_shape(examples.inputs.shape[1:])
    _check_task(argument, objective, out_shape, examples.targets)
    outputs = jax.ShapeDtypeStruct((count(examples), *out_shape), kind)
    functions = (objective.loss.function, *(metric.function for _, metric in objective.metrics))
    with explained("loss and metrics", OTHERWISE):
        jax.eval_shape(lambda y: [f(y, examples.targets) for f in functions], outputs)
    _ACCEPTED.add((objective, kind), arrays)
    return on_device(argument, examples)


def _check_task(argument: str, objective: Objective, out_shape: Shape, targets: Any) -> None:
    """Check that there are several outputs for several classes, and two classes for one logit."""
    loss, head = without_options(objective.loss.function), head_of(objective.network)
    of_classes = (*SOFTMAX_LOSSES, categorical_cross_entropy, kl_divergence)
    good = loss not in of_classes or out_shape[-1:] != (1,)
    remedy = (
        'Make the network with head="binary" for two classes or head="regression" for numbers, or '
        'pass loss="sigmoid_binary_cross_entropy" or loss="squared_error".'
    )
    require(good, "loss", "to suit one output", getattr(loss, "__name__", loss), remedy)
    if loss is sigmoid_binary_cross_entropy and head is not None and head.name == "binary":
        remedy = "Number the two classes so: targets = (targets == targets.max()).astype(int)."
        expected = "to be 0 or 1 for the binary head"
        check_entries(f"targets of {argument}", targets, _from_0_to_1, expected, remedy)


def _from_0_to_1(values: Any) -> Any:
    return (values >= 0) & (values <= 1)


def check_both(
    objective: Objective, train: Examples, validation: Examples | None, *, whole: bool = True
) -> tuple[Examples, Examples | None]:
    """Apply `check_fit` to training and validation examples.

    Raises:
        ValueError: also for weights that are all 0, unless more training examples are to come.
    """
    train = check_fit("train", objective, train)
    if whole:
        check_some_weight("train", train)
    if validation is not None:
        checked = check_fit("validation", objective, validation)
        validation = check_some_weight("validation", checked)
    return train, validation


def check_outputs(objective: Objective, train: Examples) -> None:
    """Check initial outputs by the loss itself if it needs probabilities."""
    loss, network = objective.loss.function, objective.network
    if getattr(loss, "func", loss) in PROBABILITY_LOSSES:
        few = train.take(slice(0, 100))
        trees = network.init(jax.random.key(0), few.inputs.shape[1:])
        loss(network.apply(*trees, few.inputs)[0], few.targets)


def check_batch_size(batch_size: Any, train: Examples | Stream) -> int:
    """Check that the batch size is from 1 to the number of examples."""
    batch_size = check_count("batch_size", batch_size)
    total = train.size if isinstance(train, Stream) else count(check_pair("train", train))
    require(total, "train", "to hold examples", "none")
    require(batch_size <= total, "batch_size", f"to be at most the {total} examples", batch_size)
    return batch_size


def check_normalization(network: Layer, inputs: AnyArray, batch_size: int) -> None:
    """Raise a ValueError if batch normalization would see mini-batches of one value a feature.

    That value is its own mean: it becomes 0, and nothing is learned of it. A layer that takes
    positions of an example for examples keeps several for its backward pass. A short last
    mini-batch of one may pass.
    """
    if batch_size > 1:
        return

    def trained(x: Array) -> Any:
        key = jax.random.key(0)
        params, statistics = network.init(key, x.shape[1:])
        _, residual, _ = network.forward(params, statistics, x, key=key, training=True)
        return statistics, residual

    statistics, residual = jax.eval_shape(trained, jnp.asarray(inputs[:1]))
    seen = find_nodes(residual, BatchNormResidual)
    # a layer of one's own may keep something else
    unseen = not seen and find_nodes(statistics, MovingMoments)
    good = not unseen and all(len(node.u) > 1 for node in seen)
    require(good, "batch_size", "to be 2 or more with batch normalization", batch_size)


def check_state(state: TrainState, expected: TrainState) -> TrainState:
    """Check that a state has the structure, shapes and dtypes of ``expected``.

    Raises:
        TypeError: if it is another network's or another optimizer's.
    """
    check_instance("state", state, TrainState, "to be a TrainState")
    if not difference(expected, state):
        return state
    here, there = _kinds(state), _kinds(expected)
    differ = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    actual = f"another: {differ[0]} is {here.get(differ[0], 'none')}" if differ else "another"
    good = not differ and jax.tree.structure(state) == jax.tree.structure(expected)
    require_type(good, "state", "to have the structure of network and optimizer", actual)
    return state


def _kinds(state: TrainState) -> dict[str, str]:
    """Return path -> dtype and shape; of a key of any generator that it is one."""
    return {n: re.sub("key<.*>", "key", kind) for n, kind in describe_arrays(state).items()}
