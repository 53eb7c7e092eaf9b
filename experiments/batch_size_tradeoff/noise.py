"""Variance of the mini-batch gradient against the batch size, measured and predicted."""

from typing import NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.batch_size_tradeoff.workload import SGD, Grid, Workload, start
from experiments.harness.progress import side_by_side
from jaxnet.inspection import Measurement, gradient_noise, measured_variance, predicted_variance
from jaxnet.training import Objective, TrainState, make_objective

EPOCHS = (0, 1, 4, 16)
"""Epochs after which the noise scale is computed; mini-batches are drawn after epoch 1."""

REFERENCE_SIZE, REFERENCE_RATE = 32, 0.1
"""Settings of the reference runs, in which noise is measured."""


class Drawn(NamedTuple):
    """Variance per batch size.

    Attributes:
        sizes: batch sizes.
        values: measured variances.
        errors: their standard errors.
        predicted: variances predicted from that of the examples' gradients.
    """

    sizes: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    predicted: np.ndarray


class Fit(NamedTuple):
    """Straight line through logarithms, weighted by the points' errors.

    Attributes:
        slope: slope of the line.
        error: standard error of the slope.
        worst: largest distance from the prediction, in standard errors.
    """

    slope: float
    error: float
    worst: float


class Noise(NamedTuple):
    """Measured gradient noise.

    Attributes:
        scales: epoch of the reference runs -> noise scale, in examples, one value per seed.
        variance: variance of the examples' gradients, where mini-batches were drawn.
        square: squared norm of the gradient there.
        examples: number of training examples.
        drawn: "with" and "without" replacement -> measurements.
    """

    scales: dict[int, np.ndarray]
    variance: float
    square: float
    examples: int
    drawn: dict[str, Drawn]

    @property
    def limits(self) -> dict[str, int | None]:
        """How mini-batches were drawn -> largest batch size, None for any."""
        return {"with": None, "without": self.examples}


def measure_noise(workload: Workload, grid: Grid, *, seed: int) -> Noise:
    """Measure noise scales in reference runs, and draw mini-batches in the first."""
    objective = make_objective(workload.network, "softmax_cross_entropy")
    runs = [reference_states(workload, grid, seed=seed + i) for i in range(grid.scale_seeds)]
    noises = [
        {
            epoch: gradient_noise(objective, state.params, state.statistics, workload.train)
            for epoch, state in states.items()
        }
        for states in runs
    ]
    states, first = runs[0], noises[0]
    scales = {epoch: np.array([float(each[epoch].scale) for each in noises]) for epoch in first}
    place = sorted(states)[min(1, len(states) - 1)]
    variance, square = map(float, first[place])
    noise = Noise(scales, variance, square, len(workload.train.targets), {})
    drawn = {
        name: draw(workload, objective, states[place], grid, variance, limit, seed=seed)
        for name, limit in noise.limits.items()
    }
    return noise._replace(drawn=drawn)


def reference_states(workload: Workload, grid: Grid, *, seed: int) -> dict[int, TrainState]:
    """Return the states of one reference run by epoch."""
    state = start(workload, REFERENCE_RATE, jax.random.key(seed))
    states = {0: state}
    for epoch in (e for e in EPOCHS if 0 < e <= grid.epochs):
        state = jaxnet.training.fit(
            workload.network,
            workload.train,
            key=state.key,
            optimizer=SGD,
            epochs=epoch - int(state.epoch),
            batch_size=REFERENCE_SIZE,
            state=state,
        ).state
        states[epoch] = state
    return states


def draw(
    workload: Workload,
    objective: Objective,
    state: TrainState,
    grid: Grid,
    variance: float,
    limit: int | None,
    *,
    seed: int,
) -> Drawn:
    """Measure the variance per batch size.

    Mini-batches are drawn without replacement from ``limit`` examples, for None with replacement.
    """
    sizes = np.array([size for size in grid.batch_sizes if limit is None or size < limit])
    key = jax.random.fold_in(jax.random.key(seed), limit or 0)

    def measure(size: int) -> Measurement:
        return measured_variance(
            objective,
            state.params,
            state.statistics,
            workload.train,
            batch_size=size,
            draws=grid.draws,
            key=jax.random.fold_in(key, size),
            replace=limit is None,
        )

    found = side_by_side("drawing mini-batches", measure, sizes.tolist())
    values, errors = np.array(found, float).T
    predicted = np.asarray(predicted_variance(variance, sizes, examples=limit))
    return Drawn(sizes, values, errors, predicted)


def fit_slope(drawn: Drawn, examples: int | None) -> Fit:
    """Fit the logarithm of the variance over (B - b)/(B - 1) by that of the batch size.

    Weights are the inverse squares of the relative errors. ``examples`` is B for draws without
    replacement, else None.
    """
    free = 1.0 if examples is None else (examples - drawn.sizes) / (examples - 1)
    x, y = np.log(drawn.sizes), np.log(drawn.values / free)
    weights = (drawn.values / drawn.errors) ** 2
    x = x - np.average(x, weights=weights)
    spread = np.sum(weights * x**2)
    worst = np.max(np.abs(drawn.values - drawn.predicted) / drawn.errors)
    return Fit(float(np.sum(weights * x * y) / spread), float(spread**-0.5), float(worst))
