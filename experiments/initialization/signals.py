"""Magnitudes in a deep network at its start, and networks that start from constants."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet import initializers
from jaxnet.inspection import tape
from jaxnet.training import fit

WIDTH, EXAMPLES = 256, 64
INITIALIZERS = {
    "He": "he_normal",
    "Xavier": "xavier_normal",
    "N(0, 0.01)": functools.partial(initializers.normal, std=0.01),
    "U(-1, 1)": functools.partial(initializers.uniform, bound=1.0),
}
VARIANCES = {"He": 2 / WIDTH, "Xavier": 1 / WIDTH, "N(0, 0.01)": 1e-4, "U(-1, 1)": 1 / 3}
"""Variance of a weight between two hidden layers."""
STARTS = {
    "He": "he_normal",
    "zeros": "zeros",
    "all 0.05": functools.partial(initializers.constant, value=0.05),
}
"""Weights that a network on digits starts from: all unlike, or all equal."""
ACTIVATIONS = ("relu", "tanh", "sigmoid")


def relu_decades(layers: int) -> dict[str, float]:
    """Return the theory of ReLU: how many decades the magnitudes change from layer 1 to the last.

    A layer multiplies the mean square by ``width * variance / 2``: half of the units are off.
    """
    return {n: (layers - 1) / 2 * np.log10(WIDTH * v / 2) for n, v in VARIANCES.items()}


def scatter(layers: int, seeds: int) -> float:
    """Return how many decades a mean over seeds may be off the theory, for finite widths.

    The logarithm of a mean square moves by a variance of ``5 / width`` a layer (Hanin and Nica
    2020), and by half of that on average: three standard errors, and that.
    """
    variance = 5 * (layers - 1) / WIDTH
    return float((3 * np.sqrt(variance / seeds) + variance / 2) / 2 / np.log(10))


def magnitudes(layers: int, key: Any) -> dict[str, dict[str, np.ndarray]]:
    """Return by activation and initializer, in decades: of z, dz, and dW over W, by hidden layer.

    One program an activation serves all initializers.
    """
    x_key, v_key, init_key = jax.random.split(key, 3)
    x = jax.random.normal(x_key, (EXAMPLES, WIDTH))
    v = jax.random.randint(v_key, (EXAMPLES,), 0, 10)
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in ACTIVATIONS}
    for name, initializer in INITIALIZERS.items():
        params, statistics = network_of(layers, "relu", initializer).init(init_key, (WIDTH,))
        for activation in ACTIVATIONS:
            rows = _measure(layers, activation)(params, statistics, x, v)
            found[activation][name] = np.asarray(rows, np.float64)
    return found


def network_of(layers: int, activation: str, initializer: Any = "he_normal") -> Any:
    """Return the deep network: so many hidden layers, and 10 outputs."""
    widths = (WIDTH, *[WIDTH] * layers, 10)
    return jaxnet.mlp(widths, activation=activation, initializer=initializer)


@functools.cache
def _measure(layers: int, activation: str) -> Any:
    network = network_of(layers, activation)

    def measure(params: Any, statistics: Any, x: Any, v: Any) -> Any:
        entries = tape(network, params, statistics, x, v).entries
        dense = [(e, w) for e, w in zip(entries, params, strict=True) if e.kind == "dense"]
        rows = [
            (_decades(e.y), _decades(e.dy), _decades(e.dparams.weights) - _decades(w.weights))
            for e, w in dense[:layers]
        ]
        return jnp.array(rows).T

    return jax.jit(measure)


def _decades(array: Any) -> Any:
    """Return the logarithm of the root mean square; the squares of small numbers underflow."""
    most = jnp.max(jnp.abs(array))
    scaled = array / jnp.where(most > 0, most, 1)
    return jnp.log10(most) + jnp.log10(jnp.mean(scaled**2)) / 2


DIGITS = functools.cache(lambda: jaxnet.data.load_dataset("digits"))
SGD = jaxnet.optim.sgd(0.1)


@functools.cache
def _shallow(start: str) -> Any:
    """Return the identical network for equal starts, so that compiled programs are reused."""
    return jaxnet.mlp((64, 50, 50, 10), initializer=STARTS[start], input_scale=1 / 16)


def train_from(start: str, key: Any, epochs: int) -> dict[str, float]:
    """Train 64-50-50-10 on digits; return how unlike the hidden units end, and the accuracy."""
    data = DIGITS()
    options = {"optimizer": SGD, "epochs": epochs, "batch_size": 50, "validation": data.test}
    result = fit(_shallow(start), data.train, key=key, **options)
    weights = [leaf for leaf in jax.tree.leaves(result.params) if leaf.ndim == 2][:2]
    apart = max(float(jnp.max(jnp.std(w, axis=0)) / jnp.max(jnp.abs(w) + 1e-30)) for w in weights)
    return {"apart": apart, "accuracy": float(result.history.validation["accuracy"][-1])}
