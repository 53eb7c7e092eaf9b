"""How many seconds of training does a plain network need to read digits with a given accuracy?

A fully connected network, no augmentation, no convolution, all training images; the seconds of
training, without compilation, data and evaluation, after which the mean accuracy of ten seeds on
the test images reaches the target. Each target has one recipe, found by --search, which trains on
five sixths of the training images and chooses by the others; test images choose nothing, and are
read once a run, at its end. With PyTorch installed it trains by the same recipes, in turns.
"""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from experiments.harness.figures import (
    BLUE,
    GREY,
    label_logarithmic,
    new_figure,
    save_figure,
    share_legend,
)
from experiments.harness.load import Load
from experiments.harness.options import Several
from experiments.harness.progress import show_status
from experiments.harness.record import (
    Claim,
    at_least,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from experiments.time_to_accuracy.recipes import Recipe, rates_of, search, train
from jaxnet.data import Dataset, load_dataset
from jaxnet.training import use_cores_as_devices

RATIO = 1.6
"""Smallest claimed ratio of PyTorch's seconds to jaxnet's."""

ENOUGH = 10
"""Seeds without which there are no claims."""

RECIPES = {
    "digits": {
        0.95: Recipe((50,), 5, 0.01, batch_size=50),
        0.97: Recipe((50,), 5, 0.01, batch_size=20),
        0.98: Recipe((50,), 20, 0.01, batch_size=20),
    },
    "mnist": {
        0.975: Recipe((100, 100), 3, 0.01),
        0.98: Recipe((200, 200), 5, 0.004),
        0.983: Recipe((200, 200), 12, 0.004, drop_rate=0.2, input_drop_rate=0.1),
        0.985: Recipe((400, 400), 16, 0.002, drop_rate=0.2, input_drop_rate=0.1),
    },
}
"""Data set -> target -> recipe."""

TARGETS = {"mnist": (0.975, 0.98, 0.983, 0.985), "digits": (0.95, 0.97, 0.98)}
"""Data set -> accuracies to reach."""

RATES = (0.002, 0.004, 0.01)
"""Learning rates that a search tries for each candidate."""

CANDIDATES = {
    "mnist": [
        Recipe((width,) * 2, epochs, drop_rate=drop, input_drop_rate=drop / 2)
        for width, drop, lengths in (
            (100, 0.0, (2, 3, 5)),
            (200, 0.0, (3, 5, 8)),
            (200, 0.2, (5, 8, 12)),
            (400, 0.2, (8, 12, 16)),
            (400, 0.4, (12, 16)),
        )
        for epochs in lengths
    ],
    "digits": [
        Recipe((width,), epochs, batch_size=size)
        for width in (50, 100, 200, 400)
        for epochs in (5, 10, 20, 40)
        for size in (20, 50, 100)
    ],
}
"""Data set -> what a search tries."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the record."""

    dataset: Literal["mnist", "digits"] = "digits"
    """What to learn."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else the user's cache."""
    seeds: Several = 10
    """Runs of each recipe."""
    search: bool = False
    """Find the recipes instead: --seeds 3 is enough."""
    out: Path = Path("out/time_to_accuracy")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2)


class Runs(NamedTuple):
    """Runs of a recipe, one a seed.

    Attributes:
        seconds: of training.
        accuracy: on the test examples, at the end.
    """

    seconds: np.ndarray
    accuracy: np.ndarray


def main(config: Config) -> list[Claim]:
    """Train by each recipe with many seeds, in turns with PyTorch, and write the record."""
    load, out = Load(), prepare_folder(config.out)
    if config.search:
        use_cores_as_devices()
    dataset = load_dataset(config.dataset, data_dir=config.data_dir)
    if config.search:
        found = search(CANDIDATES[config.dataset], RATES, dataset, seeds=config.seeds)
        chosen = {target: cheapest(found, target) for target in TARGETS[config.dataset]}
        print(*(f"{target:.1%}: {recipe}" for target, recipe in chosen.items()), sep="\n")
        return conclude(config, seeds=[0], results={"candidates": found, "chosen": chosen})
    runs = growing("runs", {})
    for target, recipe in RECIPES[config.dataset].items():
        runs[target] = time_recipe(recipe, dataset, config)
    for target, by in runs.items():
        for name, each in by.items():
            print(line(target, name, each))
    claims = accuracy_claims(runs) if config.seeds >= ENOUGH else []
    if config.seeds >= ENOUGH:
        claims += load.unless_busy(time_claims(runs))
    figure = draw(out / "time_to_accuracy.png", config.dataset, runs)
    seeds = list(range(config.seeds))
    results = {"recipes": RECIPES[config.dataset], "runs": runs}
    return conclude(config, seeds=seeds, results=results, claims=claims, figures=[figure])


