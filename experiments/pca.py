"""How many principal components does a classifier need?

Lecture 004: dimensionality reduction extracts features of fewer dimensions with minimal confusion.
Networks learn digits from the first 2 to all 64 principal components of the training pixels.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import (
    BLUE,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
)
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)
from jaxnet.data import Dataset, preparation
from jaxnet.training import Recipe, grid, sweep

SOURCE = "lecture 004, slide on data preprocessing: dimensionality reduction"
COMPONENTS = (2, 5, 10, 20, 40, 64)
ENOUGH, FEW = 20, 5
"""Components that are claimed to be enough, and too few."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 8
    """Networks of each number of components."""
    epochs: Count = 40
    """Epochs of each network."""
    out: Path = Path("out/pca")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Find the components, train all networks, and draw variance and errors."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset("digits")
    kept, projection = components(np.asarray(dataset.train.inputs, float))
    errors = train(dataset, projection, config)
    for number, share, error in zip(COMPONENTS, kept, errors.mean(axis=1), strict=True):
        print(f"{number} components: {share:.1%} of the variance, {error:.2%} misread")
    claims = [variance_claim(kept)]
    if config.epochs >= Config.epochs:
        claims += error_claims(errors)
    figure = draw(out / "pca.png", kept, errors)
    results = {"components": COMPONENTS, "variance_kept": kept, "test_errors": errors}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def components(inputs: np.ndarray) -> tuple[np.ndarray, preparation.Fitted]:
    """Return the shares of the variance that the first components keep, and the projection."""
    projection = preparation.fitted(preparation.pca(), inputs)
    variance = np.asarray(projection.statistics["variance"], float)
    shares = np.cumsum(variance) / variance.sum()
    return shares[np.array(COMPONENTS) - 1], projection


def train(dataset: Dataset, projection: preparation.Fitted, config: Config) -> np.ndarray:
    """Return test error rates of networks that see the first components, shape (numbers, seeds).

    The others are 0 to them, so that one program trains all.
    """
    parts = [
        part._replace(inputs=np.asarray(projection.apply(part.inputs), np.float32))
        for part in (dataset.train, dataset.test)
    ]

    def build(number: Any) -> Recipe:
        network = jaxnet.mlp((64, 100, 100, 10), input_scale=dataset.input_scale)
        seen = jaxnet.layers.serial(jaxnet.layers.active_units(number), network)
        return Recipe(seen, jaxnet.optim.adam(2e-3))

    found = sweep(
        build,
        parts[0],
        key=jax.random.key(config.seed),
        settings=grid(number=COMPONENTS),
        seeds=config.seeds,
        validation=parts[1],
        epochs=config.epochs,
        batch_size=100,
        width=1,
        keep="metrics",
    )
    return 1 - np.asarray(found.metrics["validation_accuracy"], float)


def variance_claim(kept: np.ndarray) -> Claim:
    """Claim that few components keep most of the variance."""
    statement = f"share of the variance that {ENOUGH} of 64 components keep"
    return at_least(statement, SOURCE, float(kept[COMPONENTS.index(ENOUGH)]), 0.8)


def error_claims(errors: np.ndarray) -> list[Claim]:
    """Claim how many components are enough, and how many are too few."""
    lost = errors - errors[-1]
    mean, error = over_seeds(lost[COMPONENTS.index(ENOUGH)])
    return [
        at_most(f"share of the test images misread more with {ENOUGH} of 64 components", SOURCE,
                mean, 0.01, uncertainty=error),
        clearly_positive(f"share misread more with {FEW} of 64 components", SOURCE,
                         lost[COMPONENTS.index(FEW)],
                         verdict="holds only if enough components are kept"),
    ]  # fmt: skip


def draw(path: Path, kept: np.ndarray, errors: np.ndarray) -> Path:
    """Draw the variance that is kept, and the test errors, against the number of components."""
    few, all_ = (100 * errors[COMPONENTS.index(n)].mean() for n in (ENOUGH, COMPONENTS[-1]))
    title = f"With {ENOUGH} of 64 components {few:.1f} % are misread, with all {all_:.1f} %"
    figure, (left, right) = new_figure(1, 2, size=(12, 5), title=title)
    left.plot(COMPONENTS, 100 * kept, "o-", color=BLUE)
    left.set(ylabel="variance kept (%)", ylim=(0, 103))
    plot_bars(right, COMPONENTS, 100 * errors, color=ORANGE, label="", style="s-")
    right.set(ylabel="test images misread (%)\nmedian, least to largest", yscale="log")
    label_logarithmic(right.yaxis)
    for axes in (left, right):
        axes.set(xlabel="principal components", xscale="log")
        axes.set_xticks(COMPONENTS, [str(number) for number in COMPONENTS], minor=False)
        axes.set_xticks([], minor=True)
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
