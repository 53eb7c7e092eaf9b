"""Quantities that grow: how a training is made for each of their values."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.contenders.workload import training_flops
from experiments.harness.epochs import Program, compile_epoch
from jaxnet.data import Examples
from jaxnet.training import FitResult, Recipe, SweepResult, fit, sweep


class Training(NamedTuple):
    """A training that can be timed.

    Attributes:
        program: the compiled program.
        repeats: how often it does its work.
        work: what the time of each repeat should grow with.
        size: what its memory should grow with.
    """

    program: Program
    repeats: float
    work: float
    size: float


class Quantity(NamedTuple):
    """A quantity of a training.

    Attributes:
        values: in rising order.
        make: ``value -> training``.
        unit: of the work.
    """

    values: tuple[int, ...]
    make: Callable[[int], Training]
    unit: str


def _epoch(hidden: Sequence[int] = (100, 100), *, batch: int = 100, examples: int) -> Program:
    optimizer = jaxnet.optim.adam(0.001)
    return compile_epoch((784, *hidden, 10), optimizer, batch_size=batch, examples=examples)


def _batch(size: int) -> Training:
    steps = min(max(40_000 // size, 4), 400)
    return Training(_epoch(batch=size, examples=size * steps), steps, size, size)


def _width(width: int) -> Training:
    """Return an epoch of some 20 billion operations."""
    widths = (784, width, width, 10)
    steps = int(np.clip(2e10 / 100 * training_flops(widths), 3, 200))
    program, weights = _epoch((width, width), examples=100 * steps), width * (784 + width + 10)
    return Training(program, steps, 100 * training_flops(widths) / 1e6, weights)


def _depth(depth: int) -> Training:
    return Training(_epoch((100,) * depth, examples=10_000), 100, depth, depth)


def _examples(number: int) -> Training:
    return Training(_epoch(examples=number), 1, number, number)


def _images(number: int) -> Examples:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (number, 784), np.uint8)
    return Examples(pixels, rng.integers(0, 10, number))


def _epochs(report_every: int) -> Training:
    """Return a run of 64 epochs, of which some are one call of the compiled program."""
    train, epochs = _images(2000), 64
    network = jaxnet.mlp((784, 100, 100, 10), input_scale=1 / 255)
    optimizer = jaxnet.optim.adam(0.001)

    def run() -> FitResult:
        return fit(network, train, key=jax.random.key(0), optimizer=optimizer, epochs=epochs,
                   batch_size=100, report_every=report_every, progress=False)  # fmt: skip

    program = Program(lambda: run().run_seconds, run().compile_seconds)
    return Training(program, epochs / report_every, report_every, report_every)


def _runs(number: int) -> Training:
    """Return a sweep on one device, timed without the compilation that every call has."""
    train = _images(2000)

    def build(learning_rate: jax.Array) -> Recipe:
        network = jaxnet.mlp((784, 100, 100, 10), input_scale=1 / 255)
        return Recipe(network, jaxnet.optim.adam(learning_rate))

    def run() -> SweepResult:
        return sweep(build, train, key=jax.random.key(0), settings={"learning_rate": 0.001},
                     seeds=number, epochs=4, batch_size=100, progress=False)  # fmt: skip

    program = Program(lambda: run().run_seconds, run().compile_seconds)
    return Training(program, 1, number, number)


QUANTITIES = {
    "batch size": Quantity((1, 4, 16, 64, 256, 1024, 4096), _batch, "example"),
    "width": Quantity((16, 32, 64, 128, 256, 512, 1024, 2048), _width, "million operations"),
    "depth": Quantity((1, 2, 4, 8, 16, 32), _depth, "hidden layer"),
    "examples": Quantity((1000, 4000, 16_000, 64_000, 256_000), _examples, "example"),
    "epochs in a program": Quantity((1, 4, 16, 64), _epochs, "epoch"),
    "runs of a sweep": Quantity((1, 4, 16), _runs, "run"),
}
"""Name -> quantity."""
