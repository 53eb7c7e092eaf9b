"""Classifier of labelled images: network, optimizer, evaluation, record."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import optax

import jaxnet
from experiments.harness.record import Claim, write_record
from experiments.images.pictures import measure_extent
from jaxnet.core.checks import check_choice, check_range
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.networks import count_parameters, digest, save_model
from jaxnet.training import FitResult, TrainState

_HOLD_OUT = 2
"""Data folded into the key; `fit` uses those of 0 and 1."""


def build_optimizer(settings: Any, examples: int) -> optax.GradientTransformation:
    """Return the optimizer of a config, with a constant or decaying learning rate.

    Args:
        settings: a config with the fields optimizer, learning_rate, schedule, epochs, batch_size
            and short_batch.
        examples: number of training examples.
    """
    factory = check_choice("--optimizer", settings.optimizer, jaxnet.optim.OPTIMIZERS)
    if settings.schedule == "constant":
        return factory(settings.learning_rate)
    steps = settings.epochs * jaxnet.training.steps_per_epoch(
        examples, batch_size=settings.batch_size, short_batch=settings.short_batch
    )
    return factory(jaxnet.schedules.cosine_decay(settings.learning_rate, max(1, steps)))


def hold_out(
    train: Examples, fraction: float, *, seed: int, stratify: bool = True
) -> tuple[Examples, Examples]:
    """Split training examples into a training and a validation part."""
    name = "--validation-fraction"
    check_range(name, fraction, low=0, low_open=True, high=1, high_open=True)
    key = jax.random.fold_in(jax.random.key(seed), _HOLD_OUT)
    fractions = (1 - fraction, fraction)
    rest, held_out = jaxnet.data.split(train, fractions, key=key, stratify=stratify)
    return rest, held_out


def measure(network: Layer, result: FitResult, train: Examples, test: Examples) -> dict[str, Any]:
    """Evaluate the trained network on training and test examples."""
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


def save_classifier(
    out: Path, dataset: Dataset, network: Layer, state: TrainState, facts: Mapping[str, Any]
) -> Path:
    """Write the trained network and its preprocessing to ``model.safetensors``."""
    images = dataset.train.inputs[:1000].reshape(-1, *dataset.image_shape)
    preprocessing = {
        "image_shape": list(dataset.image_shape),
        "pixel_max": dataset.pixel_max,
        "ink_extent": measure_extent(images),
    }
    return save_model(
        out / "model.safetensors",
        network,
        state.params,
        state.statistics,
        class_names=dataset.class_names,
        preprocessing=preprocessing,
        training={"dataset": dataset.name, **facts},
    )


def report(results: dict[str, Any], result: FitResult) -> str:
    """Return a summary of losses, accuracies and times."""
    each = 1000 * result.run_seconds / results["epochs"]
    return (
        f"after {results['epochs']} epochs:\n"
        f"  train  loss {results['train_loss']:.4f}  accuracy {results['train_accuracy']:.2%}\n"
        f"  test   loss {results['test_loss']:.4f}  accuracy {results['test_accuracy']:.2%}\n"
        f"compiled in {result.compile_seconds:.1f} s, trained in {result.run_seconds:.1f} s "
        f"({each:.3g} ms an epoch, evaluation included)"
    )


def record_run(
    config: Any,
    result: FitResult,
    results: dict[str, Any],
    claims: Sequence[Claim] = (),
    figures: Sequence[Path] = (),
) -> Path:
    """Write result.json with the measured values, the learning curves and the times."""
    history = {"train": result.history.train, "held_out": result.history.validation}
    seconds = {"compile_seconds": result.compile_seconds, "run_seconds": result.run_seconds}
    return write_record(
        config,
        seeds=[config.seed],
        results={**results, "history": history, **seconds},
        claims=claims,
        figures=figures,
    )
