"""Times and training runs against the batch size."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.batch_size_tradeoff.workload import SGD, Grid, Workload, start
from experiments.harness.progress import progress, side_by_side
from experiments.harness.record import growing
from jaxnet.training import DivergenceError

TIMED_UPDATES = 200
"""Least number of steps per timing, in whole epochs."""


class Time(NamedTuple):
    """Training time with a batch size, compiled and warm.

    Attributes:
        epoch_seconds: one value per round.
        steps: steps per epoch.
    """

    epoch_seconds: list[float]
    steps: int

    @property
    def epoch(self) -> float:
        """Median seconds of an epoch."""
        return float(np.median(self.epoch_seconds))

    @property
    def step(self) -> float:
        """Median seconds of a step."""
        return self.epoch / self.steps


class Run(NamedTuple):
    """Training run.

    Attributes:
        losses: validation losses, before training and after each epoch.
        tested: epoch -> test accuracy after it; 0 if the run diverged before.
    """

    losses: np.ndarray
    tested: dict[int, float]


class Reached(NamedTuple):
    """Test accuracy of a batch size after equal training.

    Attributes:
        updates: number of updates.
        rate: learning rate with the lowest mean validation loss.
        accuracies: accuracies with that rate, one per seed.
    """

    updates: int
    rate: float
    accuracies: np.ndarray


class Outcome(NamedTuple):
    """Outcome of the runs with a batch size.

    Attributes:
        rate: learning rate with the fewest median epochs to the target.
        epochs: epochs to the target with that rate, one per seed; infinite if it is not reached.
        by_epochs: accuracy after equal epochs.
        by_updates: accuracy after equal updates.
    """

    rate: float
    epochs: np.ndarray
    by_epochs: Reached
    by_updates: Reached


def measure_times(workload: Workload, sizes: Sequence[int], *, rounds: int) -> dict[int, Time]:
    """Time epochs, the batch sizes in turns, after compilation and one run."""
    times = {size: Time([], workload.steps(size)) for size in sizes}

    def train_epochs(size: int) -> float:
        epochs = -(-TIMED_UPDATES // times[size].steps)
        result = jaxnet.training.fit(
            workload.network,
            workload.train,
            key=jax.random.key(0),
            optimizer=SGD,
            epochs=epochs,
            batch_size=size,
            state=start(workload, 0.01, jax.random.key(0)),
            report_every=epochs,
        )
        return result.run_seconds / epochs

    side_by_side("compiling", train_epochs, sizes)
    for _ in progress("timing", range(rounds)):
        for size, time in times.items():
            time.epoch_seconds.append(train_epochs(size))
    return times


def train_all(workload: Workload, grid: Grid, *, seed: int) -> dict[int, dict[float, list[Run]]]:
    """Train with every batch size and learning rate."""
    runs: dict[int, dict[float, list[Run]]] = growing("runs", {})

    def train_size(size: int) -> None:
        runs[size] = {
            rate: [train(workload, grid, size, rate, seed + i) for i in range(grid.seeds)]
            for rate in grid.rates(size)
        }

    side_by_side("training", train_size, grid.batch_sizes)
    return {size: runs[size] for size in grid.batch_sizes}


def train(workload: Workload, grid: Grid, size: int, rate: float, seed: int) -> Run:
    """Train once, and test after the grid's epochs and updates."""
    state = start(workload, rate, jax.random.key(seed))
    first = jaxnet.training.evaluate(
        workload.network, state.params, state.statistics, workload.validation
    )
    lengths = grid.lengths(workload.steps(size))
    losses, tested, done = [first["loss"]], dict.fromkeys(lengths, 0.0), 0
    for epochs in sorted(tested):
        try:
            result = jaxnet.training.fit(
                workload.network,
                workload.train,
                key=state.key,
                optimizer=SGD,
                epochs=epochs - done,
                batch_size=size,
                validation=workload.validation,
                state=state,
            )
        except DivergenceError as error:
            losses += list(error.result.history.validation["loss"])
            break
        state, done = result.state, epochs
        losses += list(result.history.validation["loss"])
        tested[epochs] = jaxnet.training.evaluate(
            workload.network, state.params, state.statistics, workload.dataset.test
        )["accuracy"]
    return Run(np.where(np.isfinite(losses), losses, np.inf), tested)


def epochs_to_target(losses: np.ndarray, target: float) -> float:
    """Return the epochs until the loss first falls to the target, or infinity.

    The logarithm of the loss is interpolated linearly between epochs.
    """
    reached = np.flatnonzero(losses <= target)
    if not reached.size:
        return float("inf")
    after = int(reached[0])
    if after == 0:
        return 0.0
    high, low, level = np.log([losses[after - 1], losses[after], target])
    return float(after - (level - low) / (high - low))


def outcome(runs: dict[float, list[Run]], grid: Grid, steps: int) -> Outcome:
    """Choose the rates of a batch size by the validation loss."""
    epochs = {
        rate: np.array([epochs_to_target(run.losses, grid.target) for run in each])
        for rate, each in runs.items()
    }
    rate = min(epochs, key=lambda rate: float(np.median(epochs[rate])))
    by_epochs, by_updates = (_tested(runs, length, steps) for length in grid.lengths(steps))
    return Outcome(rate, epochs[rate], by_epochs, by_updates)


def _tested(runs: dict[float, list[Run]], epochs: int, steps: int) -> Reached:
    """Return the accuracy after some epochs, with the rate of the lowest validation loss."""
    losses = {
        rate: np.mean([run.losses[epochs] if epochs < len(run.losses) else np.inf for run in each])
        for rate, each in runs.items()
    }
    rate = min(losses, key=lambda rate: losses[rate])
    accuracies = np.array([run.tested[epochs] for run in runs[rate]])
    return Reached(epochs * steps, rate, accuracies)
