"""Recipes of training, and what a run of each gives: seconds and accuracy."""

import math
from typing import NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.contenders.workload import training_flops
from experiments.harness.progress import show_status
from experiments.harness.record import growing
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.training import Recipe as SweepRecipe
from jaxnet.training import evaluate, fit, grid, sweep


class Recipe(NamedTuple):
    """Network and training: Adam, whose rate rises along a line and falls along a line to 0.

    Attributes:
        hidden: widths of the hidden layers, of ReLU.
        epochs: of the whole training.
        rate: the highest learning rate.
        batch_size: examples a step.
        drop_rate: dropout of the hidden units.
        input_drop_rate: dropout of the pixels.
    """

    hidden: tuple[int, ...]
    epochs: int
    rate: float = 0.003
    batch_size: int = 100
    drop_rate: float = 0.0
    input_drop_rate: float = 0.0

    def steps(self, examples: int) -> int:
        """Return the number of steps."""
        return self.epochs * math.ceil(examples / self.batch_size)

    def operations(self, ends: tuple[int, int] = (784, 10)) -> float:
        """Return the operations of the products for each example of the data set."""
        return self.epochs * training_flops((ends[0], *self.hidden, ends[1]))


def schedule(
    recipe: Recipe, examples: int, rate: float | jax.Array | None = None
) -> jaxnet.schedules.Schedule:
    """Return the learning rate by step: up for a fifth of the steps, then down to 0."""
    peak = recipe.rate if rate is None else rate
    steps = recipe.steps(examples)
    return jaxnet.schedules.linear_onecycle(steps, peak, pct_start=0.2, pct_final=None)


def rates_of(recipe: Recipe, examples: int) -> list[float]:
    """Return the learning rate of each step."""
    steps = np.arange(recipe.steps(examples))
    return np.asarray(schedule(recipe, examples)(steps), float).tolist()


def network(recipe: Recipe, dataset: Dataset) -> Layer:
    """Return the network of a recipe."""
    widths = (dataset.train.inputs.shape[1], *recipe.hidden, len(dataset.class_names))
    return jaxnet.mlp(
        widths,
        input_scale=dataset.input_scale,
        drop_rate=recipe.drop_rate,
        input_drop_rate=recipe.input_drop_rate,
    )


def train(recipe: Recipe, dataset: Dataset, seed: int) -> tuple[float, float]:
    """Train on all training examples; return the seconds, and the accuracy on the test examples.

    The seconds are those of the training alone: compilation, before it, does not count, nor does
    the one evaluation after it.
    """
    made = network(recipe, dataset)
    result = fit(
        made,
        dataset.train,
        key=jax.random.key(seed),
        optimizer=jaxnet.optim.adam(schedule(recipe, len(dataset.train.targets))),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        report_every=recipe.epochs,
        progress=False,
    )
    measured = evaluate(made, result.params, result.statistics, dataset.test)
    return result.run_seconds, float(measured["accuracy"])


def validated(
    recipe: Recipe, rates: tuple[float, ...], train: Examples, held_out: Examples, *,
    dataset: Dataset, seeds: int,
) -> np.ndarray:  # fmt: skip
    """Return accuracies on held-out examples, of shape ``(rates, seeds)``."""
    made, examples = network(recipe, dataset), len(train.targets)

    def build(rate: jax.Array) -> SweepRecipe:
        return SweepRecipe(made, jaxnet.optim.adam(schedule(recipe, examples, rate)))

    found = sweep(
        build, train, key=jax.random.key(0), settings=grid(rate=rates), seeds=seeds,
        validation=held_out, epochs=recipe.epochs, batch_size=recipe.batch_size, keep="metrics",
        width=1, progress=False,
    )  # fmt: skip
    return np.asarray(found.history.validation["accuracy"])[:, :, recipe.epochs - 1]


def search(
    candidates: list[Recipe], rates: tuple[float, ...], dataset: Dataset, *, seeds: int
) -> list[tuple[Recipe, np.ndarray]]:
    """Train each candidate at each rate on five sixths of the training examples.

    Returns:
        Recipes, each at its best rate, with the accuracies of their seeds on the other sixth.
    """
    cut = len(dataset.train.targets) * 5 // 6
    parts = dataset.train.take(slice(cut)), dataset.train.take(slice(cut, None))
    found = growing("candidates", [])
    for number, candidate in enumerate(candidates):
        show_status(f"candidate {number + 1} of {len(candidates)}")
        each = validated(candidate, rates, *parts, dataset=dataset, seeds=seeds)
        best = int(each.mean(axis=1).argmax())
        found.append((candidate._replace(rate=rates[best]), each[best]))
        mean, error = each[best].mean(), each[best].std(ddof=1) / seeds**0.5
        print(f"{found[-1][0]}: {mean:.4f} ± {error:.4f}", flush=True)
    return found
