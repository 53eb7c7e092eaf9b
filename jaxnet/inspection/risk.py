"""The risk that instruments look at: a function of the parameters alone, as training sees it."""

from collections.abc import Callable

from jax.core import Tracer

from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Key, Layer, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.training.checks import check_fit
from jaxnet.training.objective import Objective
from jaxnet.training.sums import batch_risk, batch_sums


def make_risk(
    objective: Objective,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
) -> Callable[[Params], Array]:
    """Return ``params -> risk``: the mean loss over the examples, plus the penalty.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        statistics: the network's.
        examples: one batch, arrays on the device.
        key: PRNG key for random layers while training.
        training: whether the layers behave as in training: dropout drops, batch normalization
            takes the moments of these examples instead of the moving ones.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> risk = make_risk(objective, (), Examples(jnp.array([[1.0], [2.0]]), jnp.zeros((2, 1))))
    >>> params = jaxnet.layers.Dense(jnp.array([[2.0]]), jnp.array([0.0]))
    >>> float(risk(params)), float(jax.hessian(risk)(params).weights.weights[0, 0, 0, 0])
    (10.0, 5.0)
    """
    plain = objective._replace(metrics=())

    def risk(params: Params) -> Array:
        outputs, _ = plain.network.apply(
            params, statistics, examples.inputs, key=key, training=training
        )
        sums = batch_sums(plain, outputs, examples.targets)
        return batch_risk(plain, sums, params, count(examples))

    return risk


def admit(function: str, objective: Objective, examples: Examples) -> Examples:
    """Return examples on the device, once network and loss are known to take them.

    Inside a compiled program, where the numbers are not known yet, only shapes are checked.

    Raises:
        ValueError: if they do not fit, or hold NaN, infinities or labels out of range.
    """
    if any(isinstance(field, Tracer) for field in examples):
        objective.network.out_shape(examples.inputs.shape[1:])
        return examples
    return check_fit(function, "examples", objective, examples)


def check_separable(function: str, network: Layer, training: bool) -> None:
    """Raise a ValueError if what a network does with an example depends on its mini-batch.

    So it is with batch normalization while training: an example has no gradient of its own, and
    the moments of a batch of one are its value and 0.
    """
    if training and "batch_norm" in _kinds(network):
        remedy = (
            "Pass training=False, which takes the moving statistics, or measure mini-batches: "
            "map_batch_gradients and measured_variance take training=True."
        )
        expected = "False for a network with batch normalization, which couples a batch's examples"
        raise invalid_value(function, "training", expected, True, remedy)


def _kinds(layer: Layer) -> set[str]:
    below = (_kinds(part) for part in layer.description.parts)
    return {layer.description.kind}.union(*below)
