"""The risk as a function of the parameters, for instruments."""

from collections.abc import Callable

from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples, check_pair, total_weight
from jaxnet.inspection.check_inputs import check_objective
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.sums import batch_risk, batch_sums


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

    Raises:
        TypeError: for other types than an objective and examples.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> risk = make_risk(objective, (), Examples(jnp.array([[1.0], [2.0]]), jnp.zeros((2, 1))))
    >>> params = jaxnet.layers.Dense(jnp.array([[2.0]]), jnp.array([0.0]))
    >>> float(risk(params)), float(jax.hessian(risk)(params).weights.weights[0, 0, 0, 0])
    (10.0, 5.0)
    """
    check_objective(objective)
    check_pair("examples", examples)
    plain = objective._replace(metrics=())

    def risk(params: Params) -> Array:
        outputs, _ = plain.network.apply(
            params, statistics, examples.inputs, key=key, training=training
        )
        sums = batch_sums(plain, outputs, examples)
        return batch_risk(plain, sums, params, total_weight(examples))

    return risk
