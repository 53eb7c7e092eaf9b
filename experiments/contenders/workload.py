"""Workload of all contenders: images, labels and settings."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxnet
from jaxnet.core.errors import MissingFileError
from jaxnet.data import Examples


class Workload(NamedTuple):
    """Training job.

    Attributes:
        train: uint8 images, flat, and int32 labels.
        test: the same for evaluation after each epoch.
        pixel_max: pixel value that is scaled to 1.
        widths: widths of the network.
        batch_size: examples per step.
        learning_rate: learning rate of Adam.
        data: ``"mnist"``, or ``"random"`` images of the same shape.
    """

    train: Examples
    test: Examples
    pixel_max: int
    widths: tuple[int, ...]
    batch_size: int
    learning_rate: float
    data: str

    def shuffled(self, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield the indices of each mini-batch of an epoch in a new order."""
        order = generator.permutation(len(self.train.targets))
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def scaled(self) -> tuple[Examples, Examples]:
        """Return the examples for most frameworks: float32 in [0, 1]."""
        factor = np.float32(1 / self.pixel_max)
        train, test = (Examples(part.inputs * factor, part.targets) for part in self[:2])
        return train, test

    def flops(self) -> float:
        """Count the floating-point operations of an epoch's matrix products, evaluation included.

        Per weight and example: two forward, two for the weights' gradient, two for that of the
        inputs, which the first layer omits.
        """
        weights = [a * b for a, b in zip(self.widths, self.widths[1:], strict=False)]
        training = 6 * sum(weights) - 2 * weights[0]
        return len(self.train.targets) * training + len(self.test.targets) * 2 * sum(weights)


def headline(examples: int | None = None, *, data_dir: Path | None = None) -> Workload:
    """Return the lecture's headline run: 784-100-100-10, mini-batches of 100, Adam.

    Args:
        examples: largest number of training examples; None for all 60,000.
        data_dir: folder of MNIST. Without one, random images replace it: the time of an epoch
            does not depend on the images.
    """
    try:
        mnist = jaxnet.data.load_dataset("mnist", data_dir=data_dir)
        train, test, data = mnist.train, mnist.test, "mnist"
    except MissingFileError:
        if data_dir or os.environ.get("JAXNET_DATA"):
            raise
        train, test, data = _random_images(60_000, 0), _random_images(10_000, 1), "random"
    train = Examples(train.inputs[:examples], train.targets[:examples])
    return Workload(train, test, 255, (784, 100, 100, 10), 100, 1e-3, data)


def _random_images(number: int, seed: int) -> Examples:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (number, 784), np.uint8)
    return Examples(images, generator.integers(0, 10, number, np.int32))
