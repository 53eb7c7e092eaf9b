"""Which augmentation lowers the test error, and for how few examples most?

Networks learn to read digits from 50 to all training images, as they are and rotated, shifted and
zoomed a little anew in every step; all take as many steps. Cutout, mixup, mirror images and
stochastic depth (lectures 002 and 004) stand beside it at 100 and 800 examples.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import jaxnet
from experiments.augmentation.augmentation_figures import draw_errors, draw_sheet
from experiments.augmentation.kinds import Draws, train_augmented, train_residual
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)
from jaxnet.core.checks import require

SIZES = (50, 100, 200, 400, 800)
FEW = 400
"""Training examples up to which the claim on affine maps is made."""
KIND_SIZES = (100, 800)
"""Training examples of the other kinds."""
KINDS = ("cutout", "flip", "mixup")
NOTHING = 0.005
"""Part of the test images by which an augmentation that gains nothing may seem to gain."""
AUGMENTED = "lecture 004, slides on data augmentation by engineering"
BEYOND = "lecture 002, slide on regularization: cutout, mixup, stochastic depth"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dataset: str = "digits"
    """A data set of images by name, or a folder of images by class; see learning_curves --help."""
    data_dir: Path | None = None
    """Folder that holds the data sets; by default $JAXNET_DATA, else the user's cache folder."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 8
    """Draws of the training examples and of the networks, of each size and kind."""
    epochs: Count = 40
    """Epochs, each of as many steps as all training images have."""
    out: Path = Path("out/augmentation")
    """Folder for result.json and the figures."""


SMOKE = Config(seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Train all networks, compare, and draw the errors and a contact sheet."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    images = bool(dataset.image_shape)
    require(images, "--dataset", "to be of images", dataset.name, "Tables have nothing to rotate.")
    total = len(dataset.train.targets)
    sizes = [*(size for size in SIZES if size < total), total]
    some = [size for size in KIND_SIZES if size in sizes] or [total]
    draws = Draws(config.seed, config.seeds, config.epochs)
    plan: dict[str, list[int]] = {"none": sizes, "affine": sizes}
    plan |= dict.fromkeys(KINDS, some)
    kinds = train_augmented(dataset, plan, draws) | train_residual(dataset, some, draws)
    errors = np.stack([kinds["none"], kinds["affine"]])
    places = [sizes.index(size) for size in some]
    kinds |= {"none": errors[0, places], "affine": errors[1, places]}
    for size, plain, augmented in zip(sizes, *errors.mean(axis=2), strict=True):
        print(f"{size:6,} examples: {plain:6.2%} misread without, {augmented:6.2%} with")
    for name, each in kinds.items():
        print(f"{name}, {some} examples:", *(f"{error:.2%}" for error in each.mean(axis=1)))
    gain = errors[0] - errors[1]  # of the same draws: the same examples and parameters
    lower = gains(kinds)
    figures = [draw_errors(out / "augmentation.png", dataset, sizes, errors, some, kinds, lower)]
    figures.append(draw_sheet(out / "contact_sheet.png", dataset))
    claims = [gain_claim(gain[np.array(sizes) <= FEW])]
    if config.dataset == Config.dataset:
        claims += kind_claims(lower)
    whole = config.epochs >= Config.epochs
    return conclude(
        config,
        seeds=[config.seed],
        results={"sizes": sizes, "test_errors": errors, "gain": gain, "kinds": kinds},
        claims=claims if whole else [],
        figures=figures,
    )


def gain_claim(gain: np.ndarray) -> Claim:
    """Claim that affine maps lower the test error, by the gain of each size and draw."""
    statement = f"affine maps lower the test error, mean over sizes up to {FEW}"
    return clearly_positive(statement, AUGMENTED, gain)


def gains(kinds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return by how much each kind lowers the test error of its network, mean over the sizes."""
    start = {"stochastic depth": "residual"}
    lower = {name: kinds[start.get(name, "none")] - errors for name, errors in kinds.items()}
    return {name: gain.mean(axis=0) for name, gain in lower.items()}


def kind_claims(gain: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim what mirror images do, and what gains nothing on such small images."""
    claims = [
        clearly_positive(
            "mirror images of digits raise the test error, mean over 100 and 800 examples",
            AUGMENTED,
            -gain["flip"],
            verdict="holds only if the image still shows its class",
        )
    ]
    for name, source in {"cutout": AUGMENTED, "mixup": BEYOND, "stochastic depth": BEYOND}.items():
        mean, error = over_seeds(gain[name])
        statement = f"{name} lowers the test error of these small images by half a point at most"
        more = {"uncertainty": error, "verdict": "fails"}
        claims.append(at_most(statement, source, mean, NOTHING, **more))
    return claims
