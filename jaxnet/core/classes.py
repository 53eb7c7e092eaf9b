"""Functions over the axis of classes, the last: softmax, cross-entropy, predicted class.

Where one probability rounds to 1, ``1 - y`` is 0, and with it the gradient. Here the
probabilities of the others are added up instead: values and derivatives are right to 4 units in
the last place, wherever they are normal numbers and do not cross 0. All take float32 or wider.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.types import Array


@jax.custom_jvp
def softmax(z: Array) -> Array:
    """``y_i = e^{z_i} / sum_j e^{z_j}``."""
    _, e = _exponentials(z)
    return e / _sum(e)


@softmax.defjvp
def _softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = softmax(*primals)
    return y, softmax_product(y, *tangents)


@jax.custom_jvp
def log_softmax(z: Array) -> Array:
    """Logarithm of `softmax`."""
    d, e = _exponentials(z)
    total, others = _sum(e), _sum(jnp.where(d == 0, 0, e))
    return d - jnp.where(total < 2, jnp.log1p(others), jnp.log(total))  # below 2, one is largest


@log_softmax.defjvp
def _log_softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = softmax(*primals)
    dz = _relative(y, *tangents)
    return log_softmax(*primals), dz - _sum(y * dz)


def label_cross_entropy(z: Array, labels: Array) -> Array:
    """``-log softmax(z)`` at an integer label, one value per example; 0 for a label out of range.

    Its derivative is ``softmax(z)``, but at the label minus the sum of the other probabilities.
    """
    return _label_cross_entropy(z, labels)[0]


@jax.custom_jvp
def _label_cross_entropy(z: Array, labels: Array) -> tuple[Array, Array]:
    """Return the losses and their gradients, whose derivatives are the Jacobian of `softmax`."""
    hit, known = _one_hot(z, labels)
    d, e = _exponentials(z)
    at_label, others = _sum(jnp.where(hit, d, 0)), _sum(jnp.where(hit, 0, e))
    own = jnp.exp(at_label)
    # exact where own is 1, the largest; elsewhere others are 1 or more
    loss = jnp.log1p(others + (own - 1)) - at_label
    gradient = jnp.where(hit, -others, e) / (others + own)
    return jnp.where(known, loss, 0)[..., 0], jnp.where(known, gradient, 0)


@_label_cross_entropy.defjvp
def _label_cross_entropy_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Any]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    (z, labels), (dz, _) = primals, tangents
    loss, gradient = _label_cross_entropy(z, labels)
    second = jnp.where(_one_hot(z, labels)[1], softmax_product(softmax(z), dz), 0)
    return (loss, gradient), (jnp.sum(gradient * dz, axis=-1), second)


def _one_hot(z: Array, labels: Array) -> tuple[Array, Array]:
    """Return one-hot rows of the labels, and whether each label is a class."""
    label = labels[..., None]
    hit = label == jax.lax.broadcasted_iota(label.dtype, z.shape, z.ndim - 1)
    return hit, (label >= 0) & (label < z.shape[-1])


def softmax_product(y: Array, t: Array) -> Array:
    """Product of the softmax's Jacobian ``diag(y) - y y^T`` with a vector, or of its transpose."""
    shifted = _relative(y, t)
    return balanced(y, y * (shifted - _sum(y * shifted)))


def balanced(y: Array, u: Array) -> Array:
    """Return ``u`` with the entry where ``y > 1/2`` replaced so that each vector sums to 0.

    There the differences that make up ``u`` may have cancelled: minus the sum of the others.
    """
    return jnp.where(y > 0.5, -_sum(jnp.where(y > 0.5, 0, u)), u)


def predicted_class(outputs: Array) -> Array:
    """Index of the largest output, the first of equal ones; -1 if an output is NaN."""
    largest = jnp.argmax(outputs, axis=-1).astype(jnp.int32)
    return jnp.where(jnp.any(jnp.isnan(outputs), axis=-1), -1, largest)


def _relative(y: Array, t: Array) -> Array:
    """Subtract from ``t`` its entry where ``y > 1/2``, which leaves derivatives unchanged."""
    likely = y > 0.5
    return jnp.where(likely, 0, t - _sum(jnp.where(likely, t, 0)))


def _exponentials(z: Array) -> tuple[Array, Array]:
    """Return ``d = z - max z`` and ``e^d``, corrected for the rounding of ``d``.

    What ``d`` lost is found exactly (Knuth's two-sum); it would change ``e^d`` by up to
    ``|d| / 2`` units in the last place.
    """
    largest = jax.lax.stop_gradient(jnp.max(z, axis=-1, keepdims=True, initial=-jnp.inf))
    d = z - largest
    back = d - z
    lost = jax.lax.stop_gradient((z - (d - back)) + (-largest - back))
    return d, jnp.exp(d) * (1 + jnp.where(jnp.isfinite(d), lost, 0))


def _sum(values: Array) -> Array:
    return jnp.sum(values, axis=-1, keepdims=True)
