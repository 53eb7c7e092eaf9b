"""Paths of parameters under an optimizer of optax's protocol, PyTorch's or Keras's.

The gradients are given, one row a step, and do not depend on the parameters, so that rounding
errors do not grow. PyTorch and Keras are imported when they are needed.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.optional_imports import import_package
from jaxnet.optim.verification.programs import as_users_do


def follow_optax(
    optimizer: optax.GradientTransformation, params: Any, rows: Any
) -> tuple[Any, Any]:
    """Return the updates of an optimizer and the parameters after each, by a scan.

    Args:
        optimizer: of optax's protocol.
        params: tree of parameters, of their dtypes.
        rows: tree of gradients, each leaf with a first axis of steps.
    """

    def step(carry: Any, row: Any) -> Any:
        params, state = carry
        updates, state = optimizer.update(row, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), (updates, params)

    params = jax.tree.map(jnp.asarray, params)
    return jax.lax.scan(step, (params, optimizer.init(params)), rows)[1]


def follow_torch(
    make: Callable[..., Any],
    params: Sequence[np.ndarray],
    rows: Sequence[np.ndarray],
    rates: np.ndarray,
) -> list[np.ndarray]:
    """Return the parameters after each step of a PyTorch optimizer, with a first axis of steps.

    Args:
        make: ``(torch, params, rate) -> torch.optim.Optimizer``.
        params: the parameters, all float64 or all float32.
        rows: their gradients, with a first axis of steps.
        rates: the learning rate of each step; an empty array leaves that of the optimizer.
    """
    torch = import_package("torch")
    weights = [torch.tensor(w, requires_grad=True) for w in params]
    # PyTorch keeps scalars of its state, such as NAdam's product of momenta, in the default dtype
    before = torch.get_default_dtype()
    torch.set_default_dtype(weights[0].dtype)
    try:
        optimizer = make(torch, weights, float(rates[0]) if len(rates) else None)
        paths: list[list[np.ndarray]] = [[] for _ in weights]
        for t in range(len(rows[0])):
            for group in optimizer.param_groups if len(rates) else ():
                group["lr"] = float(rates[t])
            for w, row in zip(weights, rows, strict=True):
                w.grad = torch.tensor(row[t])
            optimizer.step()
            for path, w in zip(paths, weights, strict=True):
                path.append(w.detach().numpy().copy())
    finally:
        torch.set_default_dtype(before)
    return [np.stack(path) for path in paths]


def keras_follower(
    make: Callable[..., Any],
    params: Sequence[np.ndarray],
    rows: Sequence[np.ndarray],
    *,
    dtype: str = "float64",
) -> Callable[[Any], Any]:
    """Return ``rates -> parameters after each step`` of a Keras optimizer, in `keras_in`.

    Args:
        make: ``keras -> keras.optimizers.Optimizer``.
        params: the parameters.
        rows: their gradients, with a first axis of steps.
        dtype: of the variables.
    """
    keras = import_package("keras")
    start = [keras.Variable(w, dtype=dtype) for w in params]
    optimizer = make(keras)
    optimizer.build(start)
    position = [each is optimizer._learning_rate for each in optimizer.variables].index(True)

    def step(carry: Any, now: Any) -> Any:
        weights, state = carry
        row, state[position] = now
        weights, state = optimizer.stateless_apply(state, row, weights)
        return (weights, state), weights

    def follow(rates: Any) -> Any:
        carry = ([w.value for w in start], [each.value for each in optimizer.variables])
        return jax.lax.scan(step, carry, (list(rows), rates))[1]

    return follow


@contextmanager
def keras_in(dtype: str = "float64") -> Iterator[Any]:
    """Import Keras on JAX, with variables of a dtype."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when it is imported
    keras = import_package("keras")
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        with jax.enable_x64(dtype == "float64"), as_users_do():
            yield keras
    finally:
        keras.config.set_floatx(before)
