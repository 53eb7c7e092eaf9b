"""Which loss teaches a network best, and what does its shape have to do with it?

Draws every loss and activation with its derivative; trains networks to read digits by squared
error, by cross-entropy and by the label as one number, also from a start that is wrong and sure
of itself; compares the loss before training with log C, and cross-entropy with the
Kullback-Leibler divergence.
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

import jaxnet
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    new_figure,
    plot_bars,
    save_figure,
    share_legend,
)
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from experiments.losses.shapes import (
    activation_curves,
    draw_curves,
    loss_curves,
    unexplained_rise,
)
from experiments.losses.teachers import (
    RATES,
    TEACHERS,
    at_best_rate,
    divergence_ratios,
    initial_excess,
    train,
)

CHOICE = "lecture 001, slide on multiclass classification: loss"
NUMBER = "lecture 000, slide on using NNs for classification"
SLOPES = "lecture 001, slide on the differentiability issue"
START = "lecture 002, slide on cross-entropy loss"
KL = "lecture 001, slide on binary classification: cross-entropy"
SCORES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Standard deviations of the scores of an untrained network."""
BLIND = {"step", "sign", "zero_one"}
COLORS = dict(zip(TEACHERS, (BLUE, ORANGE, GREY), strict=True))


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dataset: str = "digits"
    """A data set of images of ten classes by name; see learning_curves --help."""
    data_dir: Path | None = None
    """Folder that holds the data sets; by default $JAXNET_DATA, else the user's cache folder."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 8
    """Networks of each loss and learning rate."""
    epochs: Count = 20
    """Epochs of each network."""
    out: Path = Path("out/losses")
    """Folder for result.json and the figures."""


SMOKE = Config(seeds=2, epochs=1)


def main(config: Config) -> list[Claim]:
    """Draw the curves of losses and activations, train with each loss, and compare test errors."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    keys = jax.random.split(jax.random.key(config.seed), 3)
    shapes = loss_curves(), activation_curves()
    named = [each for panels in shapes for curves in panels.values() for each in curves.items()]
    blind = sorted(name for name, curve in named if unexplained_rise(curve) > 0.5)
    print("without a slope where they rise:", ", ".join(blind))
    excess = np.array(
        [initial_excess(key, dataset, SCORES) for key in jax.random.split(keys[0], config.seeds)]
    )
    ratios = {s: divergence_ratios(keys[1], s) for s in (0.0, 0.1)}
    errors = growing("test_errors", {})
    for name in TEACHERS:
        errors[name] = train(dataset, name, keys[2], config.seeds, config.epochs)
    for name, each in errors.items():
        for rate, (usual, sure) in zip(RATES, each["test"].mean(axis=2), strict=True):
            print(f"{name:14}, rate {rate:5}: {usual:6.2%} misread, {sure:6.2%} from a sure start")
    claims = [
        at_most(
            "functions without a slope beside step, sign, zero-one",
            SLOPES,
            len({*blind} - BLIND),
            0,
        ),
        *start_claims(excess),
        *ratio_claims(ratios),
    ]
    if min(config.epochs / Config.epochs, config.seeds / Config.seeds) >= 1:
        claims += training_claims(errors)
    figures = [
        draw_curves(out / "losses.png", "Losses and their derivatives", shapes[0]),
        draw_curves(out / "activations.png", "Activations and their derivatives", shapes[1]),
        draw_training(out / "training.png", errors, excess),
    ]
    results = {"test_errors": errors, "rates": RATES, "excess": excess, "scores": SCORES}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=figures)


def start_claims(excess: np.ndarray) -> list[Claim]:
    """Claim log C where scores are small, by the excess of each network and deviation."""
    small, large = excess[:, SCORES.index(0.1)], excess[:, -1]
    only = {"verdict": "holds only if the scores are small"}
    off, error = (abs(float(small.mean())), over_seeds(small)[1])
    statement = "initial loss and log C differ, scores of deviation 0.1"
    other = "initial loss exceeds log C, scores of deviation 3"
    return [
        at_most(statement, START, off, 0.05, uncertainty=error),
        at_least(
            other, START, *over_seeds(large)[:1], 0.5, uncertainty=over_seeds(large)[1], **only
        ),
    ]


def ratio_claims(ratios: dict[float, np.ndarray]) -> list[Claim]:
    """Claim one ratio of cross-entropy to KL for certain labels, and many for smoothed ones."""
    spread = {smoothing: float(each.max() / each.min()) for smoothing, each in ratios.items()}
    only = {"verdict": "holds only if the labels are certain"}
    statement = "largest over least ratio of cross-entropy to KL,"
    return [
        at_most(f"{statement} certain labels", KL, spread[0.0], 1 + 1e-4),
        at_least(f"{statement} labels smoothed by 0.1", KL, spread[0.1], 1.1, **only),
    ]


def training_claims(errors: dict[str, dict[str, np.ndarray]]) -> list[Claim]:
    """Claim how the losses differ over all learning rates, and at the best one of each."""
    usual, sure = np.moveaxis(
        errors["squared error"]["test"] - errors["cross-entropy"]["test"], 1, 0
    )
    crossed, squared, number = (at_best_rate(errors[name]) for name in TEACHERS)
    only = {"verdict": "holds only if the learning rate is small, or the start is wrong"}
    mean, error = over_seeds(squared - crossed)
    return [
        clearly_positive(
            "squared error misreads more than cross-entropy, over all rates", CHOICE, usual, **only
        ),
        clearly_positive("the same, from a start that is wrong and sure", CHOICE, sure),
        at_most(
            "they differ at the best rate of each",
            CHOICE,
            abs(mean),
            0.01,
            uncertainty=error,
            **only,
        ),
        clearly_positive(
            "one number misreads more than one-hot labels, best rates", NUMBER, number - squared
        ),
    ]


def draw_training(path: Path, errors: dict[str, dict[str, np.ndarray]], excess: np.ndarray) -> Path:
    """Draw errors against the learning rate from both starts, and the loss before training.

    Medians of the seeds, with bars from the least to the largest.
    """
    title = "Cross-entropy learns from a wrong start too; small scores start at log C"
    figure, (*pair, right) = new_figure(1, 3, size=(16, 5), title=title)
    for start, (axis, label) in enumerate(
        zip(pair, ("usual start", "sure and wrong"), strict=True)
    ):
        for name, color in COLORS.items():
            rows = 100 * errors[name]["test"][:, start]
            plot_bars(axis, RATES, rows, color=color, label=name)
        axis.set(xlabel="learning rate", xscale="log", title=label, ylim=(0, 105))
    pair[0].set_ylabel("test images misread (%)\nmedian, least to largest")
    plot_bars(right, SCORES, np.log(10) + excess.T, color=BLUE, label="measured")
    right.axhline(np.log(10), color=GREY, linestyle="--", label="log 10")
    right.set(xlabel="deviation of the scores", xscale="log", title="Before training")
    right.set_ylabel("cross-entropy (nats)\nmedian, least to largest")
    right.legend(loc="upper left")
    share_legend(figure, pair[0], len(COLORS))
    return save_figure(figure, path)
