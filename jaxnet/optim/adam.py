"""Adam: momentum and per-weight step sizes, both with bias correction."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import check_range
from jaxnet.core.types import Array
from jaxnet.optim.learning_rate import LearningRate, check_learning_rate, rate_at


class AdamState(NamedTuple):
    """State of `adam`: finished steps (int32), and the moments, trees like the parameters."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    mu: Any
    nu: Any


def adam(
    learning_rate: LearningRate,
    *,
    b1: float | Array = 0.9,
    b2: float | Array = 0.999,
    eps: float | Array = 1e-8,
) -> optax.GradientTransformation:
    """Adam: ``w <- w - eta mu_hat / (sqrt(nu_hat) + eps)``.

    ``mu <- b1 mu + (1 - b1) g``, ``nu <- b2 nu + (1 - b2) g^2``, ``mu_hat = mu / (1 - b1^t)``,
    ``nu_hat = nu / (1 - b2^t)``, with ``t`` counted from 1.

    Equal to ``optax.adam`` and ``torch.optim.Adam``. Keras adds its ``eps`` before the bias
    correction, and the lecture's slide has neither bias correction nor ``eps``.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0; keeps a gradient of 0 from dividing by 0. In float16,
            1e-8 rounds to 0: choose 1e-7 or more there.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Numerics: ``1 - b^t`` is computed by `expm1`. The direct form cancels: in float32 it is wrong
    by 1.3e-5 of itself at the first step for ``b2 = 0.999``.

    Source: Kingma and Ba 2015, algorithm 1; lecture 004, "Adam".

    >>> optimizer = adam(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> updates.round(6).tolist()
    [-0.10000000149011612]
    """
    check_learning_rate("adam", learning_rate)
    check_range("adam", "b1", b1, low=0.0, high=1.0, high_open=True)
    check_range("adam", "b2", b2, low=0.0, high=1.0, high_open=True)
    check_range("adam", "eps", eps, low=0.0, low_open=True)

    def init(params: Any) -> AdamState:
        mu = jax.tree.map(jnp.zeros_like, params)
        nu = jax.tree.map(jnp.zeros_like, params)
        return AdamState(jnp.zeros((), jnp.int32), mu, nu)

    def update(updates: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        del params
        eta = rate_at(learning_rate, state.count)
        count = state.count + 1
        squares = jax.tree.map(lambda g: g * g, updates)
        mu = _moving_average(b1, state.mu, updates)
        nu = _moving_average(b2, state.nu, squares)

        def step(m: Array, v: Array) -> Array:
            m_hat = m / _bias_correction(b1, count, m.dtype)
            v_hat = v / _bias_correction(b2, count, v.dtype)
            return -eta.astype(m.dtype) * m_hat / (jnp.sqrt(v_hat) + jnp.asarray(eps, m.dtype))

        return jax.tree.map(step, mu, nu), AdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def _moving_average(decay: float | Array, averages: Any, values: Any) -> Any:
    def blend(average: Array, value: Array) -> Array:
        old, new = jnp.asarray(decay, value.dtype), jnp.asarray(1 - decay, value.dtype)
        return old * average + new * value

    return jax.tree.map(blend, averages, values)


def _bias_correction(decay: float | Array, count: Array, dtype: Any) -> Array:
    """Return ``1 - decay^count`` to full relative precision."""
    if isinstance(decay, int | float):
        log_decay = jnp.asarray(np.log(decay) if decay > 0 else -np.inf, dtype)
    else:
        log_decay = jnp.log(jnp.asarray(decay, dtype))
    return -jnp.expm1(count.astype(dtype) * log_decay)
