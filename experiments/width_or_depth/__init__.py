"""Is a deep network better than a wide one of the same number of parameters?

Lectures 000 and 003: expressive power grows exponentially with depth; deeper networks read better.
Trains wide and deep networks of 18,000 parameters on digits, and counts the linear pieces of ReLU
functions of one input exactly: of a sawtooth made by hand, of random and of trained networks.
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

import jaxnet
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from experiments.width_or_depth.cost import counted, formula, shapes
from experiments.width_or_depth.depth_figure import draw
from experiments.width_or_depth.pieces import STACK, UNITS, count_pieces, draw_random, sawtooth
from experiments.width_or_depth.training import (
    DEPTHS,
    LEARNERS,
    Fitted,
    Learned,
    learn_digits,
    learn_sawtooth,
)

MODEL = "lecture 001, slide on looking as a model"
POWER = "lecture 000, slide on the expressive power of deep networks"
MADE = "holds only if the weights are made for it"
DEEP = "lecture 003, slide 'Wide or deep?'"
TEETH = range(1, 13)
"""Hidden layers of the sawtooth networks, of two units each."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks of each shape and learning rate."""
    epochs: Count = 30
    """Epochs of the networks for digits."""
    steps: Count = 1500
    """Steps of the networks for the sawtooth."""
    drawn: Several = 100
    """Random networks of each depth."""
    out: Path = Path("out/width_or_depth")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=1, steps=3, drawn=5)


def main(config: Config) -> list[Claim]:
    """Count parameters and pieces, train all networks, and draw all."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset("digits")
    keys = jax.random.split(jax.random.key(config.seed))
    costs = {widths: counted(widths) for widths in [(784, 100, 100, 10), *shapes()]}
    teeth = {layers: count_pieces(sawtooth(layers), 0, 1) for layers in TEETH}
    drawn = draw_random(config.seed, config.drawn)
    learned, fitted = growing("learned", {}), growing("fitted", {})
    for n in DEPTHS:
        learned[n] = learn_digits(dataset, n, keys[0], config.seeds, config.epochs)
    for name in LEARNERS:
        fitted[name] = learn_sawtooth(name, keys[1], config.seeds, config.steps)
    for layers, each in learned.items():
        shape = f"{layers} x {each.widths[1]}, {formula(each.widths):,} parameters"
        print(f"{shape}, rate {each.rate}: {each.test.mean():.2%} of test images read")
    for name, each in fitted.items():
        print(f"sawtooth by {name}: {each.missed} of the variance missed, {each.pieces} pieces")
    claims = cost_claims(costs) + piece_claims(teeth, drawn["wide"])
    given = config.seeds, config.epochs, config.steps, config.drawn
    usual = Config.seeds, Config.epochs, Config.steps, Config.drawn
    if all(mine >= least for mine, least in zip(given, usual, strict=True)):
        claims += [chance_claim(drawn["deep"])]
        claims += training_claims(learned, fitted, 1 / len(dataset.test.targets))
    figure = draw(out / "width_or_depth.png", learned, teeth, drawn, fitted)
    results = {"teeth": teeth, "random": drawn, "learned": learned, "fitted": fitted}
    results |= {"costs": {"-".join(map(str, widths)): each for widths, each in costs.items()}}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def cost_claims(costs: dict[tuple[int, ...], tuple[int, int, int]]) -> list[Claim]:
    """Claim the formula for parameters, and that a forward pass uses each once."""
    off = max(abs(formula(widths) - params) for widths, (params, _, _) in costs.items())
    golden = abs(costs[784, 100, 100, 10][0] - 89_610)
    operations = max(
        abs(2 * formula(widths) - neurons - flops) for widths, (_, flops, neurons) in costs.items()
    )
    return [
        at_most("parameters, off the formula", MODEL, off, 0),
        at_most("parameters of 784-100-100-10, off 89,610", MODEL, golden, 0),
        at_most("operations of a forward pass, off 2 x parameters - biases", MODEL, operations, 0),
    ]


def piece_claims(teeth: dict[int, int], wide: np.ndarray) -> list[Claim]:
    """Claim the pieces of the sawtooth, and how many one hidden layer has at most."""
    off = max(abs(pieces - 2**layers) for layers, pieces in teeth.items())
    most = float((wide / (UNITS * np.array(STACK)[:, None] + 1)).max())
    over = min(pieces / (2 * layers + 1) for layers, pieces in teeth.items() if layers >= 8)
    more = "sawtooth of 8 layers or more: pieces over the most of one layer of as many units"
    return [
        at_most("pieces of L layers of two units, off 2^L", POWER, off, 0),
        at_most("random, one hidden layer: pieces over units + 1", POWER, most, 1.0),
        at_least(more, POWER, over, 10),
    ]


def chance_claim(deep: np.ndarray) -> Claim:
    """Claim that the pieces of random deep networks grow as their units, not exponentially."""
    units = np.log(UNITS * np.array(STACK))
    power, error = over_seeds(np.polyfit(units, np.log(deep), 1)[0])
    text = "random deep networks: pieces grow with this power of the units"
    return at_most(text, POWER, power, 1.2, uncertainty=error, verdict=MADE)


def training_claims(
    learned: dict[int, Learned], fitted: dict[str, Fitted], image: float
) -> list[Claim]:
    """Claim that depth brings digits nothing, and that the sawtooth's shape does not learn it.

    An ``image`` is one of the test images, the least that accuracy can gain.
    """
    tests = np.array([each.test for each in learned.values()])
    slopes = np.polyfit(np.log2(list(learned)), tests, 1)[0]
    gain, error = over_seeds(slopes)
    missed = fitted[next(iter(fitted))].missed
    found, spread = over_seeds(missed)
    return [
        at_most("test accuracy gained by twice the hidden layers", DEEP, gain, image,
                uncertainty=error, verdict="fails"),
        at_least("share of the sawtooth's variance that its shape misses when trained", POWER,
                 found, 0.5, uncertainty=spread, verdict=MADE),
    ]  # fmt: skip
