"""Augmentations of mini-batches, made of transforms of inputs."""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_range, require
from jaxnet.core.masks import spread
from jaxnet.core.types import Array, Key, Number, Shape
from jaxnet.data.examples import Examples

Augment: TypeAlias = Callable[[Key, Examples], Examples]
"""``(key, mini-batch) -> mini-batch`` of as many examples."""

Transform: TypeAlias = Callable[[Key, Array], Array]
"""``(key, batch) -> batch`` of the same shape, each example from itself alone."""


def chain(*augmentations: Augment) -> Augment:
    """Return the augmentation that applies one after the other.

    >>> from jaxnet.data.augmentation import add_noise, on_inputs
    >>> augment = chain(on_inputs(add_noise(0.1)), on_inputs(add_noise(0.1)))
    >>> augment(jax.random.key(0), Examples(jnp.zeros((2, 3)), jnp.arange(2))).inputs.shape
    (2, 3)
    """

    def augment(key: Key, examples: Examples) -> Examples:
        for index, each in enumerate(augmentations):
            examples = each(jax.random.fold_in(key, index), examples)
        return examples

    return augment


def on_inputs(*transforms: Transform) -> Augment:
    """Return the augmentation that transforms inputs and leaves the targets.

    Args:
        transforms: such as `add_noise`, applied one after the other.

    >>> from jaxnet.data.augmentation import add_noise
    >>> examples = Examples(jnp.zeros((2, 3)), jnp.arange(2))
    >>> on_inputs(add_noise(0.0))(jax.random.key(0), examples).targets.tolist()
    [0, 1]
    """

    def augment(key: Key, examples: Examples) -> Examples:
        return examples._replace(inputs=_transformed(key, jnp.asarray(examples.inputs), transforms))

    return augment


def on_images(shape: Shape, *transforms: Transform) -> Augment:
    """Return the augmentation that transforms inputs as images and leaves the targets.

    Args:
        shape: ``(height, width)`` or ``(height, width, channels)`` of an input, which may be
            flat.
        transforms: such as `affine`, of images of shape ``(n, height, width, channels)``.

    Returns:
        Augmentation whose inputs have the shape that they had, in floating-point numbers of the
        same scale.

    Raises:
        ValueError: when called, for inputs of another size.

    >>> from jaxnet.data.augmentation import flip
    >>> augment = on_images((1, 3), flip(probability=1.0))
    >>> examples = Examples(jnp.array([[1, 2, 3]], jnp.uint8), jnp.array([0]))
    >>> augment(jax.random.key(0), examples).inputs.tolist()
    [[3, 2, 1]]
    """
    require(len(shape) in (2, 3), "shape", "(height, width) or (height, width, channels)", shape)
    whole = shape if len(shape) == 3 else (*shape, 1)

    def augment(key: Key, examples: Examples) -> Examples:
        inputs = jnp.asarray(examples.inputs)
        size = math.prod(inputs.shape[1:])
        require(size == math.prod(shape), "inputs", f"to be images of {shape}", inputs.shape)
        images = _transformed(key, inputs.reshape(-1, *whole), transforms)
        return examples._replace(inputs=images.reshape(inputs.shape))

    return augment


def sometimes(probability: Number, transform: Transform) -> Transform:
    """Return a transform that is applied to each example with a probability.

    Args:
        probability: in [0, 1]; may be traced.
        transform: what is applied, to all of which some are then taken.

    >>> from jaxnet.data.augmentation import add_noise
    >>> never = sometimes(0.0, add_noise(1.0))
    >>> never(jax.random.key(0), jnp.zeros((1, 2))).tolist()
    [[0.0, 0.0]]
    """
    check_range("probability", probability, low=0, high=1)

    def transformed(key: Key, batch: Array) -> Array:
        drawn_key, key = jax.random.split(key)
        new = transform(key, batch)
        drawn = jax.random.uniform(drawn_key, (len(batch),)) < probability
        return jnp.where(spread(drawn, new.ndim), new, batch.astype(new.dtype))

    return transformed


def floating(batch: Array) -> Array:
    """Return a batch in floating-point numbers."""
    if jnp.issubdtype(batch.dtype, jnp.floating):
        return batch
    return batch.astype(jnp.result_type(float))


def with_places(transform: Transform) -> Transform:
    """Return a transform that reads a batch of few bits in float32: those do not tell all places.

    bfloat16 has no integer between 256 and 258.
    """

    def transformed(key: Key, batch: Array) -> Array:
        few = jnp.issubdtype(batch.dtype, jnp.floating) and batch.dtype.itemsize < 4
        if not few:
            return transform(key, batch)
        return transform(key, batch.astype(jnp.float32)).astype(batch.dtype)

    return transformed


def uniform(key: Key, batch: Array, bound: Number) -> Array:
    """Draw one number an example from ``[-bound, bound)``."""
    dtype = floating(batch[:0]).dtype
    drawn = jax.random.uniform(key, (len(batch),), dtype, minval=-1, maxval=1)
    return drawn * jnp.asarray(bound, dtype)


def _transformed(key: Key, batch: Array, transforms: tuple[Transform, ...]) -> Array:
    for index, transform in enumerate(transforms):
        batch = transform(jax.random.fold_in(key, index), batch)
    return batch
