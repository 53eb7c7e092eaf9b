"""What do full batch, mini-batches and single samples cost, and does the order matter?

Lectures 000 and 001: sample-level descent can cycle, and shuffling cures it; mini-batches lie in
between. Repeats the one-line rule that cycles, trains digits with each size and order, and
measures by how much the gradient of many samples is better than that of one, and how much more a
pass of sample steps adjusts than one step of the full batch.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.batch_modes.modes import (
    MODES,
    SIZES,
    WALKS,
    Adjustment,
    V,
    X,
    adjust,
    gradient_errors,
    train,
    walk,
)
from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    new_figure,
    plot_bars,
    save_figure,
)
from experiments.harness.load import Load
from experiments.harness.options import Count, Seed, Several
from experiments.harness.progress import progress
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

CYCLE = "lecture 001, slide on the repetitive cycle issue"
NOISE = "lecture 001, slide on the complexity-accuracy trade-off of SGD"
PASS = "lecture 002, slide on the incremental update"
GOAL = 0.1
"""Share misread that a mode is to reach."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks of each mode."""
    epochs: Count = 20
    """Epochs of each network."""
    out: Path = Path("out/batch_modes")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=1)


def main(config: Config) -> list[Claim]:
    """Repeat the cycle, train in every mode, measure the noise, and draw all."""
    out, load = prepare_folder(config.out), Load()
    dataset = jaxnet.data.load_dataset("digits")
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    walks = {name: walk(*how, keys[0]) for name, how in WALKS.items()}
    runs = growing("runs", {})
    for name, mode in progress("modes", MODES.items()):
        runs[name] = train(dataset, mode, keys, config.epochs)
    errors = {name: run[0] for name, run in runs.items()}
    seconds = {name: run[1] for name, run in runs.items()}
    noise = np.array([gradient_errors(dataset, key) for key in keys])
    adjustments = [adjust(dataset, key) for key in keys]
    for name, each in errors.items():
        print(f"{name}: {each[:, -1].mean():.2%} misread, {seconds[name]:.3f} s an epoch")
    claims = cycle_claims(walks) + noise_claims(noise) + adjustment_claims(adjustments)
    if min(config.epochs / Config.epochs, config.seeds / Config.seeds) >= 1:
        claims += order_claims({name: each[:, -1] for name, each in errors.items()})
        claims += load.unless_busy([time_claim(errors, seconds)])
    figure = draw(out / "batch_modes.png", walks, errors, seconds, noise)
    results = {"walks": walks, "test_errors": errors, "seconds": seconds, "noise": noise}
    results["adjustments"] = adjustments
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def cycle_claims(walks: dict[str, np.ndarray]) -> list[Claim]:
    """Claim that the rule returns, and that shuffling cures it at a small learning rate only."""
    optimum = np.dot(X, V) / np.dot(X, X)
    again, wild, calm = walks.values()
    after = np.abs(again[:: len(X)] - again[0]).max()
    away = [float(np.sqrt(np.mean((w[len(w) // 2 :] - optimum) ** 2))) for w in (wild, calm)]
    small = {"verdict": "holds only if the learning rate is small"}
    return [
        at_most(
            "weight after a pass less that before, rate 1, in order", CYCLE, float(after), 0.01
        ),
        at_least("deviation from the best weight, rate 1, shuffled", CYCLE, away[0], 10.0, **small),
        at_most("deviation from it, rate 0.005, shuffled", CYCLE, away[1], 0.05, **small),
    ]


def noise_claims(noise: np.ndarray) -> list[Claim]:
    """Claim that the error of a mean gradient falls as the root of the number of samples."""
    exponents = [np.polyfit(np.log(SIZES), np.log(each), 1)[0] for each in noise]
    mean, error = over_seeds(exponents)
    only = "holds only if the variance is meant: the error of 60,000 is 1/245 of that of one"
    statement = "the gradient's error falls with exponent -1/2: off"
    return [at_most(statement, NOISE, abs(mean + 0.5), 0.05, uncertainty=error, verdict=only)]


def adjustment_claims(adjustments: Sequence[Adjustment]) -> list[Claim]:
    """Claim that a pass of N sample steps adjusts N times as much as a full-batch step."""
    only = "holds only if the learning rate is the same: at N times the rate one step does as much"
    rows = {
        "change of the outputs by a pass of N sample steps, over N full-batch ones: off 1": [
            each.outputs / each.samples - 1 for each in adjustments
        ],
        "drop of the loss by the pass, over N times that by a full-batch step: off 1": [
            each.loss / each.samples - 1 for each in adjustments
        ],
        "outputs after the pass and after one full-batch step at N times the rate: apart": [
            each.apart for each in adjustments
        ],
    }
    claims = []
    for statement, values in rows.items():
        mean, error = over_seeds(values)
        claims.append(at_most(statement, PASS, abs(mean), 0.05, uncertainty=error, verdict=only))
    return claims


def order_claims(last: dict[str, np.ndarray]) -> list[Claim]:
    """Claim what order and size do to the share misread at the end, seed by seed."""
    full, mini, blocks, samples, once, by_class = last.values()
    order = {"verdict": "holds only if the order is unfortunate, as by class"}

    def same(statement: str, source: str, differences: np.ndarray, **more: Any) -> Claim:
        mean, error = over_seeds(differences)
        return at_most(statement, source, abs(mean), 0.02, uncertainty=error, **more)

    size = "lecture 001, slide on full-batch training: complexity"
    return [
        clearly_positive("samples by class misread more than at random", CYCLE, by_class - once),
        same("one random order and reshuffled samples differ", CYCLE, once - samples, **order),
        same("fixed and reshuffled mini-batches differ",
             "lecture 000, slide on SGD with mini-batches", blocks - mini),
        clearly_positive("full batch misreads more than mini-batches", size, full - mini),
    ]  # fmt: skip


def time_claim(errors: dict[str, np.ndarray], seconds: dict[str, float]) -> Claim:
    """Claim that mini-batches reach the goal sooner than full batch; never is after all epochs."""
    reached = {name: each.mean(axis=0) <= GOAL for name, each in errors.items()}
    epochs = {
        name: np.argmax(each) + 1 if each.any() else len(each) for name, each in reached.items()
    }
    full, mini = (epochs[name] * seconds[name] for name in [*MODES][:2])
    statement = "seconds of full batch over mini-batches, until 10 % are misread"
    return at_least(statement, NOISE, float(full / mini), 1.0)


def draw(path: Path, walks: Any, errors: Any, seconds: Any, noise: np.ndarray) -> Path:
    """Draw the cycle, the share misread against epochs and seconds, and the gradient's error."""
    title = "Samples and mini-batches learn in few epochs; only an unfortunate order harms"
    figure, (left, right, *pair) = new_figure(2, 2, size=(14, 10.5), title=title)
    looks = ((ORANGE, "-", "o"), (BLUE, "--", "s"), (GREEN, ":", "^"))
    for (name, path_of), (color, style, mark) in zip(walks.items(), looks, strict=True):
        left.plot(path_of[:17], style, color=color, marker=mark, label=name)
    left.set(xlabel="samples", ylabel="weight", yscale="symlog", title="The one-line rule")
    left.set_ylim(bottom=-1e6)
    left.legend(fontsize=11, loc="lower left")
    for axis, unit in zip(pair, ("epochs", "seconds, of all networks at once"), strict=True):
        for name, mode in MODES.items():
            color, style = mode.look
            x = np.arange(1, errors[name].shape[1] + 1) * (1 if unit == "epochs" else seconds[name])
            axis.plot(x, 100 * errors[name].mean(axis=0), style, color=color, label=name)
        axis.set(xlabel=unit, ylabel="test images misread (%), mean", xscale="log", yscale="log")
    figure.legend(*pair[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    plot_bars(right, SIZES, noise.T, color=BLUE, label="measured", style="o")
    sizes = np.array(SIZES, float)
    right.plot(sizes, sizes**-0.5, color=GREY, linestyle="--", label="1 / root of the number")
    right.plot(sizes, 1 / sizes, color=ORANGE, linestyle=":", label="1 / number, the slide's")
    right.set(xlabel="samples", ylabel="error of the gradient", xscale="log", yscale="log")
    right.legend(fontsize=11)
    return save_figure(figure, path)
