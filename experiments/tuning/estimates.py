"""Settings chosen on test examples, on validation examples and by folds, and their true error."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.record import Claim, at_least, at_most, over_seeds
from jaxnet.core.types import Key
from jaxnet.data import Examples, synthetic
from jaxnet.training import Recipe, grid, sweep

SOURCE = "lecture 000, training, validation and test"
NETWORK = jaxnet.mlp((2, 16, 2), activation="tanh")
GRID = {"learning_rate": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0], "l2": [1e-4, 1e-3, 1e-2, 1e-1]}
SETTINGS = 24
TRAIN, HELD_OUT, TRUTH, FOLDS, NOISE = 80, 20, 20_000, 5, 0.4
SIZE = TRAIN + 2 * HELD_OUT
"""Examples of a data set: to train, to validate, to test."""
TRIED = (1, 2, 4, 8, 16, 24)
"""Numbers of settings among which is chosen."""
LEAST = 0.005
"""Half a point: what is less would not matter."""


def measure(seed: int, count: int, epochs: int) -> dict[str, np.ndarray]:
    """Return accuracies, of shape ``(sets, settings)``: on held-out examples, and in truth."""
    data_key, truth_key, run_key = jax.random.split(jax.random.key(seed), 3)
    moons = functools.partial(synthetic.two_moons, noise=NOISE)
    points = moons(data_key, count * SIZE)
    how = {"key": run_key, "seeds": 1, "epochs": epochs, "batch_size": 16}
    sets = np.arange(count)
    found = sweep(whole, points, settings=grid(index=sets, **GRID), progress="networks", **how)
    part = grid(index=sets, fold=np.arange(FOLDS), **GRID)
    folds = sweep(folded, points, settings=part, keep="metrics", progress="folds", **how)
    rows = sets[:, None] * SIZE + TRAIN + HELD_OUT + np.arange(HELD_OUT)
    test, shape = points.take(np.repeat(rows, SETTINGS, axis=0)), (count, SETTINGS)
    params, folded_ = found.params, folds.metrics["validation_accuracy"]
    truth = moons(truth_key, TRUTH)
    return {
        "validation": np.reshape(found.metrics["validation_accuracy"], shape),
        "test": np.reshape(jax.vmap(accuracy)(jax.tree.map(_first, params), test), shape),
        "truth": np.reshape(
            jax.vmap(accuracy, (0, None))(jax.tree.map(_first, params), truth), shape
        ),
        "folds": np.reshape(folded_, (count, FOLDS, SETTINGS)).mean(axis=1),
    }


def whole(index: Any, learning_rate: Any, l2: Any) -> Recipe:
    """Return the recipe of a setting and a data set, with validation examples of its own."""
    rows = index * SIZE + jnp.arange(TRAIN + HELD_OUT)
    return recipe(index, learning_rate, l2, rows[:TRAIN], rows[TRAIN:])


def folded(index: Any, fold: Any, learning_rate: Any, l2: Any) -> Recipe:
    """Return the recipe of a setting, a data set and a fold of its training examples."""
    size = TRAIN // FOLDS
    rows = index * SIZE + (fold * size + jnp.arange(TRAIN)) % TRAIN
    return recipe(index, learning_rate, l2, rows[size:], rows[:size])


def recipe(index: Any, learning_rate: Any, l2: Any, subset: Any, held_out: Any) -> Recipe:
    """Return the recipe of a setting for some examples, with initial weights of its data set."""

    def init(key: Key, shape: Any) -> Any:
        return NETWORK.init(jax.random.fold_in(key, index), shape)

    penalty = jaxnet.penalties.get_penalty("l2", strength=l2)
    optimizer = jaxnet.optim.momentum(learning_rate)
    own = NETWORK._replace(init=init)
    return Recipe(own, optimizer, penalty=penalty, subset=subset, held_out=held_out)


def accuracy(params: Any, examples: Examples) -> Any:
    """Return the accuracy of a network."""
    statistics = NETWORK.init(jax.random.key(0), (2,))[1]
    outputs, _ = NETWORK.apply(params, statistics, examples.inputs)
    return jnp.mean(jnp.argmax(outputs, axis=1) == examples.targets)


def _first(leaf: Any) -> Any:
    return leaf[:, 0]


def in_both_roles(accuracy: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the accuracies with either held-out part as the test: shape ``(2 sets, settings)``.

    Neither was trained on: as the test in turn, they say more of the same networks.
    """
    exchanged = {"test": "validation", "validation": "test"}
    return {n: np.concatenate([a, accuracy[exchanged.get(n, n)]]) for n, a in accuracy.items()}


def over_sets(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard error over data sets of values in both roles."""
    return over_seeds(values.reshape(2, -1).mean(axis=0))


def choose(accuracy: np.ndarray) -> np.ndarray:
    """Return the place of the best setting in each row, the first of several."""
    return accuracy.argmax(axis=1)


def pick(accuracy: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return one accuracy a row."""
    return np.take_along_axis(accuracy, place[:, None], axis=1)[:, 0]


def optimisms(accuracy: dict[str, np.ndarray], tried: int) -> np.ndarray:
    """Return how much too high the test accuracy of the best of some settings is, by row."""
    some = np.random.default_rng(0).permutation(SETTINGS)[:tried]
    place = choose(accuracy["test"][:, some])
    return pick(accuracy["test"][:, some], place) - pick(accuracy["truth"][:, some], place)


def judge(estimates: Any, taken: Any, accuracy: dict[str, np.ndarray]) -> list[Claim]:
    """Compare with what the lecture says; a bar is three standard errors of what it bounds."""
    high, honest = over_sets(estimates["test"]), over_sets(estimates["validation"])
    more = over_sets(optimisms(accuracy, TRIED[-1]) - optimisms(accuracy, TRIED[0]))
    better = over_sets(taken["folds"] - taken["validation"])
    claim = functools.partial(at_least, source=SOURCE)
    return [
        claim(
            "the test accuracy of a setting chosen on the test examples is too high",
            measured=high[0],
            threshold=max(3 * high[1], LEAST),
            uncertainty=high[1],
        ),
        at_most(
            "that of a setting chosen on validation examples is not: its distance from the truth",
            SOURCE,
            abs(honest[0]),
            3 * honest[1],
            uncertainty=honest[1],
        ),
        claim(
            f"the best of {TRIED[-1]} settings is further too high than one setting",
            measured=more[0],
            threshold=max(3 * more[1], LEAST),
            uncertainty=more[1],
        ),
        claim(
            "5 folds choose at least as well as one split does: gain in true accuracy",
            measured=better[0],
            threshold=-3 * better[1],
            uncertainty=better[1],
        ),
    ]
