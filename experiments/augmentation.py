"""Does augmentation lower the test error, and for how few examples most?

Networks learn to read digits from 50 to all training images, as they are and rotated, shifted and
zoomed a little anew in every step; all take as many steps. One sweep trains all sizes, strengths
and seeds.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, ORANGE, label_logarithmic, new_figure, save_figure
from experiments.harness.options import Count, Seed, Several
from experiments.harness.progress import sweep_bar
from experiments.harness.record import Claim, clearly_positive, conclude, prepare_folder
from jaxnet.core.checks import require
from jaxnet.data import Dataset, Examples
from jaxnet.data import augmentation as augment
from jaxnet.training import Recipe, grid, sweep

SIZES = (50, 100, 200, 400, 800)
FEW = 400
"""Training examples up to which the claim is made."""
ROTATE, SHIFT, ZOOM = 12.0, 1 / 12, 0.1
"""Largest angle in degrees, shift in image widths, logarithm of the factor of the size."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dataset: str = "digits"
    """A data set of images by name, or a folder of images by class; see learning_curves --help."""
    data_dir: Path | None = None
    """Folder that holds the data sets; by default $JAXNET_DATA, else the user's cache folder."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 5
    """Draws of the training examples and of the networks, of each size and strength."""
    epochs: Count = 40
    """Epochs, each of as many steps as all training images have."""
    out: Path = Path("out/augmentation")
    """Folder for result.json and the figures."""


SMOKE = Config(seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Train all networks in one sweep, compare, and draw the curves and a contact sheet."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    images = bool(dataset.image_shape)
    require(images, "--dataset", "to be of images", dataset.name, "Tables have nothing to rotate.")
    sizes = [size for size in SIZES if size < len(dataset.train.targets)]
    sizes += [len(dataset.train.targets)]
    errors = measure(dataset, sizes, config)
    gain = errors[:, 0] - errors[:, 1]  # of the same seeds: the same examples and parameters
    few = np.array(sizes) <= FEW
    claims = [gain_claim(gain[few])]
    for size, (plain, augmented) in zip(sizes, errors.mean(axis=2), strict=True):
        print(f"{size:6,} examples: {plain:6.2%} misread without, {augmented:6.2%} with")
    figures = [draw_errors(out / "augmentation.png", dataset, sizes, errors)]
    figures.append(draw_sheet(out / "contact_sheet.png", dataset))
    results = {"sizes": sizes, "test_errors": errors, "gain": gain}
    smoke = config.epochs < Config.epochs
    return conclude(
        config,
        seeds=[config.seed],
        results=results,
        claims=[] if smoke else claims,
        figures=figures,
    )


def gain_claim(gain: np.ndarray) -> Claim:
    """Claim that augmentation lowers the test error, by the gain of each size and seed."""
    statement = f"augmentation lowers the test error, mean over sizes up to {FEW}"
    return clearly_positive(statement, "lecture 004, augmentation", gain)


def measure(dataset: Dataset, sizes: list[int], config: Config) -> np.ndarray:
    """Return test error rates: size, without and with augmentation, seed."""
    inputs = dataset.train.inputs.shape[1]
    classes, total = len(dataset.class_names), len(dataset.train.targets)
    network = jaxnet.mlp((inputs, 100, 100, classes), input_scale=dataset.input_scale)
    order_key, key = jax.random.split(jax.random.key(config.seed))
    keys = jax.random.split(order_key, config.seeds)
    orders = jax.vmap(lambda key: jax.random.permutation(key, total))(keys)

    def build(size: Any, strength: Any, draw: Any) -> Recipe:
        changed = on_images(dataset.image_shape, strength)
        subset = orders[draw, jnp.arange(total) % size]
        return Recipe(network, jaxnet.optim.adam(2e-3), augment=changed, subset=subset)

    with sweep_bar("networks") as show:
        found = sweep(
            build,
            dataset.train,
            key=key,
            settings=grid(size=sizes, strength=[0.0, 1.0], draw=list(range(config.seeds))),
            validation=dataset.test,
            epochs=config.epochs,
            batch_size=100 if total >= 100 else total,
            keep="metrics",
            on_progress=show,
        )
    accuracy = np.asarray(found.metrics["validation_accuracy"], np.float64)
    return 1 - accuracy.reshape(len(sizes), 2, config.seeds)


def on_images(shape: tuple[int, ...], strength: Any) -> augment.Augment:
    """Return the augmentation of the experiment, its numbers times the strength."""
    width = shape[1]
    moved = augment.affine(
        rotate=ROTATE * strength, shift=SHIFT * width * strength, zoom=ZOOM * strength
    )
    return augment.on_images(shape, moved)


def draw_errors(path: Path, dataset: Dataset, sizes: list[int], errors: np.ndarray) -> Path:
    """Draw mean and spread of the test error against the number of training examples."""
    title = f"{dataset.name}: the fewer examples, the more augmentation helps"
    gain = (errors[:, 0] - errors[:, 1]).mean(axis=1)
    if gain.argmax() > len(sizes) // 2:
        title = f"{dataset.name}: test error with and without augmentation"
    figure, (axes,) = new_figure(1, 1, size=(8, 5), title=title)
    for column, (label, color) in enumerate((("as they are", BLUE), ("augmented", ORANGE))):
        percent = 100 * errors[:, column]
        std = percent.std(axis=1)
        axes.errorbar(sizes, percent.mean(axis=1), std, fmt="o-", color=color, label=label)
    axes.set(xlabel="training examples", ylabel="test images misread (%)", xscale="log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        label_logarithmic(axis)
    seeds = errors.shape[2]
    axes.legend(title=f"mean ± standard deviation of {seeds} seeds", title_fontsize=11)
    return save_figure(figure, path)


def draw_sheet(path: Path, dataset: Dataset, columns: int = 8) -> Path:
    """Draw an image of some classes, and others that augmentation makes of it."""
    labels = np.asarray(dataset.train.targets)
    rows = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)[:5]]
    title = f"{dataset.name}: an image, and {columns - 1} that augmentation makes of it"
    figure, axes = new_figure(len(rows), columns, size=(10, 1.3 * len(rows) + 0.8), title=title)
    transform = on_images(dataset.image_shape, 1.0)
    for place, row in enumerate(rows):
        image = np.asarray(dataset.train.inputs[row])
        copies = Examples(jnp.asarray(np.tile(image, (columns - 1, 1))), jnp.zeros(columns - 1))
        made = np.asarray(transform(jax.random.key(row), copies).inputs)
        for column, each in enumerate([image, *made]):
            axis = axes[place * columns + column]
            pixels = np.clip(each / dataset.pixel_max, 0, 1).reshape(dataset.image_shape)
            axis.imshow(pixels, cmap="gray_r", vmin=0)
            axis.set_axis_off()
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
