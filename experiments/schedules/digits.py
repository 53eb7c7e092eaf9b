"""Networks on digits under each schedule, and what a plateau of the validation loss does."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet import schedules
from jaxnet.data import Examples
from jaxnet.training import Recipe, SweepResult, grid, reduce_on_plateau, steps_per_epoch, sweep

BATCH = 50
RATES = (0.02, 0.1, 0.5, 1.0)
"""Start rates. Some networks no longer train at a constant 1.4, none at 2."""
PATIENCE = 5
"""Epochs without a new least validation loss after which the plateau rule cuts the rate by .1."""
NETWORK = jaxnet.mlp((64, 50, 10), input_scale=1 / 16)

CONSTANT, SLIDE, PLATEAU = "constant", "η/(t + 1)", "reduce on plateau"
KINDS: dict[str, Callable[[Any, int], Any]] = {
    CONSTANT: lambda rate, _: rate,
    "η/(1 + t/300)": lambda rate, _: schedules.inverse_time_decay(rate, 300),
    SLIDE: lambda rate, _: schedules.inverse_time_decay(rate),
    "exponential to 1 %": lambda rate, steps: schedules.exponential_decay(rate, steps, 0.01),
    "cosine": lambda rate, steps: schedules.cosine_decay(rate, steps),
    "polynomial (1 - t/T)²": lambda rate, steps: schedules.polynomial(rate, 0.0, 2, steps),
    PLATEAU: lambda rate, _: rate,
}
"""Name -> learning rate by start rate and number of steps."""


class Trained(NamedTuple):
    """Networks of one schedule.

    Attributes:
        train: loss of each network on all training examples, shape (rates, seeds), in nats.
        validation: the same on validation examples.
        test: the same on test examples.
        curves: validation loss after each epoch, shape (rates, seeds, epochs).
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    curves: np.ndarray


def train_all(*, seed: int, seeds: int, epochs: int) -> dict[str, Trained]:
    """Train networks under all schedules in one program, from equal weights and in equal orders."""
    dataset = jaxnet.data.load_dataset("digits")
    split, key = jax.random.split(jax.random.key(seed))
    train, validation = jaxnet.data.split(dataset.train, (0.8, 0.2), key=split)
    steps = epochs * steps_per_epoch(len(train.inputs), batch_size=BATCH)
    names = list(KINDS)

    def build(kind: Any, rate: Any) -> Recipe:
        def scheduled(count: Any) -> Any:
            rates = (schedule(rate, steps) for schedule in KINDS.values())
            values = [each(count) if callable(each) else each for each in rates]
            return jnp.stack([jnp.asarray(value, float) for value in values])[kind]

        waits = jnp.where(kind == names.index(PLATEAU), PATIENCE, epochs + 1)  # or is never cut
        rules = [reduce_on_plateau(patience=waits)]
        return Recipe(NETWORK, jaxnet.optim.sgd(scheduled), rules=rules)

    result = sweep(
        build,
        train,
        key=key,
        settings=grid(kind=range(len(names)), rate=RATES),
        validation=validation,
        seeds=seeds,
        epochs=epochs,
        batch_size=BATCH,
        width="all",
    )
    measured = [losses_of(result, examples) for examples in (train, validation, dataset.test)]
    measured.append(np.asarray(result.history.validation["loss"], float))
    shape = len(names), len(RATES), seeds
    rows = [each.reshape(*shape, *each.shape[2:]) for each in measured]
    return {name: Trained(*each) for name, *each in zip(names, *rows, strict=True)}


def losses_of(result: SweepResult, examples: Examples) -> np.ndarray:
    """Return the loss of each network of a sweep, shape (settings, seeds)."""
    inputs, labels = (jnp.asarray(field) for field in examples)

    def loss(params: Any, statistics: Any) -> Any:
        outputs, _ = NETWORK.apply(params, statistics, inputs)
        return jnp.mean(jaxnet.losses.softmax_cross_entropy(outputs, labels))

    every = jax.jit(jax.vmap(jax.vmap(loss)))
    return np.asarray(every(result.params, result.statistics), float)


def scales_of(curves: np.ndarray) -> np.ndarray:
    """Return the factor of the rate that the plateau rule has set after each epoch.

    Args:
        curves: validation losses, shape (runs, epochs).
    """
    rule = schedules.plateau(patience=PATIENCE)

    def step(state: Any, loss: Any) -> Any:
        state = rule.update(state, loss)
        return state, state.scale

    def scales(curve: Any) -> Any:
        return jax.lax.scan(step, rule.init(), curve)[1]

    return np.asarray(jax.vmap(scales)(jnp.asarray(curves, jnp.float32)))


def flutter(curves: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return by run the root mean square change of the loss from an epoch to the next, after a cut.

    Both epochs are after it, for in the first one the loss may fall; NaN for less than two.

    Args:
        curves: losses, shape (runs, epochs).
        scales: of `scales_of`, the same shape.
    """
    counted = scales[:, :-2] < 1
    changes = np.where(counted, np.diff(curves[:, 1:]), np.nan)
    number = counted.sum(axis=1)
    return np.sqrt(np.nansum(changes**2, axis=1) / np.where(number > 0, number, np.nan))
