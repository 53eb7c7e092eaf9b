"""Piecewise activations, with a kink or jump at 0.

At a kink there is not a derivative. Each rule takes the limit from the left there, and so does
autodiff: a neuron is active where ``z > 0``. At a jump both are 0.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_floating, check_range
from jaxnet.core.types import Array

# Klambauer et al. 2017: with these, outputs of a standard normal ``z`` have mean 0
# and variance 1.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def linear(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return ``y = z``: no activation, the output of a regression (lecture 000)."""
    return z


def linear_derivative(z: Array, y: Array) -> Array:
    """``f' = 1``."""
    del y
    return jnp.ones_like(z)


def step(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Heaviside's step ``y = 1`` where ``z >= 0``, else 0: the perceptron's activation.

    Its gradient is 0 almost everywhere, so that gradient descent learns nothing through it.
    Source: lecture 001.

    >>> step(jnp.array([-0.5, 0.0, 3.0])).tolist()
    [0.0, 1.0, 1.0]
    """
    return jnp.heaviside(z, jnp.ones((), z.dtype))


def step_derivative(z: Array, y: Array) -> Array:
    """``f' = 0``, also at the jump."""
    del y
    return jnp.zeros_like(z)


def sign(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the sign of ``z``, -1, 0 or 1: `step` for the labels -1 and 1.

    ``y = z / |z|``, and 0 at ``z = 0``. Its gradient is 0 almost everywhere, too.

    >>> sign(jnp.array([-0.5, 0.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.sign(z)


def sign_derivative(z: Array, y: Array) -> Array:
    """``f' = 0``, also at the jump."""
    del y
    return jnp.zeros_like(z)


def relu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectified linear unit ``y = max(z, 0)``, with the derivative 0 at ``z = 0``.

    Source: lecture 001.

    >>> relu(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    check_floating("z", z)
    return jax.nn.relu(z)


def relu_derivative(z: Array, y: Array) -> Array:
    """``f' = 1`` where ``z > 0``, else 0."""
    del y
    return jnp.where(z > 0, jnp.ones_like(z), jnp.zeros_like(z))


def leaky_relu(
    z: Float[Array, "*shape"], *, negative_slope: float | Array = 0.01
) -> Float[Array, "*shape"]:
    """Leaky rectified linear unit: ``y = z`` where ``z > 0``, else ``negative_slope * z``.

    The derivative at ``z = 0`` is ``negative_slope``, as in PyTorch (in `jax.nn` it is 1), so
    that the slope 0 makes it `relu`.

    Args:
        z: pre-activations, any shape.
        negative_slope: the slope to the left of 0, any finite number.

    Returns:
        ``y`` in the shape and dtype of ``z``.

    Raises:
        TypeError: if ``z`` is not floating-point.
        ValueError: if the slope is not finite.

    Source: Maas et al. 2013.

    >>> leaky_relu(jnp.array([-2.0, 0.0, 3.0]), negative_slope=0.25).tolist()
    [-0.5, 0.0, 3.0]
    """
    check_floating("z", z)
    check_range("negative_slope", negative_slope)
    return jnp.where(z > 0, z, jnp.asarray(negative_slope, z.dtype) * z)


def leaky_relu_derivative(z: Array, y: Array, *, negative_slope: float | Array = 0.01) -> Array:
    """``f' = 1`` where ``z > 0``, else ``negative_slope``."""
    del y
    return jnp.where(z > 0, jnp.ones_like(z), jnp.asarray(negative_slope, z.dtype))


def elu(z: Float[Array, "*shape"], *, alpha: float | Array = 1.0) -> Float[Array, "*shape"]:
    """Exponential linear unit: ``y = z`` where ``z > 0``, else ``alpha (e^z - 1)``.

    The derivative at ``z = 0`` is ``alpha``; there is no kink if that is 1.

    Args:
        z: pre-activations, any shape.
        alpha: minus the limit at minus infinity, 0 or more.

    Returns:
        ``y`` in the shape and dtype of ``z``, above or at ``-alpha``.

    Raises:
        TypeError: if ``z`` is not floating-point.
        ValueError: if alpha is negative or not finite.

    Numerics: ``e^z - 1`` by ``expm1``, which does not cancel near 0, with the derivative ``e^z``,
    which does not cancel far from it; neither sees a positive ``z``, whose exponential may be
    infinite and turn the gradient into NaN.

    Source: Clevert et al. 2016, section 3.

    >>> [round(v, 3) for v in elu(jnp.array([-1e4, -1.0, 0.0, 3.0])).tolist()]
    [-1.0, -0.632, 0.0, 3.0]
    """
    check_floating("z", z)
    check_range("alpha", alpha, low=0.0)
    left = jnp.where(z > 0, jnp.zeros_like(z), z)
    return jnp.where(z > 0, z, jnp.asarray(alpha, z.dtype) * _expm1(left))


def elu_derivative(z: Array, y: Array, *, alpha: float | Array = 1.0) -> Array:
    """``f' = 1`` where ``z > 0``, else ``alpha e^z``; ``y + alpha`` would cancel to the left."""
    del y
    left = jnp.exp(jnp.where(z > 0, jnp.zeros_like(z), z))
    return jnp.where(z > 0, jnp.ones_like(z), jnp.asarray(alpha, z.dtype) * left)


@jax.custom_jvp
def _expm1(z: Array) -> Array:
    return jnp.expm1(z)


_expm1.defjvps(lambda dz, _, z: dz * jnp.exp(z))  # autodiff's y + 1 cancels


def selu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Scaled exponential linear unit: ``y = 1.0507 elu(z)`` with ``alpha = 1.6733``.

    For a standard normal ``z`` the output has mean 0 and variance 1, so that deep networks with
    weights by `lecun_normal` normalize themselves. The derivative at ``z = 0`` is that from the
    left, 1.7581. Source: Klambauer et al. 2017, section 2.

    >>> [round(v, 3) for v in selu(jnp.array([-1e4, 0.0, 1.0])).tolist()]
    [-1.758, 0.0, 1.051]
    """
    check_floating("z", z)
    return _SELU_SCALE * elu(z, alpha=_SELU_ALPHA)


def selu_derivative(z: Array, y: Array) -> Array:
    """``f' = 1.0507`` where ``z > 0``, else ``1.0507 * 1.6733 e^z``: that of `elu`, scaled."""
    return _SELU_SCALE * elu_derivative(z, y, alpha=_SELU_ALPHA)
