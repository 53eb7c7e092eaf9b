"""Checks of the inputs of instruments."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import (
    check_arrays,
    check_flags,
    check_floating,
    check_instance,
    check_key,
    require,
    require_type,
)
from jaxnet.core.types import Array, Key, Layer, Params, Shape, Statistics
from jaxnet.data.examples import Examples, check_pair
from jaxnet.functions.losses import Loss
from jaxnet.training.loop.checks import check_fit
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.sums import batch_sums


def check_inputs(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
) -> Examples:
    """Check the inputs of an instrument of an objective, and return the examples as arrays.

    Of traced examples only shapes are checked.

    Raises:
        TypeError: for arguments of other types, and for parameters or statistics of another
            network.
        ValueError: if the examples do not fit, or hold NaN, infinities or labels out of range.
    """
    check_objective(objective)
    _check_mode(key, training)
    pair = check_pair("examples", examples)
    remedy = "Pass Examples(examples.inputs, examples.targets)."
    require(pair.weights is None, "examples", "to have no weights here", "some", remedy)
    if any(isinstance(field, Tracer) for field in pair):
        objective.network.out_shape(pair.inputs.shape[1:])
    else:
        examples = check_fit("examples", objective, pair)
    _check_trees(objective.network, params, statistics, examples.inputs.shape[1:])
    return examples


def check_batch(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    *,
    key: Key | None,
    training: bool,
) -> None:
    """Check the inputs of an instrument of a network; NaN passes.

    Raises:
        TypeError: for arguments of other types, and for parameters or statistics of another
            network.
        ValueError: if the inputs do not fit the network.
    """
    remedy = "Pass what jaxnet.mlp or a layer returns; of an objective, objective.network."
    check_instance("network", network, Layer, "to be a Layer", remedy)
    _check_mode(key, training)
    check_arrays(x=x)
    require(x.ndim, "x", "to have a first dimension of examples", f"shape {x.shape}")
    network.out_shape(x.shape[1:])
    _check_trees(network, params, statistics, x.shape[1:])


def check_targets(network: Layer, loss: Loss, x: Array, targets: Any) -> None:
    """Check targets by the loss, with abstract outputs.

    Raises:
        TypeError: as the loss.
        ValueError: as the loss; if it does not return one value per example; without examples.
    """
    require(len(x), "x", "to hold examples", f"shape {x.shape}")
    shape = (len(x), *network.out_shape(x.shape[1:]))
    outputs = jax.ShapeDtypeStruct(shape, jnp.result_type(float))
    jax.eval_shape(lambda y: batch_sums(Objective(network, loss), y, Examples(x, targets)), outputs)


def check_objective(objective: Any) -> None:
    """Check that an argument is an objective, not the network alone."""
    remedy = "Pass jaxnet.training.make_objective(network, loss)."
    check_instance("objective", objective, Objective, "to be an Objective", remedy)


def check_like(argument: str, tree: Any, like: Any, whose: str) -> None:
    """Check that a tree has the structure and the shapes of another.

    Args:
        argument: the tree's name.
        tree: the tree.
        like: the other tree.
        whose: its name in messages, such as ``"the parameters"``.
    """
    expected = f"to be a tree like {whose}"
    same = jax.tree.structure(tree) == jax.tree.structure(like)
    require_type(same, argument, expected, "one of another structure")
    leaves = jax.tree.leaves(like)
    for (path, leaf), other in zip(jax.tree_util.tree_leaves_with_path(tree), leaves, strict=True):
        where = f"at {jax.tree_util.keystr(path)}, not {np.shape(other)}"
        same = np.shape(leaf) == np.shape(other)
        require_type(same, argument, expected, f"shape {np.shape(leaf)} {where}")


def check_parameters(params: Any) -> None:
    """Check that all leaves are floating-point arrays."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        check_floating(f"params{jax.tree_util.keystr(path)}", leaf)


def check_some(leaves: Sequence[Any]) -> None:
    """Check that there is something to differentiate."""
    require(sum(np.size(leaf) for leaf in leaves), "params", "to hold parameters", "none")


def check_separable(network: Layer, training: bool) -> None:
    """Check that a network's outputs for an example are independent of its mini-batch.

    With batch normalization while training they are not: an example has no separate gradient, and
    the moments of a batch of one are its value and 0.
    """
    coupled = training and "batch_norm" in _kinds(network)
    expected = "False for a network with batch normalization, which couples a batch's examples"
    remedy = "Pass training=False, or take map_batch_gradients or measured_variance."
    require(not coupled, "training", expected, True, remedy)


def _kinds(layer: Layer) -> set[str]:
    below = (_kinds(part) for part in layer.description.parts)
    return {layer.description.kind}.union(*below)


def _check_mode(key: Key | None, training: bool) -> None:
    check_flags(training=training)
    if key is not None:
        check_key("key", key)


def _check_trees(network: Layer, params: Params, statistics: Statistics, in_shape: Shape) -> None:
    """Check that parameters and statistics have the network's structure and shapes.

    Otherwise they might broadcast silently, such as a bias of one unit.
    """
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, statistics)))
    # a network made while tracing may hold tracers, which must not be cached
    look_up = _own_trees.__wrapped__ if traced else _own_trees
    own = look_up(network, in_shape)
    if own is not None:
        check_like("params", params, own[0], "the network's")
        check_like("statistics", statistics, own[1], "the network's")
    check_parameters(params)


@functools.lru_cache(maxsize=16)  # tracing takes as long as a small instrument
def _own_trees(network: Layer, in_shape: Shape) -> tuple[Params, Statistics] | None:
    """Return the shapes of a network's parameters and statistics; None if `init` uses NumPy."""
    try:
        return jax.eval_shape(lambda: network.init(jax.random.key(0), in_shape))
    except jax.errors.JAXTypeError:
        return None
