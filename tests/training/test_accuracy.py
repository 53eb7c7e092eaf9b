"""The headline networks learn what they are known to learn."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet


def test_digits_reach_96_percent_on_a_held_out_fifth() -> None:
    digits = jaxnet.data.load_dataset("digits")
    network = jaxnet.mlp((64, 100, 100, 10), input_scale=1 / 16)
    result = jaxnet.training.fit(
        network,
        digits.train,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.adam(1e-3),
        epochs=100,
        batch_size=100,
        validation=digits.test,
    )
    assert result.history.validation["accuracy"][-1] >= 0.96


def test_mnist_reaches_97_5_percent_in_ten_epochs(mnist_directory: Path) -> None:
    mnist = jaxnet.data.load_dataset("mnist", data_dir=mnist_directory.parent)
    train, test = jax.tree.map(jnp.asarray, (mnist.train, mnist.test))
    network, optimizer = (
        jaxnet.mlp((784, 100, 100, 10), input_scale=1 / 255),
        jaxnet.optim.adam(1e-3),
    )
    accuracies = [
        jaxnet.training.fit(
            network,
            train,
            key=jax.random.key(seed),
            optimizer=optimizer,
            epochs=10,
            batch_size=100,
            validation=test,
        ).history.validation["accuracy"][-1]
        for seed in range(3)
    ]
    assert np.mean(accuracies) >= 0.975, accuracies
