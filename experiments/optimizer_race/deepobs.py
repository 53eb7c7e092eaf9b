"""DeepOBS's stochastic quadratic problem "quadratic_deep", and its published results.

DeepOBS seeds TensorFlow's graph and initializes its iterator before every epoch, so every epoch has
the same order (https://github.com/tensorflow/tensorflow/issues/13446). The published results of
momentum and of Adam need that order.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.optimizer_race.contestants import Contestant
from jaxnet.core.types import Array
from jaxnet.optim import OPTIMIZERS

DIMENSIONS, EXAMPLES, BATCH = 100, 1000, 128
BATCHES = EXAMPLES // BATCH
"""Batches per epoch, and per test: an incomplete one is dropped."""

INITIAL_LOSS = 353.4468
"""Published loss of the test examples at the start."""

SOURCE = "Schneider et al. 2019, DeepOBS, quadratic_deep"


PUBLISHED_RUNS = 10


class Published(NamedTuple):
    """Published result: best learning rate, and final test loss over `PUBLISHED_RUNS`."""

    rate: float
    mean: float
    deviation: float


PUBLISHED = {
    "sgd": Published(10**-1.8, 87.3975, 0.169),
    "momentum 0.99": Published(10**-2.6, 87.0450, 0.0252),
    "adam": Published(10**-1.4, 87.1119, 0.0242),
}


def place_of(rate: float, rates: np.ndarray) -> int:
    """Return the index of the nearest learning rate."""
    return int(np.argmin(np.abs(np.log(rates / rate))))


def published_contestants() -> dict[str, Contestant]:
    """Return the optimizers of `PUBLISHED` by name."""
    return {
        "sgd": OPTIMIZERS["sgd"],
        "momentum 0.99": lambda rate: OPTIMIZERS["momentum"](rate, momentum=0.99),
        "adam": OPTIMIZERS["adam"],
    }


class Problem(NamedTuple):
    """``1/2 (w - x)^T H (w - x)``, averaged over examples ``x``.

    Attributes:
        hessian: ``H``, with 90 eigenvalues in (0, 1) and 10 in (30, 60).
        train: examples to train on, shape (1000, 100).
        test: test examples of 7 whole batches, shape (896, 100).
    """

    hessian: np.ndarray
    train: np.ndarray
    test: np.ndarray


def quadratic_deep() -> Problem:
    """Draw the problem by NumPy's legacy generators, as DeepOBS does."""
    generator = np.random.RandomState(42)
    few, many = generator.uniform(0, 1, 90), generator.uniform(30, 60, 10)
    rotation = random_rotation(generator, DIMENSIONS)
    hessian = rotation.T @ np.diag(np.concatenate([few, many])) @ rotation
    return Problem(hessian, _examples(42), _examples(43)[: BATCHES * BATCH])


def random_rotation(generator: np.random.RandomState, dimensions: int) -> np.ndarray:
    """Draw a rotation uniformly, by the subgroup algorithm.

    A rotation of d - 1 dimensions, then the reflection that takes the first axis to a random
    direction, for d = 3, 4, ...; one sign at the end makes the determinant 1.

    Source: Diaconis and Shahshahani 1987, "The subgroup algorithm for generating uniform random
    variables".
    """
    angle = 2 * np.pi * generator.uniform()
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for size in range(3, dimensions + 1):
        direction = generator.normal(size=size)
        mirror = np.eye(size)[0] - direction / np.linalg.norm(direction)
        mirror /= np.linalg.norm(mirror)
        larger = np.eye(size)
        larger[1:, 1:] = rotation
        rotation = larger - 2 * np.outer(mirror, mirror @ larger)
    return -rotation


def mean_loss(problem: Problem, w: Any, x: Any) -> Any:
    """Return ``mean_n 1/2 (w - x_n)^T H (w - x_n)``, of NumPy's or JAX's arrays."""
    off = w[None] - x
    return 0.5 * (off @ problem.hessian * off).sum(axis=1).mean()


def batch_means(
    problem: Problem, *, seed: int = 0, seeds: int, epochs: int, reshuffle: bool
) -> np.ndarray:
    """Return the mean of each mini-batch, on which alone the gradient depends.

    Args:
        problem: problem with the training examples.
        seed: seed of the first run; run ``i`` has ``seed + i``.
        seeds: number of runs.
        epochs: number of epochs, each without the incomplete last batch.
        reshuffle: whether each epoch has a new order, instead of that of the first.

    Returns:
        Means of shape (seeds, 7 epochs, 100).
    """

    def run_means(run: int) -> np.ndarray:
        generator = np.random.default_rng(seed + run)
        orders = [generator.permutation(EXAMPLES) for _ in range(epochs if reshuffle else 1)]
        batches = np.stack(orders)[:, : BATCHES * BATCH].reshape(-1, BATCH)
        means = np.stack([problem.train[batch].mean(axis=0) for batch in batches])
        return means if reshuffle else np.tile(means, (epochs, 1))

    return np.stack([run_means(run) for run in range(seeds)])


def final_losses(
    problem: Problem, make: Contestant, rates: np.ndarray, batches: np.ndarray
) -> np.ndarray:
    """Train from ``w = 1`` with every rate on every run of batches, in one program.

    Args:
        problem: the problem.
        make: the optimizer.
        rates: learning rates.
        batches: means of the mini-batches, shape (runs, steps, 100).

    Returns:
        Test losses after the last step, shape (rates, runs); not finite for diverged runs.
    """
    # the mean over examples, of which only the first term depends on w
    middle = problem.test.mean(axis=0)
    spread = mean_loss(problem, middle, problem.test)

    def final_loss(rate: Array, means: Array) -> Array:
        w = _train(problem, make(rate), means)
        return 0.5 * (w - middle) @ problem.hessian @ (w - middle) + spread

    every = jax.vmap(jax.vmap(final_loss, (None, 0)), (0, None))
    return np.asarray(jax.jit(every)(rates, batches))


def _train(problem: Problem, optimizer: optax.GradientTransformation, means: Array) -> Array:
    def step(carry: tuple, x: Array) -> tuple[tuple, None]:
        w, state = carry
        change, state = optimizer.update(problem.hessian @ (w - x), state, w)
        return (w + change, state), None

    w = jnp.ones(DIMENSIONS)
    return jax.lax.scan(step, (w, optimizer.init(w)), means)[0][0]


def _examples(seed: int) -> np.ndarray:
    generator = np.random.RandomState(seed)
    return generator.normal(0.0, 0.6, (EXAMPLES, DIMENSIONS)).astype(np.float32).astype(np.float64)
