"""Polynomial regression: linear regression on the powers of one number."""

from typing import Any

from jaxnet.core.types import Array, Layer
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import active_units, dense, powers, serial
from jaxnet.layers.active_units import check_active


def polynomial(
    degree: int,
    *,
    order: int | Array | None = None,
    initializer: str | Initializer = "zeros",
    dtype: Any = None,
) -> Layer:
    """Return a polynomial in one variable: ``y = w_0 + w_1 x + ... + w_P x^P``.

    Its parameters are those of the one dense layer: ``w_0`` is the bias. The model order ``P`` can
    be a number of a sweep: the network has the powers up to ``degree``, and lets those up to
    ``order`` through. The others' weights get no gradient.

    Args:
        degree: the highest power that there is, 1 or more.
        order: the model order P, from 1 to ``degree``, which it is by default; may be traced.
        initializer: of the weights, as for `jaxnet.layers.dense`; the lecture starts from zeros.
        dtype: of the parameters; by default JAX's floating-point default.

    Raises:
        ValueError: for a degree below 1, an order out of range, or an unknown initializer.
        TypeError: for an order that is not an integer.

    Numerics: the powers of numbers above 1 grow, and with them the curvature of the risk: gradient
    descent needs inputs of about 1, and small rates.

    Source: lecture 004, the polynomial machine ``v = x^2 + 3 x + 3 + noise``.

    >>> import jax.numpy as jnp
    >>> from jaxnet.layers import Dense
    >>> params = ((), Dense(jnp.array([[3.0, 1.0]]), jnp.array([3.0])))
    >>> polynomial(2).apply(params, ((), ()), jnp.array([[2.0]]))[0].tolist()
    [[13.0]]
    """
    last = dense(1, in_features=degree, initializer=initializer, dtype=dtype)
    if order is None:
        return serial(powers(degree), last)
    check_active("order", order, width=degree)
    return serial(powers(degree), active_units(order), last)
