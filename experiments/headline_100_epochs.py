"""How do the learning curves of the lecture's run look over 100 epochs, and when could it stop?

Lecture 001, "Learning curves: example": 784-100-100-10 learns MNIST by cross-entropy and
mini-batch SGD, and is tested after every epoch. By default the matching network on the embedded
digits; beside each run the same one, which a rule ends when the test loss no longer falls.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from matplotlib.axes import Axes

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
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
    over_seeds,
    prepare_folder,
)
from jaxnet.data import Dataset
from jaxnet.training import (
    Recipe,
    SweepResult,
    early_stopping,
    grid,
    steps_per_epoch,
    sweep,
    use_cores_as_devices,
)

EXAMPLE = "lecture 001, slide on learning curves: example"
STOP = "lecture 001, slide on learning curves"
MANY = "lecture 004, slide on too many iterations"
BATCH = {"digits": 10, "mnist": 100}
"""Data set -> mini-batch; of digits, so few that an epoch has 144 iterations."""
LEARNING_RATE = 0.1
PATIENCE, NEVER = 10, 10**6
"""Epochs without a lower test loss after which the rule stops a run; one that never does."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dataset: Literal["digits", "mnist"] = "digits"
    """Digits are embedded; of MNIST, an epoch of one network takes about half a second."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else the user's cache."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks."""
    epochs: Count = 100
    """Epochs of each network."""
    out: Path = Path("out/headline_100_epochs")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=3)


def main(config: Config) -> list[Claim]:
    """Train with and without the rule, compare, and draw the curves."""
    out = prepare_folder(config.out)
    use_cores_as_devices()
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    found = train(dataset, config)
    curves, stops = curves_of(found), found.done[0]
    examples, size = len(dataset.train.targets), BATCH[config.dataset]
    steps = steps_per_epoch(examples, batch_size=size)
    print(f"{config.dataset}: {steps} iterations an epoch; the rule stops after {stops.tolist()}")
    for name, each in curves.items():
        last, error = over_seeds(each[:, -1])
        print(f"{name} {last:.5f} ± {error:.5f}, after the stop {at(each, stops).mean():.5f}")
    claims = [iterations_claim(steps_per_epoch(60_000, batch_size=100))]
    if config.epochs >= Config.epochs:
        claims += judge(curves, stops)
        claims += [rise_claim(curves["test_loss"], stops)] if config.dataset == "mnist" else []
    figure = draw(out / "headline_100_epochs.png", curves, stops, dataset.name)
    results = {"curves": curves, "stops": stops, "iterations_per_epoch": steps}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def train(dataset: Dataset, config: Config) -> SweepResult:
    """Train each network twice: until the rule ends the run, and for all epochs."""
    widths = dataset.train.inputs.shape[1], 100, 100, len(dataset.class_names)
    network = jaxnet.mlp(widths, input_scale=dataset.input_scale)

    def build(patience: Any) -> Recipe:
        rule = early_stopping(patience=patience, keep_best=False)
        return Recipe(network, jaxnet.optim.sgd(LEARNING_RATE), rules=[rule])

    return sweep(
        build,
        dataset.train,
        key=jax.random.key(config.seed),
        settings=grid(patience=(PATIENCE, NEVER)),
        validation=dataset.test,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=BATCH[config.dataset],
        keep="metrics",
        width=1,
        progress=config.dataset,
    )


def curves_of(found: SweepResult) -> dict[str, np.ndarray]:
    """Return the curves of the runs of all epochs, each of shape (seeds, epochs)."""
    parts = {"train": found.history.train, "test": found.history.validation}
    return {
        f"{part}_{name}": np.asarray(history[name][1], float)
        for part, history in parts.items()
        for name in ("loss", "accuracy")
    }


