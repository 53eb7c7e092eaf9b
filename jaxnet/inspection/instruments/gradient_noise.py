"""Gradient noise: variance of per-example gradients, and predictions from it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import LARGEST, check_count, check_entries, check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.precision import at_least_float32
from jaxnet.core.representation import represent
from jaxnet.core.trees import dot, near_one, rescaled
from jaxnet.core.types import AnyArray, Array, Key, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.inspection.check_inputs import check_separable
from jaxnet.inspection.instruments.compiled import instrument
from jaxnet.inspection.instruments.per_example import CHUNK, example_risk, map_gradients, with_keys
from jaxnet.training.loop.batched_sum import batched_sum
from jaxnet.training.loop.objective import Objective


class GradientNoise(NamedTuple):
    """Variance of per-example gradients, and squared norm of their mean.

    Attributes:
        variance: ``sigma^2``, the trace of the covariance of the examples' gradients, 0-d.
        square: ``|G|^2``, squared norm of the gradient of the risk, 0-d.
    """

    variance: Array
    square: Array

    __repr__ = represent

    @property
    def scale(self) -> Array:
        """``sigma^2 / |G|^2``, the simple noise scale, in examples; infinite at a minimum."""
        return jnp.where(self.square == 0, jnp.inf, self.variance / self.square)


def gradient_noise(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
    chunk: int = CHUNK,
) -> GradientNoise:
    """Return the variance of the examples' gradients, and the square of their mean.

    ``sigma^2 = 1/B sum_i |g_i - G|^2`` with ``G = 1/B sum_i g_i`` over the B examples: the trace
    of their covariance, divided by B, not B - 1, since the examples are the whole population that
    mini-batches are drawn from. A penalty is in G and not in ``sigma^2``.

    Args:
        objective: network, loss and penalty, see `jaxnet.training.make_objective`.
        params: the network's parameters.
        statistics: its statistics.
        examples: the population, 1 or more.
        key: as for `per_example_gradients`; with random layers their noise counts, too.
        training: as for `per_example_gradients`.
        chunk: examples worked through at once, which bounds the memory; not traced.

    Returns:
        Both numbers. The deviations are summed once the mean is known, so that nothing cancels.

    Raises:
        ValueError: if the examples do not fit the network, or for batch normalization while
            training.

    Source: lecture 000, gradient noise; McCandlish et al. 2018, section 2.2.

    >>> import jaxnet
    >>> objective = jaxnet.training.make_objective(jaxnet.layers.dense(1), "squared_error")
    >>> params = jaxnet.layers.Dense(jnp.array([[1.0]]), jnp.array([0.0]))
    >>> examples = Examples(jnp.array([[1.0], [2.0]]), jnp.array([[0.0], [5.0]]))
    >>> noise = gradient_noise(objective, params, (), examples)  # of (2, 2) and (-12, -6)
    >>> float(noise.variance), float(noise.square)
    (65.0, 29.0)
    """
    how = {"key": key, "training": training, "chunk": chunk}
    return _noise(objective, params, statistics, examples, **how, relative=False)


def gradient_variance(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
    chunk: int = CHUNK,
) -> Array:
    """Return ``sigma^2``, the trace of the covariance of the examples' gradients: a scalar.

    ``functools.partial(gradient_variance, objective)`` is an instrument:
    ``(params, statistics, examples) -> scalar``.

    Arguments and errors are those of `gradient_noise`.
    """
    return gradient_noise(
        objective, params, statistics, examples, key=key, training=training, chunk=chunk
    ).variance


def noise_scale(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None = None,
    training: bool = False,
    chunk: int = CHUNK,
) -> Array:
    """Return the simple noise scale ``B_simple = sigma^2 / |G|^2``, in examples: a scalar.

    A mini-batch of that size has as much noise as gradient. Far smaller ones save examples, for
    far larger ones each example buys little. It is infinite at a minimum, and grows towards it.

    Arguments and errors are those of `gradient_noise`.

    Numerics: right at every scale of the gradient, though its square over- or underflows.

    Source: McCandlish et al. 2018, equation 2.9.
    """
    how = {"key": key, "training": training, "chunk": chunk}
    return _noise(objective, params, statistics, examples, **how, relative=True).scale


def predicted_variance(
    variance: float | AnyArray, batch_size: int | AnyArray, *, examples: int | None = None
) -> Array:
    """Return the variance ``E|g - G|^2`` of a mini-batch's gradient, from that of the examples'.

    ``sigma^2 / b`` for b examples drawn with replacement, ``sigma^2 / b (B - b) / (B - 1)`` for b
    of B drawn without: 0 for the full batch.

    Args:
        variance: ``sigma^2``, see `gradient_variance`; 0 or more, any shape.
        batch_size: b, 1 or more; an array must broadcast with ``variance``.
        examples: B, b or more, if they are drawn without replacement; None for with.

    Returns:
        The variance, in the shape that the arguments broadcast to.

    Raises:
        ValueError: if a number, or an entry of an array that is not traced, is out of its range.

    Numerics: B - b is taken of integers, so that it keeps its digits where b is nearly B.

    Source: lecture 000, gradient noise; Cochran 1977, theorem 2.2, for (B - b) / (B - 1).

    >>> float(predicted_variance(12.0, 4)), float(predicted_variance(12.0, 4, examples=7))
    (3.0, 1.5)
    """
    check_range("variance", variance, low=0.0)
    check_range("batch_size", batch_size, low=1)
    _check_broadcast(variance=variance, batch_size=batch_size)
    size = jnp.asarray(batch_size, jnp.result_type(float))
    with_replacement = jnp.asarray(variance, size.dtype) / size
    if examples is None:
        return with_replacement
    examples = check_count("examples", examples)
    expected = f"to be at most the {examples} examples"
    check_entries("batch_size", batch_size, lambda b: b <= examples, expected)
    left = jnp.asarray(_left(examples, batch_size), size.dtype)
    return with_replacement * left / float(max(examples - 1, 1))


def _check_broadcast(**arrays: float | AnyArray) -> None:
    shapes = [np.shape(array) for array in arrays.values()]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise invalid_value(" and ".join(arrays), "to broadcast", f"shapes {shapes}") from None


def _left(examples: int, batch_size: int | AnyArray) -> Any:
    """Return the number of examples outside a mini-batch, exact for integers."""
    if not isinstance(batch_size, Tracer):
        sizes = np.asarray(batch_size)
        whole = jnp.issubdtype(sizes.dtype, jnp.integer)
        return examples - sizes.astype(np.int64 if whole else np.float64)
    if jnp.issubdtype(batch_size.dtype, jnp.integer) and examples <= LARGEST:
        return examples - batch_size.astype(jnp.int32)
    return float(examples) - batch_size.astype(float)


def two_batch_noise(
    small_square: float | AnyArray,
    large_square: float | AnyArray,
    *,
    small: int,
    large: int,
) -> GradientNoise:
    """Return unbiased estimates of ``sigma^2`` and ``|G|^2`` from gradients of two batch sizes.

    From ``E|g|^2 = |G|^2 + sigma^2 / b``:
    ``|G|^2 = (b |g_b|^2 - a |g_a|^2) / (b - a)`` and
    ``sigma^2 = (|g_a|^2 - |g_b|^2) / (1/a - 1/b)`` with sizes a < b. It costs nothing where both
    are computed anyway, as on several devices. A single estimate can be negative; average
    both over steps before dividing one by the other, since ``.scale`` of one estimate is biased.

    Args:
        small_square: ``|g_a|^2`` of a mini-batch of ``small`` examples, or the mean of several.
        large_square: ``|g_b|^2`` of a mini-batch of ``large`` examples, or the mean of several.
        small: a, 1 or more.
        large: b, more than a. Both are drawn with replacement, or from far more examples.

    Returns:
        The estimates, in the shape of the squares.

    Raises:
        ValueError: if ``large`` is not larger than ``small``, or a square, or an entry of an array
            of squares that is not traced, negative or not finite.

    Source: McCandlish et al. 2018, appendix A.1.

    >>> noise = two_batch_noise(5.0, 2.0, small=1, large=4)  # |G|^2 + sigma^2 / b
    >>> float(noise.square), float(noise.variance)
    (1.0, 4.0)
    """
    check_count("large", large, minimum=check_count("small", small) + 1)
    check_range("small_square", small_square, low=0.0)
    check_range("large_square", large_square, low=0.0)
    _check_broadcast(small_square=small_square, large_square=large_square)
    small_square, large_square = _floating(small_square), _floating(large_square)
    square = (float(large) * large_square - float(small) * small_square) / float(large - small)
    return GradientNoise((small_square - large_square) / (1 / small - 1 / large), square)


def _floating(value: float | AnyArray) -> Array:
    array = jnp.asarray(value)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


@instrument("relative", chunk=1)
def _noise(
    objective: Objective,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    key: Key | None,
    training: bool,
    chunk: int,
    relative: bool,
) -> GradientNoise:
    """Return the noise; if relative, of gradients scaled to a mean near 1."""
    check_separable(objective.network, training)
    total = count(examples)
    risk = example_risk(objective, statistics, training=training)

    def summed(params: Params, draws: tuple[Examples, Key | None]) -> Array:
        return jnp.sum(jax.vmap(risk, (None, 0))(params, draws))

    def wide_sum(draws: tuple[Examples, Key | None]) -> Params:
        return jax.tree.map(_widened, jax.grad(summed)(params, draws))

    def deviation(gradient: Params) -> Array:
        off = rescaled(unit, jax.tree.map(lambda g, m: _widened(g) - m, gradient, mean))
        return dot(off, off)

    # one matrix product per layer and chunk, where examples by themselves take one each
    sums = batched_sum(wide_sum, with_keys(examples, key), chunk=chunk)
    mean = jax.tree.map(lambda leaf: leaf / total, sums)
    near, unit = near_one(mean) if relative else (mean, jnp.ones(()))
    deviations = map_gradients(
        deviation, objective, params, statistics, examples, key=key, training=training, chunk=chunk
    )
    return GradientNoise(jnp.mean(deviations), dot(near, near))


def _widened(leaf: Array) -> Array:
    return leaf.astype(at_least_float32(leaf.dtype))
