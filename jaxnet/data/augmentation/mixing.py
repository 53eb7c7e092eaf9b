"""Mixtures of examples, labels included."""

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count, check_range, require, require_type
from jaxnet.core.masks import spread
from jaxnet.core.types import Array, Key, Number, Shape
from jaxnet.data.augmentation.compose import Augment, floating
from jaxnet.data.augmentation.images import window
from jaxnet.data.examples import Examples


def mixup(classes: int, alpha: Number = 0.2) -> Augment:
    """Mix each example with another of the mini-batch: ``l x + (1 - l) x'``, labels likewise.

    ``l`` is drawn from Beta(alpha, alpha), one an example. Targets become probabilities.

    Args:
        classes: number of classes of integer labels.
        alpha: above 0: near 0 mixes little, 1 uniformly.

    Source: Zhang et al. 2018, "mixup: Beyond empirical risk minimization"; lecture 004.

    >>> examples = Examples(jnp.eye(2), jnp.array([0, 1]))
    >>> x, t = mixup(2)(jax.random.key(0), examples)
    >>> bool(jnp.allclose(x, t)), t.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """
    check_count("classes", classes, minimum=2)
    check_range("alpha", alpha, low=0, low_open=True)

    def augment(key: Key, examples: Examples) -> Examples:
        order_key, key = jax.random.split(key)
        x, t = _as_mixable(examples, classes)
        other = jax.random.permutation(order_key, len(x))
        share = jax.random.beta(key, alpha, alpha, (len(x),)).astype(x.dtype)
        return examples._replace(inputs=_mixed(x, other, share), targets=_mixed(t, other, share))

    return augment


def cutmix(classes: int, shape: Shape, size: int) -> Augment:
    """Replace a square of each image by that of another; labels are mixed by the area.

    Args:
        classes: number of classes of integer labels.
        shape: ``(height, width)`` or ``(height, width, channels)`` of an input, which may be
            flat.
        size: side of the square, in pixels.

    Source: Yun et al. 2019, "CutMix: Regularization strategy to train strong classifiers".

    >>> examples = Examples(jnp.array([[0.0] * 9, [1.0] * 9]), jnp.array([0, 1]))
    >>> x, t = cutmix(2, (3, 3), 1)(jax.random.key(1), examples)
    >>> bool(jnp.allclose(x.mean(axis=1), t[:, 1])), t.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """
    check_count("classes", classes, minimum=2)
    check_count("size", size)
    height, width = shape[:2]

    def augment(key: Key, examples: Examples) -> Examples:
        order_key, *keys = jax.random.split(key, 3)
        x, t = _as_mixable(examples, classes)
        other = jax.random.permutation(order_key, len(x))
        rows, columns = (
            window(each, len(x), axis, size)
            for each, axis in zip(keys, (height, width), strict=True)
        )
        hole = (rows[:, :, None] & columns[:, None, :])[..., None]
        images = x.reshape(len(x), height, width, -1)
        share = 1 - jnp.mean(hole, axis=(1, 2, 3), dtype=t.dtype)
        inputs = jnp.where(hole, images[other], images).reshape(x.shape)
        return examples._replace(inputs=inputs, targets=_mixed(t, other, share))

    return augment


def _as_mixable(examples: Examples, classes: int) -> tuple[Array, Array]:
    inputs, targets = jnp.asarray(examples.inputs), jnp.asarray(examples.targets)
    x = floating(inputs)
    if targets.ndim == 1:
        integers = jnp.issubdtype(targets.dtype, jnp.integer)
        require_type(integers, "targets", "to be integer labels", targets.dtype)
        return x, jax.nn.one_hot(targets, classes, dtype=x.dtype)
    require(targets.shape[1] == classes, "targets", f"of {classes} classes", targets.shape)
    return x, floating(targets)


def _mixed(values: Array, other: Array, share: Array) -> Array:
    weight = spread(share, values.ndim)
    return weight * values + (1 - weight) * values[other]
