"""What does choosing a setting on the test examples do to the estimate of its error?

Lecture 000: hyperparameters are chosen on validation examples, and the test examples are used once.
Here all settings are trained on many data sets whose true error is known, from examples enough to
tell; the setting is chosen on the test examples, on validation examples, or by 5 folds.
"""

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure
from experiments.harness.options import Seed, Within
from experiments.harness.progress import sweep_bar
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    over_seeds,
    prepare_folder,
)
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


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    sets: Annotated[int, Within(2)] = 40
    """Data sets, 2 or more; each has its own examples, and networks."""
    epochs: Annotated[int, Within(1)] = 40
    """Epochs of each network."""
    seed: Seed = 0
    """Seed of all of them."""
    out: Path = Path("out/tuning")
    """Folder for result.json and the figure."""


SMOKE = Config(sets=3, epochs=5)


def main(config: Config) -> list[Claim]:
    """Train all settings on all data sets, choose in three ways, and compare with the truth."""
    out = prepare_folder(config.out)
    accuracy = {name: np.asarray(each, np.float64) for name, each in measure(config).items()}
    chosen = {how: choose(accuracy[how]) for how in ("test", "validation", "folds")}
    taken = {how: pick(accuracy["truth"], place) for how, place in chosen.items()}
    estimates = {how: pick(accuracy["test"], chosen[how]) - taken[how] for how in chosen}
    optimism = {n: over_seeds(optimisms(accuracy, n)) for n in TRIED}
    for how in chosen:
        bias, better = (over_seeds(100 * each[how]) for each in (estimates, taken))
        print(
            f"chosen by {how}: truly {better[0]:.2f} % right, the test says {bias[0]:+.2f} ± "
            f"{bias[1]:.2f} points more"
        )
    figure = draw(out / "tuning.png", accuracy, optimism, estimates)
    results = {"optimism": optimism, "estimates": estimates, "truth": taken}
    claims = judge(estimates, taken, accuracy) if config.sets >= Config.sets else []
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def measure(config: Config) -> dict[str, np.ndarray]:
    """Return accuracies, of shape ``(sets, settings)``: on held-out examples, and in truth."""
    data_key, truth_key, run_key = jax.random.split(jax.random.key(config.seed), 3)
    moons = functools.partial(synthetic.two_moons, noise=NOISE)
    points = moons(data_key, config.sets * SIZE)
    how = {"key": run_key, "seeds": 1, "epochs": config.epochs, "batch_size": 16}
    sets = np.arange(config.sets)
    with sweep_bar("networks") as show:
        found = sweep(whole, points, settings=grid(index=sets, **GRID), on_progress=show, **how)
        part = grid(index=sets, fold=np.arange(FOLDS), **GRID)
        folds = sweep(folded, points, settings=part, keep="metrics", on_progress=show, **how)
    rows = sets[:, None] * SIZE + TRAIN + HELD_OUT + np.arange(HELD_OUT)
    test, shape = points.take(np.repeat(rows, SETTINGS, axis=0)), (config.sets, SETTINGS)
    params, folded_ = found.params, folds.metrics["validation_accuracy"]
    truth = moons(truth_key, TRUTH)
    return {
        "validation": np.reshape(found.metrics["validation_accuracy"], shape),
        "test": np.reshape(jax.vmap(accuracy)(jax.tree.map(_first, params), test), shape),
        "truth": np.reshape(
            jax.vmap(accuracy, (0, None))(jax.tree.map(_first, params), truth), shape
        ),
        "folds": np.reshape(folded_, (config.sets, FOLDS, SETTINGS)).mean(axis=1),
    }


def whole(index: Any, learning_rate: Any, l2: Any) -> Recipe:
    """Return the recipe of a setting and a data set, with validation examples of its own."""
    rows = index * SIZE + jnp.arange(TRAIN + HELD_OUT)
    return recipe(learning_rate, l2, rows[:TRAIN], rows[TRAIN:])


def folded(index: Any, fold: Any, learning_rate: Any, l2: Any) -> Recipe:
    """Return the recipe of a setting, a data set and a fold of its training examples."""
    size = TRAIN // FOLDS
    rows = index * SIZE + (fold * size + jnp.arange(TRAIN)) % TRAIN
    return recipe(learning_rate, l2, rows[size:], rows[:size])


def recipe(learning_rate: Any, l2: Any, subset: Any, held_out: Any) -> Recipe:
    """Return the recipe of a setting for some examples."""
    penalty = jaxnet.penalties.get_penalty("l2", strength=l2)
    optimizer = jaxnet.optim.momentum(learning_rate)
    return Recipe(NETWORK, optimizer, penalty=penalty, subset=subset, held_out=held_out)


def accuracy(params: Any, examples: Examples) -> Any:
    """Return the accuracy of a network."""
    statistics = NETWORK.init(jax.random.key(0), (2,))[1]
    outputs, _ = NETWORK.apply(params, statistics, examples.inputs)
    return jnp.mean(jnp.argmax(outputs, axis=1) == examples.targets)


def _first(leaf: Any) -> Any:
    return leaf[:, 0]


def choose(accuracy: np.ndarray) -> np.ndarray:
    """Return the place of the best setting of each data set, the first of several."""
    return accuracy.argmax(axis=1)


def pick(accuracy: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return one accuracy a data set."""
    return np.take_along_axis(accuracy, place[:, None], axis=1)[:, 0]


def optimisms(accuracy: dict[str, np.ndarray], tried: int) -> np.ndarray:
    """Return how much too high the test accuracy of the best of some settings is, by data set."""
    some = np.random.default_rng(0).permutation(SETTINGS)[:tried]
    place = choose(accuracy["test"][:, some])
    return pick(accuracy["test"][:, some], place) - pick(accuracy["truth"][:, some], place)


def judge(estimates: Any, taken: Any, accuracy: dict[str, np.ndarray]) -> list[Claim]:
    """Compare with what the lecture says; a bar is three standard errors of what it bounds."""
    high, honest = over_seeds(estimates["test"]), over_seeds(estimates["validation"])
    more = over_seeds(optimisms(accuracy, TRIED[-1]) - optimisms(accuracy, TRIED[0]))
    better = over_seeds(taken["folds"] - taken["validation"])
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


def draw(path: Path, accuracy: Any, optimism: Any, estimates: Any) -> Path:
    """Draw the optimism against the number of settings, and what each way of choosing says."""
    title = "Who chooses on the test examples is told too much"
    figure, (left, right) = new_figure(1, 2, size=(13, 5), title=title)
    means, errors = np.array(list(optimism.values())).T * 100
    left.errorbar(TRIED, means, errors, fmt="o-", color=ORANGE)
    left.axhline(0, color=GREY, lw=1)
    left.set(xlabel="settings tried", ylabel="test accuracy over the true one (points)")
    left.set_title("The best by the test examples")
    for place, (how, color) in enumerate(zip(estimates, (ORANGE, BLUE, GREEN), strict=True)):
        mean, error = over_seeds(100 * estimates[how])
        right.errorbar(place, mean, error, fmt="o", color=color, ms=9, capsize=5)
    right.axhline(0, color=GREY, lw=1)
    right.set_xticks(range(len(estimates)), [f"by {how}" for how in estimates])
    right.set(xlim=(-0.5, 2.5), ylabel="test accuracy over the true one (points)")
    right.set_title(f"{len(accuracy['test'])} data sets, mean ± standard error")
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
