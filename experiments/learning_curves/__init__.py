"""How does a feed-forward network learn to read handwritten digits, epoch by epoch?

The headline run of lecture 001: 784-100-100-10 on MNIST, cross-entropy, mini-batches of 100. By
default the matching network on the 1,797 digits that scikit-learn carries, which needs no
download. Prints losses and accuracies, and draws the learning curves and the test images that the
network misreads with the most confidence.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import jax

import jaxnet
from experiments.harness.devices import choose_devices
from experiments.harness.logs import reporting
from experiments.harness.networks import build_network
from experiments.harness.options import Count, Part, Seed, Strength, Width, is_default
from experiments.harness.progress import announce_resumption
from experiments.harness.record import Claim, at_least, prepare_folder
from experiments.images.classifier import (
    build_optimizer,
    hold_out,
    measure,
    record_run,
    report,
    save_classifier,
)
from experiments.learning_curves.curves import draw_curves, draw_misread
from experiments.tables.training import (
    SUFFIXES,
    draw_table,
    load_table,
    measure_table,
    save_table_model,
    table_loss,
)
from jaxnet.core.types import Layer
from jaxnet.data import Examples
from jaxnet.training import DivergenceError, FitResult


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    dataset: str = "digits"
    """digits, split at random, or digits_by_writer, tested on writers not trained on (both
    embedded); mnist, fashion_mnist or kmnist (four IDX files each); or a table of your own: a
    .csv, .parquet or .npz file."""
    target: str | None = None
    """Of a table: the column to predict, of numbers, or of text or whole numbers for classes."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """Of a table: whether the target is a class or a number; auto looks at its values."""
    ignore: tuple[str, ...] = ()
    """Of a table: columns to leave out, such as identifiers."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else the user's cache folder."""
    widths: tuple[Width, ...] | None = None
    """All widths, inputs and outputs included; by default inputs, 100, 100, classes."""
    activation: str = "relu"
    """Activation of the hidden layers: relu, tanh, ...; a wrong name lists them all."""
    initializer: str = "he_normal"
    """Initializer of the weights: {he,xavier,lecun}_{normal,uniform}, orthogonal, ..."""
    batch_norm: Literal["before", "after"] | None = None
    """Batch normalization before or after each activation."""
    drop_rate: Part = 0.0
    """Part of the hidden units that dropout omits in each step; lecture 004: 0.5."""
    input_drop_rate: Part = 0.0
    """Part of the inputs that dropout omits in each step; lecture 004: 0.2."""
    l2: Strength = 0.0
    """Strength of the penalty on the squared weights, 0 or more."""
    gradient: Literal["autodiff", "by_hand"] = "autodiff"
    """Backpropagation by jax.grad or by the hand-derived rules."""
    optimizer: str = "adam"
    """Optimizer: sgd, momentum, rmsprop, ...; a wrong name lists them all."""
    learning_rate: Strength = 4e-3
    """Initial learning rate, 0 or more."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Learning rate: decaying to 0 along half a cosine, or constant."""
    batch_size: Count = 100
    """Examples per step: 1 is sample-level, all of them full-batch gradient descent."""
    short_batch: Literal["equal", "mean", "drop"] = "equal"
    """Incomplete last mini-batch: weigh its examples equally, take its own mean, or drop it."""
    epochs: Count = 100
    """Number of epochs."""
    seed: Seed = 0
    """Seed of the initial weights and the shuffling."""
    validation_fraction: Part = 0.0
    """Hold out this part of the training examples and draw its curve; test once, at the end."""
    log: Path | None = None
    """File for a line of JSON per epoch."""
    tensorboard: Path | None = None
    """Folder for event files of TensorBoard."""
    checkpoint: Path | None = None
    """Folder of checkpoints: a killed run resumes and ends with the same result."""
    devices: Count | None = None
    """Number of devices that share each mini-batch: GPUs, or cores of a CPU; --batch-size must be a
    multiple. The result is that of one device to rounding. By default one device, which has all
    cores of a CPU and is faster for small networks."""
    out: Path = Path("out/learning_curves")
    """Folder for result.json, the trained network (model.safetensors) and the figures."""


SMOKE = Config(epochs=3)

EXPECTED = {"digits": (100, 0.98), "digits_by_writer": (100, 0.91), "mnist": (10, 0.978)}
"""Data set -> epochs and the test accuracy that the default settings reach.

The accuracy is the mean minus three standard deviations of a new run, rounded down. Seeds 11 to 15:
98.94 ± .23 % and 98.19 ± .10 %; for digits by writer from seeds 0 to 7, 92.96 ± .51 %.
"""


