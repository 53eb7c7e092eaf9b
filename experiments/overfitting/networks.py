"""Networks that overfit: of two to four hidden layers, and a classifier with a cliff."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.overfitting.machine import NOISE, REACH
from jaxnet import penalties
from jaxnet.data import Examples, synthetic
from jaxnet.training import Recipe, fit, sweep

DEPTHS, WIDTH, FEW = (2, 3, 4), 32, 8
STRENGTH = 0.01


def deep(seed: int, seeds: int, epochs: int, layers: int) -> np.ndarray:
    """Return training and test risk by epoch: 2, seeds, epochs; one data set a seed.

    Each run learns its own ``FEW`` points of many that were drawn together.
    """
    key = jax.random.key(seed)
    pool = synthetic.polynomial(key, FEW * seeds, inputs=(-REACH, REACH), noise=NOISE)
    test = synthetic.polynomial(
        jax.random.fold_in(key, 1), 500, inputs=(-REACH, REACH), noise=NOISE
    )
    network = jaxnet.mlp((1, *[WIDTH] * layers, 1), activation="tanh")

    def build(start: Any) -> Recipe:
        rows = start + jnp.arange(FEW * seeds) % FEW
        return Recipe(network, jaxnet.optim.adam(3e-3), loss="squared_error", subset=rows)

    found = sweep(
        build,
        pool,
        key=key,
        settings=[{"start": FEW * index} for index in range(seeds)],
        validation=test,
        epochs=epochs,
        batch_size=FEW * seeds,
        width="all",
    )
    curves = found.history.train["loss"], found.history.validation["loss"]
    return np.array(curves, np.float64)[:, :, 0]


NETWORK, SGD = jaxnet.mlp((1, 2), initializer="zeros"), jaxnet.optim.sgd(1.0)
PENALTIES = {"none": None, "l2": penalties.get_penalty("l2", strength=STRENGTH)}


def draw_apart(key: Any, n: int = 10) -> Examples:
    """Draw numbers of two classes, around -1 and 1, that overlap; redraw until these few do not."""
    for index in range(1000):
        x, v = draw_classes(jax.random.fold_in(key, index), n)
        if x[v == 1].min() - x[v == 0].max() > 0.2:
            return Examples(x, v)
    raise AssertionError("a tenth of the draws are apart")


def draw_classes(key: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw numbers of two classes, half of each."""
    v = np.arange(n, dtype=np.int32) % 2
    return np.asarray(2.0 * v - 1 + 0.8 * jax.random.normal(key, (n,)))[:, None], v


def cliff(key: Any, kind: str, epochs: int) -> dict[str, Any]:
    """Train the softmax classifier of one number; return its slope and losses."""
    train, test = draw_apart(key), Examples(*draw_classes(jax.random.fold_in(key, 10**6), 500))
    result = fit(
        NETWORK,
        train,
        key=key,
        optimizer=SGD,
        penalty=PENALTIES[kind],
        validation=test,
        epochs=epochs,
        batch_size=10,
    )
    (last,) = result.params
    w, b = (np.asarray(leaf, np.float64) for leaf in last)
    history = result.history
    return {
        "steepness": float(w[1, 0] - w[0, 0]) / 4,
        "boundary": float((b[0] - b[1]) / (w[1, 0] - w[0, 0])),
        "train": float(history.train["loss"][-1]),
        "test": float(history.validation["loss"][-1]),
        "right": float(history.train["accuracy"][-1]),
        "points": [field[:].tolist() for field in (train.inputs[:, 0], train.targets)],
    }
