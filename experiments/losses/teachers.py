"""Digits learned by cross-entropy, by squared error, and by the label as one number."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Key, Layer
from jaxnet.data import Dataset
from jaxnet.training import Recipe, grid, sweep

RATES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)
SURE = 8.0
"""Bias of class 0 of a start that is sure of it: any other has e^-8 of its probability."""


def squared_error_of_softmax(logits: Array, labels: Array) -> Array:
    """Return ``||softmax(z) - onehot(v)||^2``."""
    return jaxnet.losses.squared_error(
        jaxnet.activations.softmax(logits), jax.nn.one_hot(labels, logits.shape[-1])
    )


def squared_error_of_number(output: Array, labels: Array) -> Array:
    """Return ``(y - v)^2``, the label a number."""
    return jaxnet.losses.squared_error(output, labels[..., None].astype(output.dtype))


def wrong_number(output: Array, labels: Array) -> Array:
    """Return 1 where the nearest whole number is not the label."""
    return (jnp.round(output[..., 0]) != labels).astype(output.dtype)


TEACHERS: dict[str, tuple[Any, Any]] = {
    "cross-entropy": ("softmax_cross_entropy", jaxnet.metrics.METRICS["error_rate"]),
    "squared error": (squared_error_of_softmax, jaxnet.metrics.METRICS["error_rate"]),
    "one number": (squared_error_of_number, wrong_number),
}
"""Name -> loss, and what counts as misread."""


def started(network: Layer, bias: Array) -> Layer:
    """Return a network whose first output starts with a bias."""

    def init(key: Key, in_shape: Any) -> Any:
        *params, last = network.init(key, in_shape)[0]
        last = last._replace(bias=last.bias.at[0].set(bias))
        return (*params, last), network.init(key, in_shape)[1]

    return network._replace(init=init)


def train(dataset: Dataset, name: str, key: Key, seeds: int, epochs: int) -> dict[str, np.ndarray]:
    """Return shares misread, ``"train"`` and ``"test"``: learning rate, usual or sure start, seed.

    A run that diverged misreads all.
    """
    loss, misread = TEACHERS[name]
    outputs = 1 if name == "one number" else len(dataset.class_names)
    widths = dataset.train.inputs.shape[1], 50, outputs
    network = jaxnet.mlp(widths, input_scale=dataset.input_scale)

    def build(rate: Any, start: Any) -> Recipe:
        optimizer = jaxnet.optim.sgd(rate)
        metrics = {"misread": jaxnet.metrics.Metric(misread, "min")}
        return Recipe(started(network, start), optimizer, loss, metrics)

    found = sweep(
        build,
        dataset.train,
        key=key,
        settings=grid(rate=RATES, start=[0.0, SURE]),
        validation=dataset.test,
        seeds=seeds,
        epochs=epochs,
        batch_size=50,
        keep="metrics",
        width="all",
        progress=name,
    )
    shape = len(RATES), 2, seeds
    names = {"train": "train_misread", "test": "validation_misread"}
    return {
        part: np.nan_to_num(np.asarray(found.metrics[m], float).reshape(shape), nan=1.0)
        for part, m in names.items()
    }


def at_best_rate(errors: dict[str, np.ndarray]) -> np.ndarray:
    """Return the test errors, one a seed, at the rate with the least training error."""
    best = errors["train"][:, 0].mean(axis=1).argmin()
    return errors["test"][best, 0]


def initial_excess(key: Key, dataset: Dataset, deviations: Any) -> list[float]:
    """Return by how much the loss of an untrained network exceeds log C, for each deviation.

    The deviation is that of its scores, over examples and classes, to which they are scaled.
    """
    inputs, labels = map(jnp.asarray, dataset.train)
    classes = len(dataset.class_names)
    network = jaxnet.mlp((inputs.shape[1], 50, classes), input_scale=dataset.input_scale)
    made = jax.jit(lambda key: network.apply(*network.init(key, inputs.shape[1:]), inputs)[0])
    scores = made(key)
    loss = jaxnet.losses.softmax_cross_entropy

    def risk(deviation: Any) -> Array:
        return loss(deviation * scores / jnp.std(scores), labels).mean()

    return (np.asarray(jax.jit(jax.vmap(risk))(jnp.array(deviations))) - np.log(classes)).tolist()


def divergence_ratios(key: Key, smoothing: float) -> np.ndarray:
    """Return cross-entropy over KL divergence, of random predictions and smoothed labels."""
    keys = jax.random.split(key)
    predicted = jax.nn.softmax(jax.random.normal(keys[0], (1000, 10)))
    labels = jax.random.randint(keys[1], (1000,), 0, 10)
    targets = jaxnet.losses.smooth_labels(labels, smoothing, classes=10)
    crossed = jaxnet.losses.categorical_cross_entropy(predicted, targets)
    return np.asarray(crossed / jaxnet.losses.kl_divergence(predicted, targets))
