"""DeepOBS's stochastic quadratic problem "quadratic_deep", and its published results.

DeepOBS seeds TensorFlow's graph and initializes its iterator anew before every epoch, which then
draws the same order again (https://github.com/tensorflow/tensorflow/issues/13446): its epochs are
alike, and the published results of momentum and of Adam come out only so.
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
"""Batches an epoch, and of a test: an incomplete one is dropped."""

INITIAL_LOSS = 353.4468
"""Of the test examples at the start, as published."""

SOURCE = "Schneider et al. 2019, DeepOBS, quadratic_deep"


PUBLISHED_RUNS = 10


class Published(NamedTuple):
    """A published result: the best learning rate, and the final test loss of `PUBLISHED_RUNS`."""

    rate: float
    mean: float
    deviation: float


PUBLISHED = {
    "sgd": Published(10**-1.8, 87.3975, 0.169),
    "momentum 0.99": Published(10**-2.6, 87.0450, 0.0252),
    "adam": Published(10**-1.4, 87.1119, 0.0242),
}


def place_of(rate: float, rates: np.ndarray) -> int:
    """Return where the nearest learning rate is."""
    return int(np.argmin(np.abs(np.log(rates / rate))))


def published_contestants() -> dict[str, Contestant]:
    """Return the optimizers of the published results, by the names of `PUBLISHED`."""
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
        test: those of 7 whole batches, shape (896, 100).
    """

    hessian: np.ndarray
    train: np.ndarray
    test: np.ndarray


def quadratic_deep() -> Problem:
    """Return the problem, drawn by NumPy's legacy generators as DeepOBS draws it."""
    generator = np.random.RandomState(42)
    few, many = generator.uniform(0, 1, 90), generator.uniform(30, 60, 10)
    rotation = random_rotation(generator, DIMENSIONS)
    hessian = rotation.T @ np.diag(np.concatenate([few, many])) @ rotation
    return Problem(hessian, _examples(42), _examples(43)[: BATCHES * BATCH])


def random_rotation(generator: np.random.RandomState, dimensions: int) -> np.ndarray:
    """Return a rotation drawn uniformly, by the subgroup algorithm.

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
    """Return the mean of each mini-batch, all that the gradient of its mean loss depends on.

    Args:
        problem: its training examples are drawn from.
        seed: of the first run; the next ones follow.
        seeds: how many orders of the examples to begin with.
        epochs: how often each example is drawn, but for the remainder that makes no whole batch.
        reshuffle: whether each epoch has a new order; if not, it repeats the first one's.

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
    """Train from ``w = 1`` at every rate on every run of batches, in one program.

    Args:
        problem: to be solved.
        make: the optimizer.
        rates: learning rates.
        batches: means of the mini-batches, shape (runs, steps, 100).

    Returns:
        The test losses after the last step, shape (rates, runs); not finite where one diverged.
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
