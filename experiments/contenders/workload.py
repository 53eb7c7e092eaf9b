"""Workloads of the benchmark: examples and settings of a training run."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jaxnet
from jaxnet.core.errors import MissingFileError
from jaxnet.data import Examples


class Workload(NamedTuple):
    """Training job.

    Attributes:
        train: flat inputs, uint8 pixels or float32, and int32 labels.
        test: the same for evaluation after each epoch.
        pixel_max: pixel value that is scaled to 1.
        widths: widths of the network.
        batch_size: examples per step.
        learning_rate: learning rate of the optimizer.
        data: ``"mnist"``, ``"random"`` images of the same shape, or ``"synthetic"`` rows.
        optimizer: ``"adam"`` or ``"sgd"``.
        drop_rate: dropout of the hidden units.
        in_bytes: whether pixels stay uint8 in memory and each mini-batch is scaled.
    """

    train: Examples
    test: Examples
    pixel_max: int
    widths: tuple[int, ...]
    batch_size: int
    learning_rate: float
    data: str
    optimizer: str = "adam"
    drop_rate: float = 0.0
    in_bytes: bool = False

    def shuffled(self, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield the indices of each mini-batch of an epoch in a new order."""
        order = generator.permutation(len(self.train.targets))
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def in_memory(self) -> tuple[Examples, Examples]:
        """Return the examples as most frameworks keep them: float32 in [0, 1], or uint8."""
        if self.in_bytes:
            return self.train, self.test
        train, test = (Examples(self._scale(part.inputs), part.targets) for part in self[:2])
        return train, test

    def scaled(self, inputs: Any) -> Any:
        """Return inputs of `in_memory` as float32 in [0, 1], of NumPy or JAX."""
        return self._scale(inputs) if self.in_bytes else inputs

    def _scale(self, inputs: Any) -> Any:
        return inputs.astype(np.float32) * np.float32(1 / self.pixel_max)

    def flops(self) -> float:
        """Count the operations of an epoch's matrix products, evaluation included."""
        training, weights = training_flops(self.widths), _weights(self.widths)
        return len(self.train.targets) * training + len(self.test.targets) * 2 * sum(weights)


def training_flops(widths: Sequence[int]) -> float:
    """Count the floating-point operations of the matrix products for one training example.

    Per weight: two forward, two for the weights' gradient, two for that of the inputs, which the
    first layer omits.
    """
    weights = _weights(widths)
    return 6.0 * sum(weights) - 2 * weights[0]


def _weights(widths: Sequence[int]) -> list[int]:
    """Return the number of weights of each layer."""
    return [a * b for a, b in itertools.pairwise(widths)]


class Source(NamedTuple):
    """Examples of a workload: training and test part, largest pixel, where they are from."""

    train: Examples
    test: Examples
    pixel_max: int
    data: str


def images(data_dir: Path | None) -> Source:
    """Return MNIST; without it, random images: the time of an epoch does not depend on them."""
    try:
        mnist = jaxnet.data.load_dataset("mnist", data_dir=data_dir)
        return Source(mnist.train, mnist.test, 255, "mnist")
    except MissingFileError:
        if data_dir or os.environ.get("JAXNET_DATA"):
            raise
        return Source(_random_images(60_000, 0), _random_images(10_000, 1), 255, "random")


def table(data_dir: Path | None) -> Source:
    """Return rows of 30 normal columns; the sign of a noisy sum over them is the class."""
    del data_dir
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((24_000, 30), np.float32)
    noise = generator.standard_normal(len(rows), np.float32)
    whole = Examples(rows, (rows.sum(axis=1) + noise > 0).astype(np.int32))
    return Source(whole.take(slice(20_000)), whole.take(slice(20_000, None)), 1, "synthetic")


class Settings(NamedTuple):
    """Settings of a workload: the headline's, where nothing else is said.

    Attributes:
        hidden: widths of the hidden layers.
        batch_size: examples per step; 0 for all.
        optimizer: as for `Workload`.
        learning_rate: as for `Workload`.
        drop_rate: as for `Workload`.
        examples: training examples: the first ones, or all several times. Test examples are at
            most a sixth of as many, as in MNIST.
        in_bytes: as for `Workload`.
        source: folder of data or None -> examples.
    """

    hidden: tuple[int, ...] = (100, 100)
    batch_size: int = 100
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    drop_rate: float = 0.0
    examples: int = 60_000
    in_bytes: bool = False
    source: Callable[[Path | None], Source] = images


WORKLOADS = {
    "headline": Settings(),
    "sample": Settings(batch_size=1, optimizer="sgd", learning_rate=0.01, examples=10_000),
    "batch_10": Settings(batch_size=10, optimizer="sgd", learning_rate=0.1),
    "batch_1000": Settings(batch_size=1000),
    "full_batch": Settings(batch_size=0),
    "wide_dropout": Settings((1024, 1024), 128, drop_rate=0.5, examples=10_000),
    "wide": Settings((1024, 1024, 1024), 128, examples=10_000),
    "wider": Settings((2048, 2048), 1024, examples=20_000),
    "deep": Settings((100,) * 10),
    "linear": Settings((), optimizer="sgd", learning_rate=0.1),
    "narrow": Settings((32,), 32),
    "tabular": Settings((64, 64), 32, examples=20_000, source=table),
    "large": Settings(examples=600_000, in_bytes=True),
}
"""Name -> settings; wide networks learn a part of MNIST, which suffices to time their steps."""


def make_workload(
    name: str = "headline", examples: int | None = None, *, data_dir: Path | None = None
) -> Workload:
    """Return a workload of `WORKLOADS`.

    Args:
        name: its name.
        examples: largest number of training examples; None for all.
        data_dir: folder of MNIST. Without one, random images replace it.
    """
    settings = WORKLOADS[name]
    source = settings.source(data_dir)
    size = min(settings.examples, examples or settings.examples)
    times = -(-size // len(source.train.targets))
    repeated = (np.concatenate([np.asarray(part)[:size]] * times) for part in source.train)
    train = Examples(*repeated).take(slice(size))
    classes = int(source.test.targets.max()) + 1
    return Workload(
        train=train,
        test=source.test.take(slice(settings.examples // 6)),
        pixel_max=source.pixel_max,
        widths=(train.inputs.shape[1], *settings.hidden, classes),
        batch_size=settings.batch_size or size,
        learning_rate=settings.learning_rate,
        data=source.data,
        optimizer=settings.optimizer,
        drop_rate=settings.drop_rate,
        in_bytes=settings.in_bytes,
    )


def _random_images(number: int, seed: int) -> Examples:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (number, 784), np.uint8)
    return Examples(pixels, generator.integers(0, 10, number, np.int32))
