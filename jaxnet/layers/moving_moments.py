"""Statistics of batch normalization: moving averages, or pooled over all examples."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Statistics


class MovingMoments(NamedTuple):
    """Statistics of batch normalization: averages over the mini-batches seen in training.

    Attributes:
        mean: in the shape of one input; starts at 0.
        variance: likewise; starts at 1.
    """

    mean: Array
    variance: Array

    __repr__ = represent


class PooledMoments(NamedTuple):
    """Statistics of batch normalization while they are recomputed batch by batch.

    A layer with these standardizes by ``moving``, even in training, and pools its inputs into
    ``pooled``.

    Attributes:
        moving: the moments for standardization.
        pooled: mean and variance of all inputs, by the convention over n or n - 1.
        examples: the number of inputs, a scalar.
    """

    moving: MovingMoments
    pooled: MovingMoments
    examples: Array


def start_pooling(statistics: Statistics) -> Statistics:
    """Replace a network's moving statistics by empty pooled ones."""

    def start(node: Any) -> Any:
        if not isinstance(node, MovingMoments):
            return node
        return PooledMoments(
            node, jax.tree.map(jnp.zeros_like, node), jnp.zeros((), node.mean.dtype)
        )

    return jax.tree.map(start, statistics, is_leaf=lambda node: isinstance(node, MovingMoments))


def end_pooling(statistics: Statistics) -> Statistics:
    """Replace a network's pooled statistics by their pooled moments."""
    return jax.tree.map(
        lambda node: node.pooled if isinstance(node, PooledMoments) else node,
        statistics,
        is_leaf=lambda node: isinstance(node, PooledMoments),
    )


def find_nodes(tree: Any, kind: type) -> list[Any]:
    """Return the nodes of a type in a tree, in order."""
    leaves = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, kind))
    return [leaf for leaf in leaves if isinstance(leaf, kind)]


def pool(old: PooledMoments, new: MovingMoments, examples: int, *, unbiased: bool) -> PooledMoments:
    """Combine pooled moments with those of more examples.

    ``mean = old + w (new - old)`` and ``variance = (1 - w) old + w new + w (1 - w) (difference of
    the means)^2``, over n, with ``w`` the new examples' share.

    Args:
        old: the pooled moments so far.
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