def cheapest(found: list[tuple[Recipe, np.ndarray]], target: float) -> Recipe | None:
    """Return the recipe of fewest operations whose mean, less its error, reaches a target."""
    good = [
        recipe
        for recipe, each in found
        if each.mean() - each.std(ddof=1) / len(each) ** 0.5 >= target
    ]
    return min(good, key=lambda recipe: (recipe.operations(), -recipe.batch_size), default=None)


def time_recipe(recipe: Recipe, dataset: Dataset, config: Config) -> dict[str, Runs]:
    """Train with each seed, in turns with PyTorch where it is installed."""
    trainers: dict[str, Callable[..., tuple[float, float]]] = {"jaxnet": train}
    if importlib.util.find_spec("torch"):
        from experiments.contenders import pytorch_recipe

        rates = rates_of(recipe, len(dataset.train.targets))
        trainers["PyTorch"] = lambda *run: pytorch_recipe.train(run[0], rates, *run[1:])
    found = {name: np.zeros((config.seeds, 2)) for name in trainers}
    for seed in range(config.seeds):
        for name, trainer in trainers.items():
            show_status(f"{recipe.hidden}, {recipe.epochs} epochs, seed {seed}: {name}")
            found[name][seed] = trainer(recipe, dataset, seed)
    return {name: Runs(*each.T) for name, each in found.items()}


def line(target: float, name: str, runs: Runs) -> str:
    """Return a line of the table."""
    mean, error = over_seeds(runs.accuracy)
    low, middle, high = np.quantile(runs.seconds, [0, 0.5, 1])
    reached = int((runs.accuracy >= target).sum())
    return (
        f"{target:.1%} {name:8} {middle:7.2f} s ({low:.2f} to {high:.2f}), accuracy {mean:.2%} ± "
        f"{error:.2%}, reached by {reached} of {len(runs.accuracy)} seeds"
    )


def accuracy_claims(runs: dict[float, dict[str, Runs]]) -> list[Claim]:
    """Claim that the mean accuracy reaches each target."""
    return [
        at_least(f"mean test accuracy of {name}, target {target:.1%}", "jaxnet's own bar", mean,
                 target, uncertainty=error)
        for target, by in runs.items()
        for name, each in by.items()
        for mean, error in [over_seeds(each.accuracy)]
    ]  # fmt: skip


def time_claims(runs: dict[float, dict[str, Runs]]) -> list[Claim]:
    """Claim that PyTorch takes longer."""
    return [
        at_least(f"{target:.1%}: PyTorch's seconds over jaxnet's", "jaxnet's own bar",
                 float(np.median(by["PyTorch"].seconds / by["jaxnet"].seconds)), RATIO)
        for target, by in runs.items()
        if "PyTorch" in by
    ]  # fmt: skip


def draw(path: Path, dataset: str, runs: dict[float, dict[str, Runs]]) -> Path:
    """Draw each run as a point: its seconds and its accuracy."""
    title = f"Seconds of training to an accuracy on {dataset}, plain networks"
    figure, (axes,) = new_figure(1, 1, size=(10, 5.5), title=title)
    for name, color, marker in (("jaxnet", BLUE, "o"), ("PyTorch", GREY, "^")):
        found = [by[name] for by in runs.values() if name in by]
        if found:
            axes.plot(
                np.concatenate([each.seconds for each in found]),
                100 * np.concatenate([each.accuracy for each in found]),
                marker, color=color, alpha=0.6, label=f"{name}: a run a seed",
            )  # fmt: skip
    for target in runs:
        axes.axhline(100 * target, color="black", linewidth=1, linestyle=":")
    axes.set(xscale="log", xlabel="seconds of training", ylabel="test accuracy (%)")
    label_logarithmic(axes.xaxis)
    share_legend(figure, axes, 2)
    return save_figure(figure, path)
