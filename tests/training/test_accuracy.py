"""The headline networks learn what they are known to learn."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Dataset


def accuracies(dataset: Dataset, *, epochs: int, seeds: int) -> list[float]:
    """Train the headline network as `experiments.learning_curves` does, compiled once."""
    train, test = jax.tree.map(jnp.asarray, (dataset.train, dataset.test))
    steps = epochs * jaxnet.training.steps_per_epoch(len(train.targets), batch_size=100)
    widths = (train.inputs.shape[1], 100, 100, 10)
    network = jaxnet.mlp(widths, input_scale=1 / dataset.pixel_max)
    optimizer = jaxnet.optim.adam(jaxnet.schedules.cosine_decay(4e-3, steps))
    results = [
        jaxnet.training.fit(
            network,
            train,
            key=jax.random.key(seed),
            optimizer=optimizer,
            epochs=epochs,
            batch_size=100,
            validation=test,
        )
        for seed in range(seeds)
    ]
    return [result.history.validation["accuracy"][-1] for result in results]


@pytest.mark.slow
def test_digits_reach_96_percent_on_a_held_out_fifth() -> None:
    digits = jaxnet.data.load_dataset("digits")
    assert accuracies(digits, epochs=100, seeds=1)[0] >= 0.96


@pytest.mark.slow
@pytest.mark.usefixtures("optimized")
def test_mnist_reaches_97_5_percent_in_ten_epochs(mnist_directory: Path) -> None:
    mnist = jaxnet.data.load_dataset("mnist", data_dir=mnist_directory.parent)
    reached = accuracies(mnist, epochs=10, seeds=3)
    assert np.mean(reached) >= 0.975, reached
