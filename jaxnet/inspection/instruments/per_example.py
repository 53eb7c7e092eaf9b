"""Per-example gradients."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_function
from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.inspection.check_inputs import check_separable
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.training.loop.objective import Objective

CHUNK = 100
"""Examples a chunk: each holds a gradient, as large as the parameters, for a moment."""


def per_example_gradients(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
    chunk: int = CHUNK,
) -> Params:
    """Return the gradient ``g_i`` of each example's loss, plus the gradient of the penalty.

    Their mean over the examples is the gradient of the risk. All of them together take as much
    memory as the parameters times the number of examples; `map_gradients` reduces each at once.

    With batch normalization while training an example has no separate gradient: that raises an
    error. Without training, the default, the moving statistics serve as constants. Dropout needs
    ``training=True`` and a key, from which each example draws its mask.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the network's parameters.
        statistics: its statistics.
        examples: what to compute gradients for, 1 or more.
        key: PRNG key for random layers while training; example ``i`` draws from
            ``jax.random.fold_in(key, i)``.
        training: whether the layers behave as in training.
        chunk: examples worked through at once, 1 or more; not traced.

    Returns:
        A tree like the parameters, each leaf of shape ``(examples, *leaf)``.

    Raises:
        ValueError: if the examples do not fit the network, or for batch normalization while
            training.

    >>> import jax.numpy as jnp
    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[1.0], [2.0]]), jnp.array([[0.0], [5.0]]))
    >>> per_example_gradients(objective, params, (), examples).bias.tolist()
    [[2.0], [-6.0]]
    """
    given = objective, params, statistics, examples
    return map_gradients(_itself, *given, key=key, training=training, chunk=chunk)


@instrument("function", chunk=1)
def map_gradients(
    function: Callable[[Params], Any],
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
    chunk: int = CHUNK,
) -> Any:
    """Return ``function(g_i)`` of each example's gradient, in bounded memory.

    No more than ``chunk`` gradients exist at a time, so that norms or projections of all of them
    can be had where all of them do not fit.

    ``function`` maps a gradient to a tree of arrays. It is compiled in: pass the same function
    again, not an equal one, for the program to be found again. The other arguments, and the
    errors, are those of `per_example_gradients`.

    Returns:
        What ``function`` returns, each leaf with a first dimension of examples.

    >>> import jax.numpy as jnp
    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[1.0], [2.0]]), jnp.array([[0.0], [5.0]]))
    >>> map_gradients(lambda g: g.bias[0] ** 2, objective, params, (), examples).tolist()
    [4.0, 36.0]
    """
    check_function("function", function, "Pass a function of a gradient.")
    check_separable(objective.network, training)
    gradient = jax.grad(example_risk(objective, statistics, training=training))
    return jax.lax.map(
        lambda draw: function(gradient(params, draw)),
        with_keys(examples, key),
        batch_size=min(chunk, count(examples)),
    )


def example_risk(
    objective: Objective, statistics: Statistics, *, training: bool
) -> Callable[[Params, tuple[Examples, Key | None]], Array]:
    """Return ``(params, (example, key)) -> risk`` of one example, without a batch dimension."""

    def risk(params: Params, draw: tuple[Examples, Key | None]) -> Array:
        example, key = draw
        alone = jax.tree.map(lambda array: array[None], example)
        return make_risk(objective, statistics, alone, key=key, training=training)(params)

    return risk


def with_keys(examples: Examples, key: Key | None) -> tuple[Examples, Key | None]:
    """Pair each example with the key ``fold_in(key, i)``, or None without a key."""
    if key is None:
        return examples, None
    return examples, jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(count(examples)))


def _itself(gradient: Params) -> Params:
    return gradient
