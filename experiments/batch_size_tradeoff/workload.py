"""Workload of batch_size_tradeoff: data, network and grids."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

import jaxnet
from jaxnet.core.checks import check_choice, check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Key, Layer, Params
from jaxnet.data import Dataset, Examples
from jaxnet.training import TrainState, steps_per_epoch

HELD_OUT = 0.1
"""Least part of the training examples for choosing rates."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Settings of the measurements on a data set.

    Attributes:
        batch_sizes: batch sizes, ascending.
        rate: approximate learning rate for mini-batches of one.
        epochs: epochs after which test accuracies are compared.
        updates: updates after which test accuracies are compared, rounded up to whole epochs.
        target: target of the validation loss.
        draws: pairs of mini-batches per batch size.
        seeds: runs per batch size and rate.
        scale_seeds: runs for the noise scale.
    """

    batch_sizes: tuple[int, ...]
    rate: float
    epochs: int
    updates: int
    target: float
    draws: int
    seeds: int
    scale_seeds: int

    def lengths(self, steps: int) -> tuple[int, int]:
        """Return the epochs after which accuracies are compared: equal epochs, equal updates."""
        return self.epochs, -(-self.updates // steps)

    def rates(self, size: int) -> list[float]:
        """Return the learning rates to try: five, a factor of 2 apart.

        They lie around ``rate * sqrt(size)``, for which the noise of an update is constant.
        """
        return [self.rate * size**0.5 * 2.0**k for k in range(-2, 3)]


GRIDS = {
    "digits": Grid(
        batch_sizes=tuple(4**k for k in range(6)),
        rate=0.04,
        epochs=20,
        updates=2000,
        target=0.2,
        draws=240,
        seeds=3,
        scale_seeds=8,
    ),
    "mnist": Grid(
        batch_sizes=tuple(4**k for k in range(2, 7)),
        rate=0.015,
        epochs=5,
        updates=500,
        target=0.2,
        draws=100,
        seeds=1,
        scale_seeds=2,
    ),
}


@dataclasses.dataclass(frozen=True)
class Workload:
    """Data set and network; the training examples are a multiple of the largest batch size."""

    dataset: Dataset
    train: Examples
    validation: Examples
    network: Layer

    def steps(self, size: int) -> int:
        """Return the steps per epoch."""
        return steps_per_epoch(len(self.train.targets), batch_size=size)


def load_workload(name: str, grid: Grid, *, data_dir: Path | None) -> Workload:
    """Load a data set, hold validation examples out, and build the network.

    The grid's largest batch size divides the number of training examples.
    """
    check_choice("--dataset", name, GRIDS)
    dataset = jaxnet.data.load_dataset(name, data_dir=data_dir)
    total, largest = len(dataset.train.targets), grid.batch_sizes[-1]
    most = int((1 - HELD_OUT) * total)
    check_range("--batch-sizes", largest, low=1, high=most)
    check_sizes(grid.batch_sizes, most // largest * largest)
    share = most // largest * largest / total
    parts = jaxnet.data.split(
        dataset.train, (share, 1 - share), key=jax.random.key(0), stratify=True
    )
    train, validation = (jax.tree.map(jnp.asarray, part) for part in parts)
    widths = (dataset.train.inputs.shape[1], 100, 100, len(dataset.class_names))
    network = jaxnet.mlp(widths, input_scale=dataset.input_scale)
    return Workload(dataset, train, validation, network)


def check_sizes(sizes: tuple[int, ...], examples: int) -> None:
    """Raise a ValueError for fewer than two batch sizes below all examples, with variance."""
    if sum(size < examples for size in sizes) < 2:
        expected = f"to be two or more below the {examples} examples to train with"
        remedy = "For example: --batch-sizes 1 32 256"
        raise invalid_value("--batch-sizes", expected, sizes, remedy)


def start(workload: Workload, rate: float, key: Key) -> TrainState:
    """Return the initial state of a run with a learning rate."""
    state = jaxnet.training.init_state(
        workload.network, SGD, workload.train.inputs.shape[1:], key=key
    )
    return state._replace(opt_state=jnp.asarray(rate, jnp.float32))


def _init(params: Params) -> Array:
    del params
    return jnp.zeros((), jnp.float32)


def _update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    del params
    return jax.tree.map(lambda leaf: -state.astype(leaf.dtype) * leaf, updates), state


SGD = optax.GradientTransformation(_init, _update)
"""Gradient descent with the learning rate as its state: one program for all rates."""
