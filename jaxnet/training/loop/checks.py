"""Checks of the inputs of training and evaluation."""

import re
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count
from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.trees import describe_arrays
from jaxnet.core.types import AnyArray, Array, Layer
from jaxnet.data.examples import Examples, check_examples, check_pair, count
from jaxnet.functions.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    kl_divergence,
)
from jaxnet.layers.batch_norm import BatchNormResidual
from jaxnet.layers.moving_moments import MovingMoments, find_nodes
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.state import TrainState


def check_fit(argument: str, objective: Objective, examples: Examples) -> Examples:
    """Check that network and loss accept the examples, and put them on the device.

    Loss and metrics see the real targets beside outputs of which only the shape is known, so that
    their own checks of shapes and labels speak before anything is computed.

    Raises:
        TypeError: if they are no `Examples`.
        ValueError: if they do not fit, or hold NaN, infinities or labels out of range.
    """
    examples = check_examples(argument, examples)
    out_shape = objective.network.out_shape(examples.inputs.shape[1:])
    kind = jnp.result_type(float)
    outputs = jax.ShapeDtypeStruct((count(examples), *out_shape), kind)
    functions = (objective.loss.function, *(metric.function for _, metric in objective.metrics))
    jax.eval_shape(lambda y: [f(y, examples.targets) for f in functions], outputs)
    return jax.tree.map(jnp.asarray, examples)


def check_both(
    objective: Objective, train: Examples, validation: Examples | None
) -> tuple[Examples, Examples | None]:
    """Apply `check_fit` to training and validation examples."""
    train = check_fit("train", objective, train)
    if validation is not None:
        validation = check_fit("validation", objective, validation)
    return train, validation


PROBABILITY_LOSSES = (binary_cross_entropy, categorical_cross_entropy, kl_divergence)
"""Losses whose outputs must be probabilities; on anything else they fail without a word."""


def wants_probabilities(objective: Objective) -> bool:
    """Return whether the loss takes the network's outputs to be probabilities."""
    loss = objective.loss.function
    return getattr(loss, "func", loss) in PROBABILITY_LOSSES


def check_outputs(objective: Objective, state: TrainState, train: Examples) -> None:
    """Raise a ValueError if the loss needs probabilities and the network's outputs are none.

    Raises:
        ValueError: if those are no probabilities, by the loss's own check.
    """
    if wants_probabilities(objective):
        few = train.take(slice(0, 100))
        outputs, _ = objective.network.apply(state.params, state.statistics, few.inputs)
        objective.loss.function(outputs, few.targets)


def check_batch_size(batch_size: Any, train: Examples) -> int:
    """Check that the batch size is from 1 to the number of examples."""
    batch_size = check_count("batch_size", batch_size)
    total = count(check_pair("train", train))
    if not total:
        remedy = "Pass one example or more."
        raise invalid_value("train", "to hold examples", "none", remedy)
    if batch_size > total:
        remedy = f"Pass batch_size={total} for full-batch gradient descent."
        expected = f"to be at most the {total} examples"
        raise invalid_value("batch_size", expected, batch_size, remedy)
    return batch_size


def check_normalization(network: Layer, inputs: AnyArray, batch_size: int) -> None:
    """Raise a ValueError if batch normalization would see mini-batches of one value a feature.

    That value is its own mean: whatever it is, it becomes 0, and nothing is learned of it. Which
    values a layer is given is told by what it keeps for its backward pass: one that takes the
    positions of an example for examples has several. A short last mini-batch of one may pass.

    Args:
        network: what is trained.
        inputs: of the examples.
        batch_size: examples a step.
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
    if unseen or any(len(node.u) == 1 for node in seen):
        remedy = (
            "One example is its own mean, and becomes 0: pass batch_size=2 or more, of which a "
            "last mini-batch of one is fine, or leave batch normalization out."
        )
        expected = "to be 2 or more with batch normalization"
        raise invalid_value("batch_size", expected, batch_size, remedy)


def check_state(state: TrainState, expected: TrainState) -> TrainState:
    """Check that a state has the structure, shapes and dtypes of ``expected``.

    Raises:
        TypeError: if it is another network's or another optimizer's.
    """
    remedy = "Pass the state of a run of this network with this optimizer, in this precision."
    if not isinstance(state, TrainState):
        actual = f"a {type(state).__name__}"
        raise invalid_type("state", "to be a TrainState", actual, remedy)
    here, there = _kinds(state), _kinds(expected)
    differ = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    if differ or jax.tree.structure(state) != jax.tree.structure(expected):
        text = "to have the structure that network and optimizer give it"
        actual = f"another: {differ[0]} is {here.get(differ[0], 'none')}" if differ else "another"
        raise invalid_type("state", text, actual, remedy)
    return state


def _kinds(state: TrainState) -> dict[str, str]:
    """Return path -> dtype and shape; of a key of any generator that it is one."""
    return {n: re.sub("key<.*>", "key", kind) for n, kind in describe_arrays(state).items()}