def main(config: Config) -> list[Claim]:
    """Train, evaluate, and write the record."""
    devices = choose_devices(config.devices)
    out = prepare_folder(config.out)
    if config.dataset.lower().endswith(SUFFIXES):
        return learn_table(config, out, devices)
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    inputs, classes = dataset.train.inputs.shape[1], len(dataset.class_names)
    network = build_network(dataset.name, inputs, classes, config, input_scale=dataset.input_scale)
    train, validation, name = dataset.train, dataset.test, "test"
    if config.validation_fraction:
        train, validation = hold_out(train, config.validation_fraction, seed=config.seed)
        name = "validation"
    try:
        result = train_network(config, network, train, validation, devices)
    except DivergenceError as error:
        path = out / "learning_curves.png"
        draw_curves(path, error.result.history, title="This run diverged", held_out=name)
        results = {"diverged": str(error)}
        record_run(config, error.result, results, figures=[path])
        raise
    results = measure(network, result, train, dataset.test)
    facts = {name: results[name] for name in ("epochs", "test_accuracy", "parameter_digest")}
    model = save_classifier(out, dataset, network, result.state, {**facts, "seed": config.seed})
    results["model"] = model.name
    tested = f"test images {dataset.caveat}".rstrip()
    results["tested_on"] = tested
    title = f"{dataset.name}: {results['test_accuracy']:.2%} of {tested} read correctly"
    figures = [
        draw_curves(out / "learning_curves.png", result.history, title=title, held_out=name),
        draw_misread(out / "misread.png", dataset, network, result.state),
    ]
    claims = check_claims(config, results["test_accuracy"], tested)
    path = record_run(config, result, results, claims, figures)
    print(report(results, result))
    print("wrote", path, model, *figures, sep="\n")
    return claims


def learn_table(config: Config, out: Path, devices: list[Any] | None) -> list[Claim]:
    """Train on a table, evaluate on the rows held out, and write the record."""
    options: dict[str, Any] = {"target": config.target, "task": config.task}
    dataset = load_table(config.dataset, seed=config.seed, ignore=config.ignore, **options)
    inputs, outputs = dataset.train.inputs.shape[1], max(len(dataset.class_names), 1)
    network = build_network(Path(config.dataset).name, inputs, outputs, config)
    train, validation = dataset.train, dataset.test
    if config.validation_fraction:
        train, validation = hold_out(
            train, config.validation_fraction, seed=config.seed, stratify=bool(dataset.class_names)
        )
    batch_size = min(config.batch_size, len(train.targets))
    fitted = dataclasses.replace(config, batch_size=batch_size)
    result = train_network(fitted, network, train, validation, devices, loss=table_loss(dataset))
    results: dict[str, Any] = measure_table(dataset, network, result)
    print(*(f"{name.replace('_', ' ')}: {value:.4g}" for name, value in results.items()), sep="\n")
    facts = {"dataset": Path(config.dataset).name, "seed": config.seed, **results}
    model = save_table_model(out / "model.safetensors", dataset, network, result, facts)
    (name, value), *_ = results.items()
    title = f"{Path(config.dataset).name}: {name.replace('_', ' ')} {value:.3g}"
    figure = draw_table(out / "learning_curves.png", dataset, network, result, title)
    report = dataset.table.report if dataset.table else ()
    path = record_run(config, result, results | {"report": report}, figures=[figure])
    print("wrote", path, model, figure, sep="\n")
    return []


def train_network(
    config: Config,
    network: Layer,
    train: Examples,
    validation: Examples,
    devices: list[Any] | None,
    loss: str = "softmax_cross_entropy",
) -> FitResult:
    """Train with a progress bar and logs."""
    penalty = jaxnet.penalties.get_penalty("l2", strength=config.l2) if config.l2 else None
    logs = {"log": config.log, "tensorboard": config.tensorboard}
    with reporting(Path(config.dataset).name, config.epochs, **logs) as show:
        return jaxnet.training.fit(
            network,
            train,
            key=jax.random.key(config.seed),
            optimizer=build_optimizer(config, len(train.targets)),
            epochs=config.epochs,
            batch_size=config.batch_size,
            short_batch=config.short_batch,
            loss=loss,
            penalty=penalty,
            gradient=config.gradient,
            validation=validation,
            on_progress=announce_resumption(config.checkpoint, show),
            devices=devices,
            checkpoint=config.checkpoint,
        )


def check_claims(config: Config, accuracy: float, tested: str) -> list[Claim]:
    """Compare the accuracy of the default settings with the expected one."""
    epochs, threshold = EXPECTED.get(config.dataset, (0, 0.0))
    free = ("dataset", "data_dir", "epochs", "seed", "devices", "out")
    free += ("log", "tensorboard", "checkpoint")
    if not is_default(config, free=free) or not 0 < epochs <= config.epochs:
        return []
    statement = f"{epochs} epochs or more on {config.dataset} reach {threshold:.1%} on {tested}"
    return [at_least(statement, "jaxnet's own bar", accuracy, threshold)]
