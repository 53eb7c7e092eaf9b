"""Moments of batch normalization over all examples, recomputed after training."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count
from jaxnet.core.types import Array, Layer, Params, Statistics
from jaxnet.data.examples import Examples, check_examples, count
from jaxnet.layers.moving_moments import MovingMoments, end_pooling, find_nodes, start_pooling
from jaxnet.training.loop.batched_sum import CHUNK


def recompute_statistics(
    network: Layer,
    params: Params,
    statistics: Statistics,
    examples: Examples,
    *,
    batch_size: int = CHUNK,
) -> Statistics:
    """Recompute the moments of batch normalization over all examples.

    Moving averages lag behind the parameters, and those of averaged parameters were never taken.
    Here each layer gets mean and variance of what it is given in evaluation, every example
    weighing the same: what one mini-batch of all would have in training, whatever
    ``batch_size`` is. The layers before it must have theirs first, so that the examples are gone
    through once for each batch-normalization layer.

    ``torch.optim.swa_utils.update_bn`` goes through them once, in training mode: it drops units,
    standardizes by mini-batches, and averages the moments of these, each weighing the same,
    without the variance of their means. On one mini-batch of all ``n``, without dropout, the two
    differ by at most one part in ``n``.

    Args:
        network: the network.
        params: its parameters, such as ``jaxnet.optim.averaged_params`` gives.
        statistics: its statistics; those that are not batch normalization's stay what they are.
        examples: to take the moments of, such as the training examples.
        batch_size: examples at a time, to bound the memory.

    Returns:
        Statistics of the same structure, the variance over n or, by the convention
        ``"torch"``, over n - 1. A layer that is used more than once has the moments of all uses.

    Raises:
        TypeError: for what are no examples.
        ValueError: for none, for NaN, or for inputs that do not fit the network.

    Source: Ioffe and Szegedy 2015, algorithm 2; Izmailov et al. 2018, section 3.2, for averaged
    parameters.

    >>> import jaxnet
    >>> import numpy as np
    >>> layer = jaxnet.layers.batch_norm()
    >>> params, statistics = layer.init(jax.random.key(0), (1,))
    >>> examples = Examples(np.array([[1.0], [2.0], [6.0]]), np.zeros(3))
    >>> moments = recompute_statistics(layer, params, statistics, examples, batch_size=2)
    >>> round(float(moments.mean[0]), 3), round(float(moments.variance[0]), 3)
    (3.0, 4.667)
    """
    check_count("batch_size", batch_size)
    inputs = check_examples("examples", examples).inputs
    for _ in find_nodes(statistics, MovingMoments):
        pooled = start_pooling(statistics)
        for start in range(0, count(examples), batch_size):
            part = jnp.asarray(inputs[start : start + batch_size])
            pooled = _applied(network)(params, pooled, part)
        statistics = end_pooling(pooled)
    return statistics


@functools.lru_cache(maxsize=32)
def _applied(network: Layer) -> Callable[[Params, Statistics, Array], Statistics]:
    def apply(params: Params, statistics: Statistics, inputs: Array) -> Statistics:
        return network.apply(params, statistics, inputs, key=None, training=False)[1]

    return jax.jit(apply)
