"""Features of hidden layers: how far they drift, and how large raw pixels make them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.progress import progress
from jaxnet.data import Dataset, Examples, preparation
from jaxnet.training import Recipe, grid, sweep

RATES = tuple(float(rate) for rate in 10.0 ** np.arange(-4, 0.6, 0.5))
"""Learning rates, of which each kind of pixels has its best."""
NETWORK = jaxnet.mlp((64, 50, 50, 10))


def pixels(dataset: Dataset) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return by name how pixels become inputs."""
    ready = preparation.fitted(preparation.standardize(), dataset.train.inputs)
    return {
        "0 to 255": lambda x: x * (255 / dataset.pixel_max),
        "0 to 1": lambda x: x / dataset.pixel_max,
        "standardized": lambda x: np.asarray(ready.apply(x)),
    }


def train_on_pixels(
    dataset: Dataset, epochs: int, key: Any, seeds: int
) -> dict[str, dict[str, np.ndarray]]:
    """Train networks by gradient descent at each rate, on pixels of each kind.

    Returns:
        Kind -> root mean square of the second hidden layer's features at the start, shape
        ``(seeds,)``; training loss and share of the test images misread, ``(rates, seeds)``.
    """
    kinds, first = pixels(dataset), len(dataset.train.targets)
    whole = jax.tree.map(lambda *fields: np.concatenate(fields), dataset.train, dataset.test)
    each = [prepared(whole, change) for change in kinds.values()]
    rows = jax.tree.map(lambda *fields: np.concatenate(fields), *each)
    number = np.arange(len(whole.targets))

    def build(kind: Any, rate: Any) -> Recipe:
        own = kind * len(number) + number
        subset = {"subset": own[:first], "held_out": own[first:]}
        return Recipe(NETWORK, jaxnet.optim.sgd(rate), **subset)

    found = sweep(
        build,
        rows,
        key=key,
        settings=grid(kind=range(len(kinds)), rate=RATES),
        seeds=seeds,
        epochs=epochs,
        batch_size=50,
        width=1,
        keep="metrics",
    )
    keys, shape = jax.random.split(key, seeds), (len(kinds), len(RATES), seeds)
    loss = np.asarray(found.metrics["train_loss"], float).reshape(shape)
    error = 1 - np.asarray(found.metrics["validation_accuracy"], float).reshape(shape)
    starts = [jax.vmap(features, (0, None))(keys, part.inputs[:first]) for part in each]
    return {
        kind: {"features": np.asarray(starts[i], float), "loss": loss[i], "error": error[i]}
        for i, kind in enumerate(kinds)
    }


def prepared(examples: Examples, change: Callable[[np.ndarray], np.ndarray]) -> Examples:
    """Return examples with changed inputs."""
    return examples._replace(inputs=change(np.asarray(examples.inputs, float)).astype(np.float32))


def features(key: Any, inputs: Any) -> Any:
    """Return the root mean square of the second hidden layer's features, before training."""
    params, statistics = NETWORK.init(key, (64,))
    hidden = jaxnet.layers.serial(*NETWORK.description.parts[:4])
    y, _ = hidden.apply(params[:4], statistics[:4], jnp.asarray(inputs))
    return jnp.sqrt(jnp.mean(jnp.square(y)))


def at_best_rate(measured: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the rate whose mean training loss is least, and its test errors, one a seed."""
    best = int(np.nanargmin(measured["loss"].mean(axis=1)))
    return RATES[best], measured["error"][best]


def drifting(batch_norm: Any, epochs: int, keys: Any) -> np.ndarray:
    """Return how many deviations the means of hidden features are from 0: key, epoch.

    The features are those that the second hidden layer's activation is given, of digits whose
    pixels were standardized; the root of the mean square over the features.
    """
    digits = jaxnet.data.load_dataset("digits")
    ready = preparation.fitted(preparation.standardize(), digits.train.inputs)
    train = digits.train._replace(inputs=ready.apply(digits.train.inputs).astype(np.float32))
    network = jaxnet.mlp((64, 50, 50, 10), batch_norm=batch_norm)
    upto = 5 if batch_norm is None else 7  # of the layers, up to the second activation

    def far(params: Any, statistics: Any, train: Any) -> Any:
        parts = jaxnet.layers.serial(*network.description.parts[: upto - 2])
        y, _ = parts.apply(params[: upto - 2], statistics[: upto - 2], train.inputs)
        return jnp.sqrt(jnp.mean(jnp.square(jnp.mean(y, axis=0) / (jnp.std(y, axis=0) + 1e-6))))

    optimizer = jaxnet.optim.sgd(0.1)
    options: dict[str, Any] = {"optimizer": optimizer, "epochs": epochs, "batch_size": 50}
    options["instruments"] = {"far": far}
    results = [
        jaxnet.training.fit(network, train, key=key, **options)
        for key in progress("sigmoids", keys)
    ]
    return np.array([result.history.instruments["far"] for result in results], float)
