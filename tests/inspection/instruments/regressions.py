"""A linear regression and a small classifier for the instruments; the first in closed form."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.data import Examples
from jaxnet.layers import Dense
from jaxnet.training import Objective, make_objective
from tests.training.toys import blobs


class Here(NamedTuple):
    """What every instrument is given first."""

    objective: Objective
    params: Any
    statistics: Any
    examples: Examples


class Regression(NamedTuple):
    """A linear regression with what NumPy knows of it, in float64.

    Attributes:
        here: the arguments of an instrument.
        gradients: ``2 (w x + b - t) (x, 1)`` of each example, shape (examples, 3).
        hessian: ``2/B sum (x, 1)^T (x, 1)``.
    """

    here: Here
    gradients: np.ndarray
    hessian: np.ndarray


def regression(dtype: Any, n: int = 50, *, penalty: Any = None) -> Regression:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(n, 2)) @ np.array([[2.0, 0.5], [0.0, 0.4]])
    targets = x @ np.array([1.0, -2.0]) + 0.5 + generator.normal(size=n)
    w = np.array([0.3, 0.4, -0.2])
    design = np.concatenate([x, np.ones((n, 1))], axis=1)
    gradients = 2 * (design @ w - targets)[:, None] * design
    objective = make_objective(jaxnet.layers.dense(1), "squared_error", penalty=penalty)
    params = Dense(jnp.asarray(w[None, :2], dtype), jnp.asarray(w[2:], dtype))
    examples = Examples(jnp.asarray(x, dtype), jnp.asarray(targets[:, None], dtype))
    here = Here(objective, params, (), examples)
    return Regression(here, gradients, 2 * design.T @ design / n)


def classifier(*layers: Any, n: int = 37, loss: str = "softmax_cross_entropy") -> Here:
    """Return a network of these layers on `blobs`, by default 3-5-3 with tanh."""
    network = jaxnet.layers.serial(*layers) if layers else jaxnet.mlp((3, 5, 3), activation="tanh")
    params, statistics = network.init(jax.random.key(3), (3,))
    examples = jax.tree.map(jnp.asarray, blobs(n))
    return Here(make_objective(network, loss), params, statistics, examples)


def measured(instrument: Any, here: Here) -> Any:
    """Return what an instrument finds, computed as one program."""
    return jax.jit(lambda *rest: instrument(here.objective, *rest))(*here[1:])


def risk_by_loop(here: Here) -> Any:
    """Return ``params -> risk``, written without jaxnet.inspection."""

    def risk(params: Any) -> jax.Array:
        outputs, _ = here.objective.network.apply(params, here.statistics, here.examples.inputs)
        return here.objective.loss.function(outputs, here.examples.targets).mean()

    return risk
