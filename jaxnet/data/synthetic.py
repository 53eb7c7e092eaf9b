"""Synthetic data ``S(seed)``: examples drawn from a process that is known (lecture 004).

Each function takes a PRNG key and a number of examples, is pure, and may be compiled if that
number is a Python integer. Inputs have shape ``(n, features)`` and JAX's floating-point default;
labels are int32 of shape ``(n,)``, as balanced as ``n`` allows, in an order drawn at random.
"""

import math

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_count, check_key, check_range, check_ranges, require
from jaxnet.core.random import random_order
from jaxnet.core.types import Array, Key, Layer, Number, Shape
from jaxnet.data.examples import Examples

GRAVITY = 9.81
"""Acceleration of free fall, m / s^2."""

_RANGES = {"noise": "[0, inf)", "turns": "(0, inf)", "factor": "(0, 1)"}


def projectile(
    key: Key,
    n: int,
    *,
    velocities: tuple[float, float] = (1.0, 30.0),
    heights: tuple[float, float] = (0.5, 20.0),
    noise: Number = 0.0,
) -> Examples:
    """Draw throws: how far a body flies that is thrown horizontally from a height.

    ``d = v sqrt(2 h / g) = .45 v sqrt(h)``: the distance in metres at which it hits the ground.

    Args:
        key: PRNG key.
        n: number of throws.
        velocities: least and largest ``v``, in m / s, drawn uniformly.
        heights: least and largest ``h``, in m, drawn uniformly; 0 or more.
        noise: standard deviation of a Gaussian error of the distance, in m.

    Returns:
        Inputs ``(v, h)``, shape ``(n, 2)``; distances, shape ``(n, 1)``.

    Source: lecture 004, "Synthetic Data Generation".

    >>> x, d = projectile(jax.random.key(0), 100)
    >>> bool(jnp.allclose(d[:, 0], 0.45 * x[:, 0] * jnp.sqrt(x[:, 1]), rtol=4e-3))
    True
    """
    _check(key, n, noise=noise)
    check_range("heights", heights[0], low=0)
    keys = jax.random.split(key, 3)
    v = _uniform(keys[0], (n, 1), _check_bounds("velocities", velocities))
    h = _uniform(keys[1], (n, 1), _check_bounds("heights", heights))
    d = v * jnp.sqrt(2 * h / GRAVITY) + noise * jax.random.normal(keys[2], v.shape)
    return Examples(jnp.concatenate([v, h], axis=1), d)


def polynomial(
    key: Key,
    n: int,
    *,
    coefficients: tuple[float, ...] = (3.0, 3.0, 1.0),
    inputs: tuple[float, float] = (-2.0, 2.0),
    noise: Number = 0.5,
) -> Examples:
    """Draw points of a polynomial machine ``v = x^2 + 3 x + 3 + noise``.

    Args:
        key: PRNG key.
        n: number of points.
        coefficients: of the powers of ``x``, the constant first.
        inputs: least and largest ``x``, drawn uniformly.
        noise: largest absolute value of an error that is drawn uniformly.

    Returns:
        Inputs ``x`` and targets ``v``, each of shape ``(n, 1)``.

    Source: lecture 004, "Polynomial fitting".

    >>> x, v = polynomial(jax.random.key(0), 5, noise=0.0)
    >>> bool(jnp.allclose(v, x**2 + 3 * x + 3, rtol=1e-6))
    True
    """
    _check(key, n, noise=noise)
    x_key, noise_key = jax.random.split(key)
    require(coefficients, "coefficients", "to be one or more", "none")
    x = _uniform(x_key, (n, 1), _check_bounds("inputs", inputs))
    v = jnp.polyval(jnp.asarray(coefficients[::-1], x.dtype), x)
    return Examples(x, v + noise * _uniform(noise_key, (n, 1), (-1.0, 1.0)))


