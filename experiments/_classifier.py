"""What experiments on labelled images share: a network that fits them, and its final figures."""

from typing import Any

import jax

import jaxnet
from jaxnet.core.checks import check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.trees import count_parameters, digest
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.training import FitResult


def build_network(
    dataset: Dataset, widths: tuple[int, ...] | None, *, activation: str, initializer: str
) -> Layer:
    """Return a multilayer perceptron for the data set's images, and print what it is.

    Raises:
        ValueError: if the first or the last width does not fit the data set.
    """
    inputs, classes = dataset.train.inputs.shape[1], len(dataset.class_names)
    widths = (inputs, 100, 100, classes) if widths is None else widths
    if len(widths) < 2 or (widths[0], widths[-1]) != (inputs, classes):
        expected = f"to start with {inputs} and end with {classes} for {dataset.name}"
        remedy = f"For example: --widths {inputs} 100 100 {classes}"
        raise invalid_value("command line", "--widths", expected, widths, remedy)
    network = jaxnet.mlp(
        widths,
        activation=activation,
        initializer=initializer,
        input_scale=1 / dataset.pixel_max,
    )
    params, _ = jax.eval_shape(lambda key: network.init(key, (inputs,)), jax.random.key(0))
    shape = "-".join(map(str, widths))
    print(f"{dataset.name}: network {shape}, {activation}: {count_parameters(params):,} parameters")
    return network


def hold_out(train: Examples, fraction: float, *, seed: int) -> tuple[Examples, Examples]:
    """Split training examples into those to train on and a stratified part to validate on."""
    name = "--validation-fraction"
    check_range("command line", name, fraction, low=0, low_open=True, high=1, high_open=True)
    key = jax.random.fold_in(jax.random.key(seed), 1)
    fractions = (1 - fraction, fraction)
    rest, held_out = jaxnet.data.split(train, fractions, key=key, stratify=True)
    return rest, held_out


def measure(network: Layer, result: FitResult, train: Examples, test: Examples) -> dict[str, Any]:
    """Evaluate the trained network on what it was trained on and on what it never saw."""
    params, statistics = result.state.params, result.state.statistics
    trained = jaxnet.training.evaluate(network, params, statistics, train)
    tested = jaxnet.training.evaluate(network, params, statistics, test)
    return {
        "parameters": count_parameters(params),
        "epochs": int(result.state.epoch),
        "train_loss": trained["loss"],
        "train_accuracy": trained["accuracy"],
        "test_loss": tested["loss"],
        "test_accuracy": tested["accuracy"],
        "parameter_digest": digest(params),
    }


def report(results: dict[str, Any], result: FitResult) -> str:
    """Say in a few lines what came out and how long it took."""
    each = 1000 * result.run_seconds / results["epochs"]
    return (
        f"after {results['epochs']} epochs:\n"
        f"  train  loss {results['train_loss']:.4f}  accuracy {results['train_accuracy']:.2%}\n"
        f"  test   loss {results['test_loss']:.4f}  accuracy {results['test_accuracy']:.2%}\n"
        f"compiled in {result.compile_seconds:.1f} s, trained in {result.run_seconds:.1f} s "
        f"({each:.3g} ms an epoch, evaluation included)"
    )
