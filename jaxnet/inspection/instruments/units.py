"""Dead and saturated units."""

import jax.numpy as jnp

from jaxnet.core.checks import checked
from jaxnet.core.types import Array, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.propagation.layer_paths import symbols
from jaxnet.inspection.propagation.tape import LayerPass, forward_passes
from jaxnet.training.loop.batched_sum import batched_sum
from jaxnet.training.loop.objective import Objective


@checked({"slope": "[0, inf)"})
@instrument(by_symbol=True)
def flat_fractions(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    slope: float | Array = 0.0,
) -> dict[str, Array]:
    """Return the fraction of examples at which each unit is flat, ``|f'(z)| <= slope``.

    Where it is flat, the unit passes nothing back, and its weights learn nothing from the example.
    With the slope 0: the examples for which a ReLU is off. With a small one: those for which a
    sigmoid, of slope 0.25 at most, or a tanh, of slope 1 at most, is saturated; 0.01 means
    outputs beyond 0.0101 and 0.9899, and beyond -0.995 and 0.995.

    Args:
        objective: its network counts; `serial` networks are opened up, other combinators not.
        params: the network's parameters.
        statistics: its statistics.
        examples: any number, worked through in chunks, as outside training.
        slope: the largest flat slope, 0 or more.

    Returns:
        Symbol of an activation layer's output, as in `features` -> fractions in [0, 1], in the
        shape of one output. Activations that are not `entrywise`, such as softmax, have no slope of
        one unit and are left out.

    Raises:
        ValueError: if the examples do not fit the network, or the slope is negative.

    >>> import jaxnet
    >>> network = jaxnet.layers.activation("relu")
    >>> objective = jaxnet.training.make_objective(network, "squared_error")
    >>> inputs = jnp.array([[-1.0, 2.0, -1.0], [1.0, 3.0, -2.0]])
    >>> flat_fractions(objective, (), (), Examples(inputs, inputs))["y0"].tolist()
    [0.5, 0.0, 1.0]
    """

    def flat(inputs: Array) -> dict[str, Array]:
        passes = list(
            forward_passes(objective.network, params, statistics, inputs, key=None, training=False)
        )
        named = zip(symbols([each.layer for each in passes]), passes, strict=True)
        return {
            symbol: _flat(each, slope) for symbol, each in named if each.layer.description.entrywise
        }

    sums = batched_sum(flat, examples.inputs)
    return {symbol: number / count(examples) for symbol, number in sums.items()}


def dead_units(
    objective: Objective, params: Params, statistics: Statistics, examples: Examples
) -> dict[str, Array]:
    """Return which units are dead: flat at every example, such as a ReLU that is always 0.

    No gradient of these examples reaches a dead unit's weights: it stays dead unless the layers
    before it, a penalty, or other examples wake it.

    Arguments and errors are those of `flat_fractions`.

    Returns:
        Symbol of an activation layer's output -> booleans, in the shape of one output.

    >>> import jaxnet
    >>> network = jaxnet.layers.activation("relu")
    >>> objective = jaxnet.training.make_objective(network, "squared_error")
    >>> inputs = jnp.array([[-1.0, 2.0, -1.0], [1.0, 3.0, -2.0]])
    >>> dead_units(objective, (), (), Examples(inputs, inputs))["y0"].tolist()
    [False, False, True]
    """
    fractions = flat_fractions(objective, params, statistics, examples)
    return {symbol: fraction == 1 for symbol, fraction in fractions.items()}


def dead_fraction(
    objective: Objective, params: Params, statistics: Statistics, examples: Examples
) -> Array:
    """Return the fraction of dead units, in [0, 1]: a scalar; 0 without units.

    ``functools.partial(dead_fraction, objective)`` is an instrument:
    ``(params, statistics, examples) -> scalar``.

    Arguments and errors are those of `flat_fractions`.
    """
    layers = dead_units(objective, params, statistics, examples).values()
    dead = sum((jnp.sum(layer, dtype=jnp.int32) for layer in layers), jnp.int32(0))
    return dead / max(sum(layer.size for layer in layers), 1)


def _flat(each: LayerPass, slope: float | Array) -> Array:
    """Count, unit by unit, the examples at which an activation layer is flat."""
    _, slopes = each.layer.backward(each.params, each.residual, jnp.ones_like(each.y))
    limit = jnp.asarray(slope, slopes.dtype)
    return jnp.sum(jnp.abs(slopes) <= limit, axis=0, dtype=jnp.int32)
