"""Networks of one hidden layer on few digits, by width: with true labels and with random ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.record import Claim, at_least, at_most, over_seeds
from jaxnet.core.types import Key
from jaxnet.data import Examples
from jaxnet.training import Recipe, grid, sweep

WIDTHS, EXAMPLES, DRAWS = (5, 20, 100, 300, 1000), 200, 6
LABELS = "true", "random"
ANY = "lecture 002, slide on overfitting"
LARGE = "lecture 004, slides on why overfitting happens"


def by_width(seed: int, epochs: int) -> dict[str, dict[str, np.ndarray]]:
    """Return training and test accuracy by labels, each of shape ``(widths, draws)``.

    Each draw has its own training images and network. Labels are "true", or "random": drawn for
    the training images without looking at them.
    """
    dataset, key = jaxnet.data.load_dataset("digits"), jax.random.key(seed)
    number = len(dataset.train.targets)
    rows = [jax.random.permutation(jax.random.fold_in(key, i), number) for i in range(DRAWS)]
    true = dataset.train.take(np.concatenate([each[:EXAMPLES] for each in rows]))
    drawn = jax.random.randint(key, true.targets.shape, 0, len(dataset.class_names))
    pool = Examples(
        np.concatenate([true.inputs] * 2),
        np.concatenate([true.targets, np.asarray(drawn, true.targets.dtype)]),
    )

    def build(kind: Any, units: Any, draw: Any) -> Recipe:
        network = jaxnet.mlp(
            (64, max(WIDTHS), 10), input_scale=dataset.input_scale, active_units=units
        )

        def init(key: Key, shape: Any) -> Any:
            return network.init(jax.random.fold_in(key, draw), shape)

        subset = (kind * DRAWS + draw) * EXAMPLES + jnp.arange(EXAMPLES)
        return Recipe(network._replace(init=init), jaxnet.optim.adam(3e-3), subset=subset)

    found = sweep(
        build,
        pool,
        key=key,
        settings=grid(kind=range(len(LABELS)), units=WIDTHS, draw=range(DRAWS)),
        validation=dataset.test,
        seeds=1,
        epochs=epochs,
        batch_size=50,
        width="all",
        keep="metrics",
    )
    shape = len(LABELS), len(WIDTHS), DRAWS
    names = "train_accuracy", "validation_accuracy"
    tables = {name: np.reshape(found.metrics[name], shape).astype(float) for name in names}
    return {
        label: {name: table[place] for name, table in tables.items()}
        for place, label in enumerate(LABELS)
    }


def capacity_claims(measured: dict[str, dict[str, np.ndarray]]) -> list[Claim]:
    """Claim that wide networks learn random labels, and that width does not overfit true ones."""
    random, error = measured["random"], 1 - measured["true"]["validation_accuracy"]
    guess, spread = over_seeds(random["validation_accuracy"][-1])
    more, more_error = over_seeds(error[-1] - error[WIDTHS.index(20)])
    return [
        at_least(
            "random labels of 200 digits: training accuracy of 1,000 units, least of the draws",
            *(ANY, float(random["train_accuracy"][-1].min()), 1.0),
        ),
        at_most(
            "their test accuracy, off 0.1",
            *(ANY, abs(guess - 0.1), 0.05),
            uncertainty=spread,
        ),
        at_most(
            "true labels of 200 digits: 1,000 units misread more than 20",
            *(LARGE, more, 0.01),
            uncertainty=more_error,
            verdict="fails",
        ),
    ]
