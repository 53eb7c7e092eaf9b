"""Networks that say whether an image is a 2, by three losses."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.figures import BLUE, GREY, ORANGE
from jaxnet import initializers, layers, losses
from jaxnet.data import Dataset
from jaxnet.training import Recipe, sweep

DIGIT, HIDDEN = 2, 50
RATES, STARTS = (0.03, 0.1, 0.3), (0.0, -8.0)
"""Learning rates, and biases that the output starts from: at -8 it is sure that nothing is a 2."""
KINDS = {
    "step, indicator": ("step", functools.partial(losses.zero_one, threshold=0.5), GREY),
    "sigmoid, squared error": ("sigmoid", losses.squared_error, ORANGE),
    "sigmoid, cross-entropy": (None, losses.sigmoid_binary_cross_entropy, BLUE),
}
"""Name -> output activation, loss, colour; cross-entropy takes the logit."""
STEP, SQUARED, CROSS = KINDS
THRESHOLDS = np.linspace(0.02, 0.98, 49)


def make_network(dataset: Dataset, name: str, bias: Any = 0.0) -> Any:
    """Return a network of one hidden layer, whose output's bias starts from a number."""
    output, start = (
        KINDS.get(name, (None,))[0],
        functools.partial(initializers.constant, value=bias),
    )
    last = layers.dense(10 if name == "softmax" else 1, bias_initializer=start)
    ends = () if output is None else (layers.activation(output),)
    scaled = layers.rescale(dataset.input_scale or 1.0)
    return layers.serial(scaled, layers.dense(HIDDEN), layers.activation("relu"), last, *ends)


def train(dataset: Dataset, config: Any, name: str, settings: Any) -> Any:
    """Train networks in one sweep, with hits and calls of the digit a metric each."""

    def build(learning_rate: Any, bias: Any = 0.0, digit: Any = DIGIT) -> Recipe:
        network = make_network(dataset, name, bias)
        if name == "softmax":
            return Recipe(network, jaxnet.optim.sgd(learning_rate))
        threshold = 0.5 if KINDS[name][0] else 0.0

        def loss(outputs: Any, targets: Any) -> Any:
            return KINDS[name][1](outputs, (targets == digit).astype(jnp.int32))

        def called(outputs: Any, targets: Any) -> Any:
            del targets
            return (outputs[:, 0] >= threshold).astype(outputs.dtype)

        def hits(outputs: Any, targets: Any) -> Any:
            return called(outputs, targets) * (targets == digit).astype(outputs.dtype)

        metrics = {"called": called, "hits": hits}
        return Recipe(network, jaxnet.optim.sgd(learning_rate), loss=loss, metrics=metrics)

    return sweep(
        build,
        dataset.train,
        key=jax.random.key(config.seed),
        settings=settings,
        validation=dataset.test,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=50,
        width="all",
    )


def respond(dataset: Dataset, name: str, params: Any) -> np.ndarray:
    """Return all networks' outputs of the test images: setting, seed, image, output."""
    network = make_network(dataset, name)
    inputs = jnp.asarray(dataset.test.inputs)
    statistics = network.init(jax.random.key(0), inputs.shape[1:])[1]
    apply = jax.vmap(jax.vmap(lambda w: network.apply(w, statistics, inputs)[0]))
    return np.asarray(jax.jit(apply)(params), np.float64)


def steepest(dataset: Dataset, name: str, seed: int) -> float:
    """Return the largest entry of the risk's gradient at the start."""
    network = make_network(dataset, name)
    x, v = (jnp.asarray(field) for field in dataset.train)
    params, statistics = network.init(jax.random.key(seed), x.shape[1:])

    def risk(w: Any) -> Any:
        outputs = network.apply(w, statistics, x)[0]
        return jnp.mean(KINDS[name][1](outputs, (v == DIGIT).astype(jnp.int32)))

    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(jax.grad(risk)(params)))


def at_edge(probabilities: np.ndarray) -> np.ndarray:
    """Return which probabilities are within 0.01 of 0 or 1."""
    return np.minimum(probabilities, 1 - probabilities) <= 0.01


def mistakes(probabilities: np.ndarray, truth: np.ndarray, threshold: float) -> np.ndarray:
    """Return the share of wrong answers at a threshold, by seed."""
    return np.mean((probabilities >= threshold) != truth, axis=-1)


def equal_label(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of float32 sigmoids that equal their labels, of all networks."""
    return float(np.mean(np.asarray(jax.nn.sigmoid(jnp.asarray(logits, jnp.float32))) == truth))


def first_equal() -> float:
    """Return the least float32 logit whose sigmoid equals 1, by bisection."""
    low, high = np.float32(0), np.float32(100)
    while np.nextafter(low, high) < high:
        middle = np.float32((low + high) / 2)
        reached = bool(jax.nn.sigmoid(jnp.asarray(middle)) == 1)
        low, high = (low, middle) if reached else (middle, high)
    return float(high)
