"""Training of networks of one size and several depths on digits, and of some on a sawtooth."""

from typing import Any, NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.width_or_depth.cost import formula
from experiments.width_or_depth.pieces import count_pieces, linear_pieces, sawtooth
from jaxnet.core.types import Key
from jaxnet.data import Dataset, Examples
from jaxnet.layers import activation, dense, serial
from jaxnet.training import Recipe, grid, predict, steps_per_epoch, sweep

PARAMETERS, DEPTHS = 18_000, (1, 2, 4, 11)
"""Parameters of all networks for digits, and their hidden layers."""
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
BATCH = 50
TEETH = 4
"""Applications of the tent map in the sawtooth to learn, which has 16 pieces."""
LEARNERS = {"4 x 2": (2,) * TEETH, "4 x 16": (16,) * TEETH, "1 x 288": (288,)}
"""Networks for the sawtooth: of the hand-made shape, and of 865 parameters, deep and wide."""


def fitting_width(hidden: int, inputs: int, outputs: int) -> int:
    """Return the width at which ``hidden`` layers have about `PARAMETERS` parameters."""
    sizes = {w: formula((inputs, *[w] * hidden, outputs)) for w in range(1, 300)}
    return min(sizes, key=lambda width: abs(sizes[width] - PARAMETERS))


class Learned(NamedTuple):
    """Accuracies of networks of a shape.

    Attributes:
        widths: of all layers.
        rate: the learning rate with the best mean validation accuracy.
        validation: accuracy at all rates, shape (rates, seeds).
        test: accuracy at that rate, shape (seeds,).
    """

    widths: tuple[int, ...]
    rate: float
    validation: np.ndarray
    test: np.ndarray


def learn_digits(dataset: Dataset, hidden: int, key: Key, seeds: int, epochs: int) -> Learned:
    """Train networks of ``hidden`` layers, choose the rate by validation, and test once."""
    inputs, outputs = dataset.train.inputs.shape[1], len(dataset.class_names)
    widths = inputs, *[fitting_width(hidden, inputs, outputs)] * hidden, outputs
    network = jaxnet.mlp(widths, input_scale=dataset.input_scale)
    train, validation = jaxnet.data.split(dataset.train, (0.8, 0.2), key=key, stratify=True)
    steps = epochs * steps_per_epoch(len(train.targets), batch_size=BATCH)

    def build(rate: Any) -> Recipe:
        return Recipe(network, jaxnet.optim.adam(jaxnet.schedules.cosine_decay(rate, steps)))

    found = sweep(
        build,
        train,
        key=key,
        settings=grid(rate=RATES),
        validation=validation,
        seeds=seeds,
        epochs=epochs,
        batch_size=BATCH,
        width="all",
        progress=f"{hidden} hidden layers",
    )
    right = np.nan_to_num(np.asarray(found.metrics["validation_accuracy"], float))
    best = int(right.mean(axis=1).argmax())
    members = [found.member(best, seed) for seed in range(seeds)]
    tested = [
        jaxnet.training.evaluate(network, each.params, each.statistics, dataset.test)["accuracy"]
        for each in members
    ]
    return Learned(widths, RATES[best], right, np.array(tested))


class Fitted(NamedTuple):
    """Networks of a shape that learned the sawtooth.

    Attributes:
        missed: mean squared error over the variance of the sawtooth, shape (seeds,).
        pieces: linear pieces of each network in [0, 1], shape (seeds,).
        curve: outputs of the network with the median error, shape (inputs,).
    """

    missed: np.ndarray
    pieces: np.ndarray
    curve: np.ndarray


def sawtooth_examples(n: int = 256) -> Examples:
    """Return inputs spread evenly over [0, 1], and the sawtooth there."""
    x = (np.arange(n) + 0.5) / n
    v = linear_pieces(sawtooth(TEETH), 0, 1)(x)
    return Examples(x[:, None].astype(np.float32), v[:, None].astype(np.float32))


def learn_sawtooth(name: str, key: Key, seeds: int, epochs: int) -> Fitted:
    """Train networks of a shape of `LEARNERS` on the sawtooth, by full batches.

    Biases start at random: with zeros all units of the first layer would switch at input 0.
    """
    examples = sawtooth_examples()
    hidden = [
        part
        for width in LEARNERS[name]
        for part in (dense(width, bias_initializer="uniform"), activation("relu"))
    ]
    network = serial(*hidden, dense(1))

    def build(rate: Any) -> Recipe:
        adam = jaxnet.optim.adam(jaxnet.schedules.cosine_decay(rate, epochs))
        return Recipe(network, adam, loss="squared_error")

    found = sweep(
        build,
        examples,
        key=key,
        settings=[{"rate": 0.01}],
        seeds=seeds,
        epochs=epochs,
        batch_size=len(examples.targets),
        shuffle=False,
        width="all",
        progress=f"sawtooth, {name}",
    )
    members = [found.member(0, seed) for seed in range(seeds)]
    outputs = np.array(
        [predict(network, m.params, m.statistics, examples.inputs)[:, 0] for m in members], float
    )
    missed = np.square(outputs - examples.targets[:, 0]).mean(axis=1) / np.var(examples.targets)
    pieces = [count_pieces(lines_of(member.params), 0, 1) for member in members]
    return Fitted(missed, np.array(pieces), outputs[np.argsort(missed)[seeds // 2]])


def lines_of(params: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weights and biases of the dense layers of a network, in float64."""
    dense = [layer for layer in params if jax.tree.leaves(layer)]
    return [(np.asarray(w, np.float64), np.asarray(b, np.float64)) for w, b in dense]