def two_moons(key: Key, n: int, *, noise: Number = 0.1) -> Examples:
    """Draw two interleaved half circles of radius 1.

    Args:
        key: PRNG key.
        n: number of points.
        noise: standard deviation of a Gaussian error of each coordinate.

    Source: as ``sklearn.datasets.make_moons``, with angles drawn uniformly.

    >>> two_moons(jax.random.key(0), 6).targets.sum().item()
    3
    """
    _check(key, n, noise=noise)
    keys, label = _labels(key, n, 2)
    angle = _uniform(keys[0], (n,), (0.0, math.pi))
    upper = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    lower = jnp.asarray([1.0, 0.5], upper.dtype)[None] - upper
    return _noisy(keys[1], jnp.where(label[:, None] == 0, upper, lower), label, noise)


def two_circles(key: Key, n: int, *, factor: Number = 0.5, noise: Number = 0.1) -> Examples:
    """Draw a circle of radius 1, class 0, around a smaller one, class 1.

    Args:
        key: PRNG key.
        n: number of points.
        factor: radius of the smaller circle, in (0, 1).
        noise: standard deviation of a Gaussian error of each coordinate.

    Source: as ``sklearn.datasets.make_circles``, with angles drawn uniformly.

    >>> x, label = two_circles(jax.random.key(0), 8, factor=0.25, noise=0.0)
    >>> bool(jnp.allclose(jnp.linalg.norm(x, axis=1), jnp.where(label == 0, 1.0, 0.25)))
    True
    """
    _check(key, n, noise=noise, factor=factor)
    keys, label = _labels(key, n, 2)
    angle = _uniform(keys[0], (n,), (0.0, 2 * math.pi))
    radius = jnp.where(label == 0, 1.0, jnp.asarray(factor, angle.dtype))
    return _noisy(keys[1], _polar(radius, angle), label, noise)


def spirals(
    key: Key, n: int, *, classes: int = 2, turns: Number = 1.5, noise: Number = 0.02
) -> Examples:
    """Draw spirals that wind around the origin, one a class.

    Args:
        key: PRNG key.
        n: number of points.
        classes: number of spirals, 2 or more.
        turns: how often each winds from the radius 0 to the radius 1, above 0.
        noise: standard deviation of a Gaussian error of each coordinate.

    Source: Lang and Witbrock 1988, "Learning to tell two spirals apart".

    >>> x, label = spirals(jax.random.key(0), 9, classes=3)
    >>> x.shape, jnp.bincount(label).tolist()
    ((9, 2), [3, 3, 3])
    """
    check_count("classes", classes, minimum=2)
    _check(key, n, noise=noise, turns=turns)
    keys, label = _labels(key, n, classes)
    radius = jnp.sqrt(_uniform(keys[0], (n,), (0.0, 1.0)))  # as many points on each length
    first = label.astype(radius.dtype) / classes
    return _noisy(keys[1], _polar(radius, 2 * math.pi * (turns * radius + first)), label, noise)


