"""Data set, network and loss of an experiment, by the options of its command."""

from typing import Any

import jax

import jaxnet
from jaxnet.core.checks import require
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, load_dataset
from jaxnet.networks import count_parameters


def load_data(settings: Any) -> Dataset:
    """Load a data set, and print what was done to the columns of a table.

    Args:
        settings: a config with the fields dataset, data_dir, target, task and ignore.
    """
    names = ("data_dir", "target", "task", "ignore")
    options = {name: getattr(settings, name) for name in names}
    dataset = load_dataset(settings.dataset, **options)
    if dataset.table:
        print(f"{dataset.name}:", *(f"  {line}" for line in dataset.table.report), sep="\n")
    return dataset


def fitting_batch(settings: Any, examples: int) -> int:
    """Return the batch size; the default one is at most the number of examples."""
    default = settings.batch_size == type(settings).batch_size
    return min(settings.batch_size, examples) if default else settings.batch_size


def things(dataset: Dataset) -> str:
    """Return what the examples are: images or rows."""
    return "images" if dataset.image_shape else "rows"


def loss_of(dataset: Dataset) -> str:
    """Return the name of the loss that suits the targets."""
    return "softmax_cross_entropy" if dataset.class_names else "squared_error"


def ends(dataset: Dataset) -> tuple[int, int]:
    """Return the number of inputs, and of outputs: classes, or one number to predict."""
    return dataset.train.inputs.shape[1], len(dataset.class_names) or 1


def build_network(dataset: Dataset, settings: Any) -> Layer:
    """Return a multilayer perceptron, and print its shape.

    Args:
        dataset: what it learns.
        settings: a config with the fields widths, activation, initializer, batch_norm, drop_rate,
            input_drop_rate and standardize.

    Raises:
        ValueError: if the first or the last width does not fit the data set.
    """
    inputs, outputs = ends(dataset)
    widths = (inputs, 100, 100, outputs) if settings.widths is None else settings.widths
    fits = len(widths) > 1 and (widths[0], widths[-1]) == (inputs, outputs)
    expected = f"to start with {inputs} and end with {outputs} for {dataset.name}"
    remedy = f"For example: --widths {inputs} 100 100 {outputs}"
    require(fits, "--widths", expected, widths, remedy)
    names = ("activation", "initializer", "batch_norm", "drop_rate", "input_drop_rate")
    options = {name: getattr(settings, name) for name in names}
    inputs_by = {"input_scale": dataset.input_scale}
    if settings.standardize:
        inputs_by = {"standardize_like": dataset.train.inputs}
    network = jaxnet.mlp(widths, **inputs_by, **options)
    params, _ = jax.eval_shape(lambda key: network.init(key, (inputs,)), jax.random.key(0))
    shape, count = "-".join(map(str, widths)), f"{count_parameters(params):,} parameters"
    print(f"{dataset.name}: network {shape}, {settings.activation}: {count}")
    return network
