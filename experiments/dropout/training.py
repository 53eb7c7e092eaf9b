"""Networks that learn few digits at some drop rates, and averages of thinned ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Key
from jaxnet.data import Dataset
from jaxnet.training import Recipe, SweepResult, grid, sweep

SMALL, LARGE = "small, 20-20", "large, 300-300"
WIDTHS, RATES = {SMALL: 20, LARGE: 300}, (0.0, 0.25, 0.5, 0.75)
THINNED = (1, 2, 4, 8, 16, 32, 64)
"""Thinned networks in an average."""
VERSIONS = {
    "150-150, none dropped": {"units": 150, "inputs": 0.0, "hidden": 0.0},
    "300-300, half of the hidden units": {"units": 300, "inputs": 0.0, "hidden": 0.5},
    "300-300, .2 of inputs, .5 of hidden": {"units": 300, "inputs": 0.2, "hidden": 0.5},
    "300-300, .5 of inputs, .2 of hidden": {"units": 300, "inputs": 0.5, "hidden": 0.2},
}
"""One smaller network, and drop rates of the large one; the slide's are the third."""


def shape_of(dataset: Dataset, width: int) -> tuple[int, ...]:
    """Return the widths of a network."""
    return dataset.train.inputs.shape[1], width, width, len(dataset.class_names)


def train(dataset: Dataset, width: int, key: Key, config: Any) -> SweepResult:
    """Train networks of a width at each drop rate."""
    shape = shape_of(dataset, width)

    def build(rate: Any) -> Recipe:
        network = jaxnet.mlp(shape, input_scale=dataset.input_scale, drop_rate=rate)
        return Recipe(network, jaxnet.optim.adam(2e-3))

    train = dataset.train.map(lambda array: array[: config.examples])
    return sweep(
        build,
        train,
        key=key,
        settings=grid(rate=RATES),
        validation=dataset.test,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=50,
        width="all",
        progress=f"width {width}",
    )


def measures(found: SweepResult) -> dict[str, np.ndarray]:
    """Return loss and share misread of test images, each of shape (drop rates, seeds)."""
    right = np.asarray(found.metrics["validation_accuracy"], float)
    return {"test_loss": found.metrics["validation_loss"], "test_error": 1 - right}


def average_thinned(dataset: Dataset, found: SweepResult, key: Key) -> list[np.ndarray]:
    """Return shares misread at rate 1/2, a row a seed: of averages, and of the scaled network."""
    shape = shape_of(dataset, WIDTHS[LARGE])
    network = jaxnet.mlp(shape, input_scale=dataset.input_scale, drop_rate=0.5)
    inputs, labels = (jnp.asarray(field) for field in dataset.test)

    def wrong(outputs: Array) -> Array:
        return jnp.mean(jaxnet.metrics.error_rate(outputs, labels))

    @jax.jit
    def average(params: Any, statistics: Any) -> tuple[Array, Array]:
        def outputs(key: Key) -> Array:
            logits = network.apply(params, statistics, inputs, key=key, training=True)[0]
            return jax.nn.softmax(logits)

        each = jax.lax.map(outputs, jax.random.split(key, max(THINNED)))
        counts = jnp.array(THINNED)
        whole = network.apply(params, statistics, inputs)[0]
        return jax.vmap(wrong)(jnp.cumsum(each, axis=0)[counts - 1]), wrong(whole)

    seeds = range(len(found.keys))
    members = [found.member(RATES.index(0.5), seed) for seed in seeds]
    thinned = [average(member.params, member.statistics) for member in members]
    return [np.array(part) for part in zip(*thinned, strict=True)]


def compare_versions(dataset: Dataset, key: Key, config: Any) -> dict[str, np.ndarray]:
    """Return loss and share misread of test images of `VERSIONS`, shape ``(versions, seeds)``."""
    shape = shape_of(dataset, WIDTHS[LARGE])

    def build(units: Any, inputs: Any, hidden: Any) -> Recipe:
        network = jaxnet.mlp(
            shape,
            input_scale=dataset.input_scale,
            drop_rate=hidden,
            input_drop_rate=inputs,
            active_units=units,
        )
        return Recipe(network, jaxnet.optim.adam(2e-3))

    found = sweep(
        build,
        dataset.train.map(lambda array: array[: config.examples]),
        key=key,
        settings=list(VERSIONS.values()),
        validation=dataset.test,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=50,
        width="all",
    )
    return measures(found)
