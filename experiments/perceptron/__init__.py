"""What can a perceptron learn by its one line of code, and what needs a second layer?

Lecture 003: ``w += (y_n - yhat) x_n`` on its four points, which at rate 1 goes round in a circle;
perceptrons of two inputs; the exclusive or, which one layer cannot compute (Minsky and Papert) and
two can; and the chain of four parameters, trained by its written out gradient.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.harness.options import Count, Seed
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    over_seeds,
    prepare_folder,
)
from experiments.perceptron.paths_figure import draw
from experiments.perceptron.training import (
    BEST,
    CYCLE,
    SMALL,
    UNITS,
    X,
    exclusive_or,
    farthest,
    one_line,
    separate,
    train_chain,
    two_inputs,
)
from jaxnet.training import SweepResult

REPETITION = "lecture 000, slide on the possibility of repetition"
RULE = "lecture 003, slide on code to train your perceptron"
TWO = "lecture 003, slide on the second smallest perceptron"
XOR = "lecture 003, history: Perceptrons (Minsky, Papert)"
CHAIN = "lecture 003, slide on the multi-layer perceptron"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seeds: Count = 20
    """Orders, data sets and initial weights."""
    seed: Seed = 0
    """The first seed."""
    epochs: Count = 400
    """Epochs of the networks that learn the exclusive or."""
    out: Path = Path("out/perceptron")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=120)


def main(config: Config) -> list[Claim]:
    """Train all perceptrons, check what the lecture says of them, and draw the paths."""
    out = prepare_folder(config.out)
    measured, networks = measure(config)
    for name, each in measured["paths"].items():
        print(f"{name}: the weight ends {np.abs(each[:, -1, -1] - BEST).max():.3g} from its best")
    for units, right in zip(UNITS, measured["two_layers"], strict=True):
        print(f"exclusive or by {units} hidden units: {np.mean(right == 1):.0%} of seeds")
    figure = draw(out / "perceptron.png", measured["paths"], *networks)
    return conclude(
        config,
        seeds=range(config.seed, config.seed + config.seeds),
        results=measured,
        claims=judge(measured),
        figures=[figure],
    )


def measure(config: Config) -> tuple[dict[str, Any], list[SweepResult]]:
    """Return what is measured, and the networks that learned the exclusive or."""
    keys = [jax.random.key(config.seed + index) for index in range(config.seeds)]
    paths = {
        "rate 1, in order": [one_line(None, 1.0)],
        "rate 1, shuffled": [one_line(key, 1.0) for key in keys],
        "rate 0.005, in order": [one_line(None, SMALL)],
        "rate 0.005, shuffled": [one_line(key, SMALL) for key in keys],
    }
    networks = [exclusive_or(keys[0], config.seeds, config.epochs, layers) for layers in (1, 2)]
    one, two = (found.metrics["validation_binary_accuracy"] for found in networks)
    measured = {
        "paths": {name: np.array(each) for name, each in paths.items()},
        "two_inputs": [two_inputs(key) for key in keys],
        "mistakes": [separate(key) for key in keys],
        "one_layer": one[0],
        "two_layers": two,
        "chain": [train_chain(key) for key in keys],
    }
    return measured, networks


def judge(measured: Any) -> list[Claim]:
    """Return the claims; bars are those of the lecture, or follow from the rule."""
    wrong = {name: np.abs(each[:, -10:] - BEST) for name, each in measured["paths"].items()}
    off = np.abs(measured["paths"]["rate 1, in order"][0, -10:] - np.array(CYCLE)).max()
    shuffled = wrong["rate 1, shuffled"].max(axis=(1, 2))
    small = max(each.max() for name, each in wrong.items() if "rate 1" not in name)
    only = f"holds only if the rate is below 2 / max x^2 = {2 / np.max(X**2):g}, in any order"
    two, error = over_seeds(measured["two_layers"][1])
    strays = "at rate 1 the rule strays, shuffled too: largest error of the weight, least of seeds"
    worst = {name: np.max(measured[name]) for name in ("two_inputs", "mistakes", "one_layer")}
    return [
        at_most("deviation from the lecture's cycle at rate 1", RULE, off, 0.051),
        at_least(strays, REPETITION, shuffled.min(), BEST, verdict=only),
        at_most("largest error at rate 0.005, in any order", RULE, small, farthest()),
        at_most("largest error of two weights", TWO, worst["two_inputs"], 1e-3),
        at_most("mistakes over Novikoff's bound", "Novikoff 1962", worst["mistakes"], 1.0),
        at_most("corners of XOR right by one layer", XOR, worst["one_layer"], 0.75),
        at_least("corners right by two layers, 8 units", XOR, two, 1.0, uncertainty=error),
        at_most("chain: written out steps beside fit", CHAIN, np.max(measured["chain"]), 1e-5),
    ]