def xor(key: Key, n: int, *, noise: Number = 0.1) -> Examples:
    """Draw points around the corners of a square; the class is the exclusive or of its sides.

    No line separates the classes (lecture 003).

    Args:
        key: PRNG key.
        n: number of points.
        noise: standard deviation of a Gaussian error of each coordinate; the corners are at
            -1 and 1.

    >>> x, label = xor(jax.random.key(0), 8, noise=0.0)
    >>> bool(jnp.all((label == 1) == (x[:, 0] * x[:, 1] < 0)))
    True
    """
    _check(key, n, noise=noise)
    keys, corner = _labels(key, n, 4)
    sides = jnp.stack([corner % 2, corner // 2], axis=1)
    x = 2 * sides.astype(jnp.result_type(float)) - 1
    return _noisy(keys[1], x, sides[:, 0] ^ sides[:, 1], noise)


def blobs(
    key: Key,
    n: int,
    *,
    classes: int = 3,
    features: int = 2,
    separation: Number = 4.0,
    condition: Number = 1.0,
) -> Examples:
    """Draw a Gaussian cloud for each class, all of one covariance.

    The covariance has eigenvalues from 1 down to ``1 / condition``, in equal steps of their
    logarithms, in a random basis: ``condition`` is its condition number. The centres are drawn on
    a sphere of radius ``separation``.

    Args:
        key: PRNG key.
        n: number of points.
        classes: number of clouds, 2 or more.
        features: number of features, 1 or more.
        separation: distance of the centres from the origin, in standard deviations.
        condition: condition number of the covariance, 1 or more.

    >>> x, label = blobs(jax.random.key(0), 4000, condition=100.0, separation=0.0)
    >>> 70 < jnp.linalg.cond(jnp.cov(x.T)).item() < 130
    True
    """
    check_count("classes", classes, minimum=2)
    check_count("features", features)
    check_range("separation", separation, low=0)
    check_range("condition", condition, low=1)
    _check(key, n)
    keys, label = _labels(key, n, classes)
    centre_key, basis_key = jax.random.split(keys[0])
    centres = jax.random.normal(centre_key, (classes, features))
    centres = separation * centres / jnp.linalg.norm(centres, axis=1, keepdims=True)
    basis, _ = jnp.linalg.qr(jax.random.normal(basis_key, (features, features)))
    steps = jnp.linspace(0.0, 1.0, features) if features > 1 else jnp.zeros(1)
    spread = jnp.asarray(condition, steps.dtype) ** (-steps / 2)
    noise = jax.random.normal(keys[1], (n, features)) * spread[None]
    return Examples(centres[label] + noise @ basis.T, label)


def teacher(
    key: Key, n: int, network: Layer, in_shape: Shape, *, labels: bool = False, noise: Number = 0.0
) -> Examples:
    """Draw inputs of mean 0 and variance 1, and what a network with random parameters answers.

    A student with the same architecture can learn it without error.

    Args:
        key: PRNG key, of inputs, parameters and noise.
        n: number of examples.
        network: the teacher.
        in_shape: shape of one input.
        labels: whether targets are the index of the largest output instead of the outputs.
        noise: standard deviation of a Gaussian error of each output.

    Returns:
        Inputs of shape ``(n, *in_shape)``; targets ``(n, outputs)``, or labels ``(n,)``.

    >>> from jaxnet.layers import dense
    >>> x, y = teacher(jax.random.key(0), 5, dense(3), (2,))
    >>> x.shape, y.shape
    ((5, 2), (5, 3))
    """
    _check(key, n, noise=noise)
    x_key, init_key, noise_key = jax.random.split(key, 3)
    x = jax.random.normal(x_key, (n, *in_shape))
    params, statistics = network.init(init_key, in_shape)
    y, _ = network.apply(params, statistics, x)
    y = y + jnp.asarray(noise, y.dtype) * jax.random.normal(noise_key, y.shape, y.dtype)
    return Examples(x, jnp.argmax(y, axis=-1).astype(jnp.int32) if labels else y)


def _check(key: Key, n: int, **numbers: Number) -> None:
    check_key("key", key)
    check_count("n", n)
    check_ranges(_RANGES, **numbers)


def _check_bounds(argument: str, bounds: tuple[float, float]) -> tuple[float, float]:
    for bound in bounds:
        check_range(argument, bound)
    rising = bounds[0] <= bounds[1]
    require(rising, argument, "to be the least and the largest value", bounds)
    return bounds


def _uniform(key: Key, shape: Shape, bounds: tuple[float, float]) -> Array:
    return jax.random.uniform(key, shape, minval=bounds[0], maxval=bounds[1])


def _labels(key: Key, n: int, classes: int) -> tuple[Array, Array]:
    """Return two keys, and labels that are as balanced as can be, in random order."""
    order_key, *keys = jax.random.split(key, 3)
    return jnp.stack(keys), random_order(order_key, n) % classes


def _polar(radius: Array, angle: Array) -> Array:
    return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)


def _noisy(key: Key, x: Array, label: Array, noise: Number) -> Examples:
    error = jax.random.normal(key, x.shape, x.dtype)
    return Examples(x + jnp.asarray(noise, x.dtype) * error, label)


__all__ = [
    "GRAVITY",
    "blobs",
    "polynomial",
    "projectile",
    "spirals",
    "teacher",
    "two_circles",
    "two_moons",
    "xor",
]

__dir__ = __all__.copy  # dir() shows these names alone
