"""What batch_size_tradeoff trains: data, network, and the grids that suit them."""

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
"""The least part of the training examples that rates are chosen on."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """What is measured on a data set.

    Attributes:
        batch_sizes: ascending.
        rate: learning rate of mini-batches of one, about.
        epochs: after which test accuracies are compared.
        updates: after which they are compared, too; a whole number of epochs, rounded up.
        target: validation loss to reach.
        draws: pairs of mini-batches at each batch size.
        seeds: runs of each batch size and rate.
        scale_seeds: runs in which the noise scale is followed.
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
        """Return after how many epochs accuracies are compared: at equal epochs, equal updates.

        Args:
            steps: of an epoch.
        """
        return self.epochs, -(-self.updates // steps)

    def rates(self, size: int) -> list[float]:
        """Return the rates that are tried, a factor of 2 apart: sixteenfold in all.

        They lie around ``rate * sqrt(size)``, which keeps the noise of an update what it is.

        Args:
            size: of the mini-batches.
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
    """Data set and network.

    Attributes:
        dataset: with its test examples.
        train: a whole number of the largest mini-batches.
        validation: held out of the training examples.
        network: a multilayer perceptron.
    """

    dataset: Dataset
    train: Examples
    validation: Examples
    network: Layer

    def steps(self, size: int) -> int:
        """Return the steps of an epoch.

        Args:
            size: of the mini-batches.
        """
        return steps_per_epoch(len(self.train.targets), batch_size=size)


def load_workload(name: str, grid: Grid, *, data_dir: Path | None) -> Workload:
    """Load a data set, hold validation examples out, and build the network.

    Args:
        name: of the data set, one of `GRIDS`.
        grid: whose largest batch size is to divide the number of training examples.
        data_dir: where the files are.
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
    network = jaxnet.mlp(widths, input_scale=1 / dataset.pixel_max)
    return Workload(dataset, train, validation, network)


def check_sizes(sizes: tuple[int, ...], examples: int) -> None:
    """Raise a ValueError unless a line can be drawn through what is measured at batch sizes.

    Args:
        sizes: ``--batch-sizes``.
        examples: to train with; without replacement, all of them have no variance.
    """
    if sum(size < examples for size in sizes) < 2:
        expected = f"to be two or more below the {examples} examples to train with"
        remedy = "For example: --batch-sizes 1 32 256"
        raise invalid_value("--batch-sizes", expected, sizes, remedy)


def start(workload: Workload, rate: float, key: Key) -> TrainState:
    """Return the state before a run at a learning rate.

    Args:
        workload: what to train.
        rate: the learning rate, which `SGD` keeps in its state.
        key: of the run.
    """
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
"""Gradient descent whose rate is its state: one compiled program serves all rates."""