def at(curves: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Return the value of each curve after an epoch of its own, from 1."""
    return curves[np.arange(len(curves)), epochs - 1]


def iterations_claim(steps: int) -> Claim:
    """Claim that 60,000 examples in mini-batches of 100 are 600 iterations."""
    return at_most("iterations an epoch of MNIST, off 600", EXAMPLE, abs(steps - 600), 0)


def judge(curves: dict[str, np.ndarray], stops: np.ndarray) -> list[Claim]:
    """Claim how the curves fall and saturate, and where training and test part."""
    train, test, accuracy = (curves[n] for n in ("train_loss", "test_loss", "test_accuracy"))
    rest = over_seeds(accuracy[:, -1] - at(accuracy, stops))
    fallen = over_seeds(test[:, 0] / at(test, stops))
    still, further = (over_seeds(at(each, stops) / each[:, -1]) for each in (test, train))
    reached = over_seeds(accuracy[:, -1])
    return [
        at_least("test loss after epoch 1, over that at the stop", EXAMPLE, fallen[0], 2.0,
                 uncertainty=fallen[1]),
        at_least("share of runs that the rule stops before the last epoch", STOP,
                 float(np.mean(stops < test.shape[1])), 1.0),
        at_most("test accuracy gained after the stop", STOP, rest[0], 0.005, uncertainty=rest[1]),
        at_least("test accuracy after the last epoch", EXAMPLE, reached[0], 0.97,
                 uncertainty=reached[1]),
        at_least("training loss at the stop, over that at the end", MANY, further[0], 2.0,
                 uncertainty=further[1]),
        at_most("test loss at the stop, over that at the end", MANY, still[0], 1.1,
                uncertainty=still[1]),
        clearly_positive("training accuracy exceeds test accuracy", MANY,
                         curves["train_accuracy"][:, -1] - accuracy[:, -1]),
    ]  # fmt: skip


def rise_claim(test: np.ndarray, stops: np.ndarray) -> Claim:
    """Claim that the test loss is higher at the end than at the stop."""
    return clearly_positive("test loss rises after the stop", MANY, test[:, -1] - at(test, stops))


def draw(path: Path, curves: dict[str, np.ndarray], stops: np.ndarray, name: str) -> Path:
    """Draw losses and error rates against epochs, each run thin and the mean thick."""
    accuracy = curves["test_accuracy"]
    rest = 100 * (accuracy[:, -1] - at(accuracy, stops)).mean()
    when = f"stopped after {stops.min()} to {stops.max()} of {accuracy.shape[1]} epochs"
    title = f"{name}: {when}; the rest brings {rest:.2g} points of test accuracy"
    figure, (left, right) = new_figure(1, 2, size=(13, 5.4), title=title)
    for part, color, style in (("train", BLUE, "-"), ("test", ORANGE, "--")):
        label = {"train": "training, while learning", "test": "test, after the epoch"}[part]
        plot_runs(left, curves[f"{part}_loss"], color, style, label)
        plot_runs(right, 100 * (1 - curves[f"{part}_accuracy"]), color, style, label)
    for axis in (left, right):
        for index, stop in enumerate(stops):
            axis.axvline(stop, color=GREY, lw=1, ls=":", label="" if index else "the rule stops")
    left.set(xlabel="epoch", ylabel="cross-entropy (nats)", title="Loss", yscale="log")
    label_logarithmic(left.yaxis)
    right.set(xlabel="epoch", ylabel="images misread (%)", title="Error rate")
    right.set_yscale("symlog", linthresh=1)
    right.set_yticks(ticks := (0, 0.5, 1, 2, 5, 10, 20, 50, 100), [f"{tick:g}" for tick in ticks])
    right.set_ylim(-0.05, 120 * (1 - min(accuracy.min(), curves["train_accuracy"].min())))
    share_legend(figure, left, 3)
    return save_figure(figure, path)


def plot_runs(axis: Axes, rows: np.ndarray, color: str, style: str, label: str) -> None:
    """Plot each run thin and the mean thick."""
    epochs = np.arange(1, rows.shape[1] + 1)
    axis.plot(epochs, rows.T, color=color, lw=0.6, alpha=0.5)
    axis.plot(epochs, rows.mean(axis=0), style, color=color, lw=2.8, label=label)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
