"""Norms of gradients and activations per layer, to detect vanishing and explosion."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.representation import represent
from jaxnet.core.trees import count_parameters, global_norm
from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.inspection.propagation.layer_paths import opened, part_of, symbols
from jaxnet.inspection.propagation.tape import features
from jaxnet.training.loop.batched_sum import batched_sum
from jaxnet.training.loop.objective import Objective


class Norms(NamedTuple):
    """Norms of the numbers of a layer.

    Attributes:
        l2: Euclidean norm, 0-d.
        rms: root mean square, ``l2 / sqrt(n)`` for n numbers, 0-d: comparable between widths.
    """

    l2: Array
    rms: Array

    __repr__ = represent


@instrument(by_symbol=True)
def gradient_norms(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
) -> dict[str, Norms]:
    """Return the norms of the risk's gradient by layer, over weights and biases together.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the network's parameters.
        statistics: its statistics.
        examples: one batch.
        key: PRNG key for random layers while training.
        training: whether the layers behave as in training.

    Returns:
        The symbol of a layer's output, as in `features` -> norms of the gradient with respect to
        the layer's parameters: ``"z1"`` for that of ``W_1`` and ``b_1``. Layers without parameters
        are left out. The squares of ``l2`` add up to the whole gradient's.

    Raises:
        ValueError: if the examples do not fit the network.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[0.75]]), jnp.array([[-1.25]]))
    >>> norms = gradient_norms(objective, params, (), examples)["z1"]  # of (3, 4)
    >>> float(norms.l2), round(float(norms.rms), 4)
    (5.0, 3.5355)
    """
    risk = make_risk(objective, statistics, examples, key=key, training=training)
    gradient = jax.grad(risk)(params)
    layers = list(opened(objective.network))
    named = zip(symbols([layer for _, layer in layers]), layers, strict=True)
    parts = {symbol: part_of(gradient, path) for symbol, (path, _) in named}
    return {
        symbol: _norms(global_norm(part), count_parameters(part))
        for symbol, part in parts.items()
        if jax.tree.leaves(part)
    }


@instrument(by_symbol=True)
def activation_norms(
    objective: Objective, params: Params, statistics: Statistics, examples: Examples
) -> dict[str, Norms]:
    """Return the norms of each layer's outputs, outside training.

    Args:
        objective: as for `gradient_norms`; its network counts.
        params: the network's parameters.
        statistics: its statistics.
        examples: any number, worked through in chunks.

    Returns:
        The symbol of the output, as in `features` -> ``l2 = sqrt(mean_i |y_i|^2)``, the norm of
        one example's output, and ``rms``, which is that over the root of the number of units.

    Raises:
        ValueError: if the examples do not fit the network.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(2), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[3.0], [4.0]]), jnp.zeros(2))
    >>> examples = Examples(jnp.array([[1.0]]), jnp.zeros((1, 2)))
    >>> norms = activation_norms(objective, params, (), examples)["z1"]  # of (3, 4)
    >>> float(norms.l2), round(float(norms.rms), 4)
    (5.0, 3.5355)
    """

    def norms(inputs: Array) -> dict[str, Array]:
        outputs = features(objective.network, params, statistics, inputs)
        return {symbol: global_norm(y) for symbol, y in outputs.items()}

    # of norms, not of squares, which overflow first
    wholes = batched_sum(norms, examples.inputs, add=_together)
    root = count(examples) ** 0.5
    one = jax.eval_shape(
        lambda x: features(objective.network, params, statistics, x), examples.inputs[:1]
    )
    return {symbol: _norms(whole / root, one[symbol].size) for symbol, whole in wholes.items()}


def _together(one: Array, other: Array) -> Array:
    """Return the norm of both; NaN stays, which `jax.numpy.hypot` hides with infinity."""
    return jnp.where(jnp.isnan(one) | jnp.isnan(other), jnp.nan, jnp.hypot(one, other))


def _norms(l2: Array, size: int) -> Norms:
    return Norms(l2, l2 / size**0.5)
