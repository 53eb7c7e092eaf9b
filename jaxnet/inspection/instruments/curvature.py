"""Curvature of the risk: Hessian products, extreme eigenvalues, stable learning rates."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_key, require_type
from jaxnet.core.hessian import hessian_product
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.inspection.check_inputs import check_like, check_some
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.lanczos import combined, lanczos, ritz
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.training.loop.objective import Objective

STEPS = 30
"""Products that find the largest eigenvalue of a trained network to a per mille or better."""


class Spectrum(NamedTuple):
    """Estimate of a Hessian's spectrum by Lanczos's method.

    Attributes:
        values: Ritz values, ascending, shape ``(steps,)``: between the extreme eigenvalues, the
            outermost nearest to them. All eigenvalues where there are as many as parameters.
        errors: bound of the distance of each value to some eigenvalue, except for rounding.
        weights: of the values as a sample of the distribution of all eigenvalues; their sum is 1.
        direction: the unit eigenvector of the largest value, a tree like the parameters.
    """

    values: Array
    errors: Array
    weights: Array
    direction: Params

    __repr__ = represent

    @property
    def largest(self) -> Array:
        """The largest eigenvalue, with its sign: the sharpness; a bound from below."""
        return self.values[-1]

    @property
    def smallest(self) -> Array:
        """The smallest eigenvalue, with its sign, negative at a saddle; a bound from above."""
        return self.values[0]

    @property
    def condition_number(self) -> Array:
        """``max |lambda| / min |lambda|`` over the values found; infinite where one of them is 0.

        Rounding mostly leaves a value near 0 for a singular matrix, and a number of the order of
        1e7 in float32, 1e16 in float64: it only means "singular to working precision".
        With as many steps as parameters it is exact except for rounding. With fewer it is a bound
        from below if all eigenvalues have one sign, and otherwise a rough estimate: Lanczos's
        method finds the ends of a spectrum first, and the eigenvalue nearest to 0 is then inside.
        """
        sizes = jnp.abs(self.values)
        least = jnp.min(sizes)
        return jnp.where(least == 0, jnp.inf, jnp.max(sizes) / least)

    @property
    def largest_stable_rate(self) -> Array:
        """``2 / largest``, the edge of stability; infinite where nothing bends upwards."""
        return jnp.where(self.largest <= 0, jnp.inf, 2 / self.largest)


@instrument()
def hessian_vector_product(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    vector: Params,
    *,
    key: Key | None = None,
    training: bool = False,
) -> Params:
    """Return ``H v``: how the gradient of the risk changes along ``v``, by forward over reverse.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the network's parameters, where the Hessian is taken.
        statistics: its statistics.
        examples: one batch: the memory holds what every layer does with all of them.
        vector: ``v``, a tree like the parameters.
        key: PRNG key for random layers while training: one mask for all.
        training: whether the layers behave as in training.

    Returns:
        A tree like the parameters.

    Raises:
        TypeError: if the vector is not a tree like the parameters.
        ValueError: if the examples do not fit the network.

    Numerics: at a kink of a ReLU the second derivative is taken as 0, as autodiff does.

    Source: Pearlmutter 1994.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[3.0]]), jnp.array([[0.0]]))  # H = 2 (3, 1)^T (3, 1)
    >>> product = hessian_vector_product(objective, params, (), examples, params)
    >>> product.weights.tolist(), product.bias.tolist()
    ([[18.0]], [6.0])
    """
    check_like("vector", vector, params, "the parameters")
    dtypes, own = (jax.tree.map(jnp.result_type, tree) for tree in (vector, params))
    actual = ", ".join(sorted({dtype.name for dtype in jax.tree.leaves(dtypes)}))
    require_type(dtypes == own, "vector", "to have the dtypes of the parameters", actual)
    risk = make_risk(objective, statistics, examples, key=key, training=training)
    return hessian_product(risk, params)(vector)


@instrument(steps=1)
def hessian_spectrum(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key,
    steps: int = STEPS,
    training: bool = False,
) -> Spectrum:
    """Return the ends of the spectrum of the risk's Hessian, by Lanczos's method.

    Args:
        objective: as for `hessian_vector_product`.
        params: as for `hessian_vector_product`.
        statistics: as for `hessian_vector_product`.
        examples: as for `hessian_vector_product`.
        key: PRNG key of the start, and of random layers while training.
        steps: products to form, 1 or more; not traced. More find more of the spectrum, at a memory
            of so many times the parameters.
        training: whether the layers behave as in training.

    Returns:
        Ritz values with error bounds; see `Spectrum` for their meaning.

    Raises:
        ValueError: if the examples do not fit the network, or it has no parameters.

    Source: Lanczos 1950; for networks Ghorbani et al. 2019.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[3.0], [-3.0]]), jnp.zeros((2, 1)))  # H = diag(18, 2)
    >>> found = hessian_spectrum(objective, params, (), examples, key=jax.random.key(0))
    >>> found.values.round(3).tolist(), round(float(found.condition_number), 3)
    ([2.0, 18.0], 9.0)
    """
    check_key("key", key)
    check_some(jax.tree.leaves(params))
    start_key, layer_key = jax.random.split(key)
    risk = make_risk(objective, statistics, examples, key=layer_key, training=training)
    krylov = lanczos(hessian_product(risk, params), params, steps=steps, key=start_key)
    found = ritz(krylov)
    direction = combined(krylov.basis, found.coordinates[:, -1])
    return Spectrum(found.values, found.errors, found.weights, direction)


def sharpness(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key,
    steps: int = STEPS,
    training: bool = False,
) -> Array:
    """Return the largest eigenvalue of the risk's Hessian, with its sign: a scalar.

    ``functools.partial(sharpness, objective, key=key)`` is an instrument:
    ``(params, statistics, examples) -> scalar``.

    Arguments and errors are those of `hessian_spectrum`.
    """
    return hessian_spectrum(
        objective, params, statistics, examples, key=key, steps=steps, training=training
    ).largest


def largest_stable_rate(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key,
    steps: int = STEPS,
    training: bool = False,
) -> Array:
    """Return ``2 / lambda_max``, the learning rate above which gradient descent diverges: a scalar.

    Along the steepest axis of a quadratic each step multiplies the distance to the minimum by
    ``1 - eta lambda``, which is -1 at the edge of stability. Full-batch training of a network
    drives ``lambda_max`` up until its rate is about this one. Infinite where nothing bends upwards.

    Arguments and errors are those of `hessian_spectrum`.

    Source: lecture 004, convergence rate; Cohen et al. 2021.
    """
    return hessian_spectrum(
        objective, params, statistics, examples, key=key, steps=steps, training=training
    ).largest_stable_rate
