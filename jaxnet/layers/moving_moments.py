"""The moments that batch normalization keeps: averages that move, or of all examples, in parts."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.types import Array, Statistics


class MovingMoments(NamedTuple):
    """Statistics of batch normalization: averages over the mini-batches seen in training.

    Attributes:
        mean: in the shape of one input; starts at 0.
        variance: likewise; starts at 1.
    """

    mean: Array
    variance: Array


class PooledMoments(NamedTuple):
    """Statistics of batch normalization while they are taken anew, over examples in parts.

    A layer that is given these standardizes by ``moving``, in training, too, and adds what it is
    given to ``pooled``.

    Attributes:
        moving: what the layer standardizes by.
        pooled: mean and variance of all that it was given, by the convention over n or n - 1.
        examples: how many that were, a scalar.
    """

    moving: MovingMoments
    pooled: MovingMoments
    examples: Array


def start_pooling(statistics: Statistics) -> Statistics:
    """Return a network's statistics as batch normalization starts to take them anew."""

    def start(node: Any) -> Any:
        if not isinstance(node, MovingMoments):
            return node
        return PooledMoments(
            node, jax.tree.map(jnp.zeros_like, node), jnp.zeros((), node.mean.dtype)
        )

    return jax.tree.map(start, statistics, is_leaf=lambda node: isinstance(node, MovingMoments))


def end_pooling(statistics: Statistics) -> Statistics:
    """Return a network's statistics with what batch normalization has pooled as its moments."""
    return jax.tree.map(
        lambda node: node.pooled if isinstance(node, PooledMoments) else node,
        statistics,
        is_leaf=lambda node: isinstance(node, PooledMoments),
    )


def find_nodes(tree: Any, kind: type) -> list[Any]:
    """Return the nodes of a tree, such as a network's statistics, that are of a kind, in order."""
    leaves = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, kind))
    return [leaf for leaf in leaves if isinstance(leaf, kind)]


def pool(old: PooledMoments, new: MovingMoments, examples: int, *, unbiased: bool) -> PooledMoments:
    """Return the moments of what was seen and of some more examples together.

    ``mean = old + w (new - old)`` and ``variance = (1 - w) old + w new + w (1 - w) (difference of
    the means)^2``, over n, with ``w`` the new examples' share.

    Args:
        old: the moments of what was seen.
        new: those of more examples, the variance over n.
        examples: how many more, 1 or more.
        unbiased: whether the pooled variance is over n - 1; that of one example counts as 0.

    Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
    """
    total = old.examples + examples
    w, lost = examples / total, float(unbiased)
    over_n = (
        old.pooled.variance * jnp.maximum(old.examples - lost, 0) / jnp.maximum(old.examples, 1)
    )
    off = new.mean - old.pooled.mean
    variance = over_n + w * (new.variance - over_n) + jnp.square(off * jnp.sqrt(w * (1 - w)))
    pooled = MovingMoments(
        old.pooled.mean + w * off, variance * (total / jnp.maximum(total - lost, 1))
    )
    return PooledMoments(old.moving, pooled, total)
