"""Effect of gradient noise: SGD at a constant rate, with a schedule, Rprop, and RMSprop."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.optimizer_race.walk import walk
from jaxnet.core.types import Array
from jaxnet.optim import OPTIMIZERS

CURVATURES = np.linspace(1.0, 10.0, 10)
RATE, HALF_LIFE = 0.1, 20
STEPS = 2000


class Noisy(NamedTuple):
    """SGD on a quadratic with gradient noise of variance 1.

    Attributes:
        name: name of the schedule, for a legend.
        gaps: mean gap over the runs after each step, shape (steps,).
        error: standard error of the last gap.
        predicted: expected gap by theory, for large steps.
    """

    name: str
    gaps: np.ndarray
    error: float
    predicted: np.ndarray


def plateau_and_decay(*, seed: int, runs: int = 300) -> list[Noisy]:
    """Run SGD on ``1/2 sum_i lambda_i w_i^2`` with a constant and with a decaying rate.

    At a constant rate each weight's variance settles at ``eta / (lambda (2 - eta lambda))``. At
    ``eta / (1 + t / tau)``, inverse-time decay, it falls as ``c^2 / ((2 lambda c - 1) t)`` with
    ``c = eta tau``, if ``2 lambda c > 1``.

    Source: Robbins and Monro 1951; Chung 1954; Bottou, Curtis and Nocedal 2018, theorems 4.6, 4.7.
    """
    t = np.arange(1, STEPS + 1)
    c = RATE * HALF_LIFE
    settled = 0.5 * (RATE / (2 - RATE * CURVATURES)).sum()
    falling = 0.5 * (CURVATURES * c**2 / (2 * CURVATURES * c - 1)).sum()
    cases: dict[str, tuple[Any, np.ndarray]] = {
        "constant rate": (RATE, np.full(STEPS, settled)),
        "inverse-time decay": (lambda count: RATE / (1 + count / HALF_LIFE), falling / t),
    }
    noise = np.random.default_rng(seed).normal(size=(runs, STEPS, len(CURVATURES)))
    rows = []
    for name, (rate, predicted) in cases.items():
        every = jax.vmap(functools.partial(_noisy_gaps, OPTIMIZERS["sgd"](rate)))
        gaps = np.asarray(jax.jit(every)(noise))
        error = gaps[:, -1].std(ddof=1) / runs**0.5
        rows.append(Noisy(name, gaps.mean(axis=0), float(error), predicted))
    return rows


def _noisy_gaps(optimizer: optax.GradientTransformation, noise: Array) -> Array:
    start = jnp.ones(len(CURVATURES))
    path = walk(optimizer, lambda w, error: CURVATURES * w + error, start, noise)
    return 0.5 * jnp.sum(CURVATURES * path[1:] ** 2, axis=1)


LECTURE_GRADIENTS = (0.1, 0.1, 0.1, -0.5)
"""Derivatives of four mini-batches (lecture 004): their sum is negative, the minimum is above."""


BY_HAND = (0.0, -1.0, -2.2, -3.64, -2.92)
"""Rprop's weight, in units of its first step size: steps 1, 1.2, 1.44 down, half of it up."""


def lecture_walk(optimizer: optax.GradientTransformation, epochs: int) -> np.ndarray:
    """Return the weight, from 0, with the lecture's four derivatives repeated."""
    gradients = jnp.tile(jnp.array(LECTURE_GRADIENTS), epochs)
    return np.asarray(walk(optimizer, lambda _, g: g, jnp.zeros(()), gradients))


EXAMPLES = 200
"""Settings of the linear regression."""


class Last(NamedTuple):
    """Final gaps of the regression, for each learning rate or first step size.

    Attributes:
        rates: learning rates of SGD and RMSprop.
        sizes: Rprop's first step sizes.
        full: gaps of full-batch Rprop, shape (runs,).
        mini: gaps of Rprop on mini-batches, shape (sizes, runs).
        sgd: gaps of SGD on mini-batches, shape (rates, runs).
        rmsprop: gaps of RMSprop on mini-batches, shape (rates, runs).
        descent: gaps of full-batch gradient descent, shape (rates, runs).
    """

    rates: tuple[float, ...]
    sizes: tuple[float, ...]
    full: np.ndarray
    mini: np.ndarray
    sgd: np.ndarray
    rmsprop: np.ndarray
    descent: np.ndarray


def regression_gaps(
    optimizer: optax.GradientTransformation, *, batch: int, epochs: int, seed: int, runs: int
) -> np.ndarray:
    """Return the gap of the risk after each epoch of a linear regression.

    Targets are ``1 + 2 x`` with exponential noise, the risk is half the mean squared error, and
    every epoch has a new order.

    Args:
        optimizer: the optimizer, started from weights of 0.
        batch: examples per step.
        epochs: number of epochs.
        seed: seed of examples and orders.
        runs: number of runs, each with its own examples and orders.

    Returns:
        Gaps of shape (runs, epochs + 1), the first one before training.
    """
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(runs, EXAMPLES))
    targets = 1 + 2 * inputs + generator.exponential(size=(runs, EXAMPLES)) - 1
    x = np.stack([np.ones_like(inputs), inputs], axis=2)
    order = np.broadcast_to(np.arange(EXAMPLES), (runs, epochs, EXAMPLES))
    order = generator.permuted(order, axis=2).reshape(runs, epochs, -1, batch)
    each = np.arange(runs)[:, None, None, None]

    def step(carry: Any, batch_of: tuple[Array, Array]) -> tuple[Any, None]:
        (w, state), (x, target) = carry, batch_of
        change, state = optimizer.update((x @ w - target) @ x / batch, state, w)
        return (w + change, state), None

    def epoch(carry: Any, batches: tuple[Array, Array]) -> tuple[Any, Array]:
        (w, state), _ = jax.lax.scan(step, carry, batches)
        return (w, state), w

    def run(inputs: Array, targets: Array) -> Array:
        w = jnp.zeros(2)
        return jax.lax.scan(epoch, (w, optimizer.init(w)), (inputs, targets))[1]

    path = np.asarray(jax.jit(jax.vmap(run))(x[each, order], targets[each, order]))
    path = np.concatenate([np.zeros((runs, 1, 2)), path], axis=1)
    best = (np.linalg.pinv(x) @ targets[..., None]).swapaxes(1, 2)
    off = (path - best) @ x.swapaxes(1, 2)
    return 0.5 * np.mean(off**2, axis=2)
