"""Results of a trained network: evaluation, model file, record."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.record import Claim, write_record
from experiments.images.pictures import measure_extent
from experiments.tables.rows import measure_rows
from jaxnet.core.checks import check_range
from jaxnet.core.types import Layer
from jaxnet.data import DATASETS, Dataset, Examples
from jaxnet.networks import count_parameters, digest, save_model
from jaxnet.training import FitResult, TrainState

_HOLD_OUT = 2
"""Data folded into the key; `fit` uses those of 0 and 1."""


def hold_out(dataset: Dataset, fraction: float, *, seed: int) -> tuple[Examples, Examples]:
    """Split the training examples of a data set into a training and a validation part."""
    name = "--validation-fraction"
    check_range(name, fraction, low=0, low_open=True, high=1, high_open=True)
    key = jax.random.fold_in(jax.random.key(seed), _HOLD_OUT)
    classes, fractions = bool(dataset.class_names), (1 - fraction, fraction)
    rest, held_out = jaxnet.data.split(dataset.train, fractions, key=key, stratify=classes)
    return rest, held_out


def predict_test(dataset: Dataset, network: Layer, result: FitResult) -> np.ndarray:
    """Return the outputs of a network for the test examples."""
    given = network, result.params, result.statistics, dataset.test.inputs
    return np.asarray(jaxnet.training.predict(*given), np.float64)


def measure(
    network: Layer, result: FitResult, train: Examples, dataset: Dataset, **objective: Any
) -> dict[str, Any]:
    """Evaluate the trained network on training and test examples.

    Args:
        network: that was trained.
        result: of the training.
        train: the training examples.
        dataset: with the test examples.
        objective: loss and metrics.
    """
    parts = {"train": train, "test": dataset.test}
    measured = {
        f"{part}_{name}": value
        for part, examples in parts.items()
        for name, value in jaxnet.training.evaluate(
            network, result.params, result.statistics, examples, **objective
        ).items()
    }
    if dataset.table:
        outputs = predict_test(dataset, network, result)
        measured |= measure_rows(dataset, dataset.table, outputs)
    return {
        "parameters": count_parameters(result.params),
        "epochs": int(result.state.epoch),
        "epoch_of_parameters": result.epoch,
        "ended_by": result.ended_by,
        **measured,
        "parameter_digest": digest(result.params),
    }


def shows_ink(dataset: Dataset) -> bool:
    """Return whether the images are bright ink on dark ground, which `predict` centers."""
    return dataset.name in DATASETS and len(dataset.image_shape) == 2


def save_trained(
    out: Path,
    dataset: Dataset,
    network: Layer,
    result: FitResult | TrainState,
    facts: Mapping[str, Any],
) -> Path:
    """Write the trained network and its preprocessing to ``model.safetensors``."""
    preprocessing: dict[str, Any] = {}
    table = dataset.table
    if dataset.image_shape:
        images = dataset.train.inputs[:1000].reshape(-1, *dataset.image_shape)
        preprocessing = {
            "image_shape": list(dataset.image_shape),
            "pixel_max": dataset.pixel_max,
            "ink_extent": measure_extent(images) if shows_ink(dataset) else None,
        }
    if table:
        preprocessing["target"] = table.target
    return save_model(
        out / "model.safetensors",
        network,
        result.params,
        result.statistics,
        class_names=dataset.class_names,
        inputs=table and table.inputs,
        outputs=table and table.outputs,
        preprocessing=preprocessing,
        training={"dataset": dataset.name, **facts},
    )


def report(results: dict[str, Any], result: FitResult) -> str:
    """Return a summary of losses, accuracies and times."""
    each = 1000 * result.run_seconds / results["epochs"]
    lines = [f"after {results['epochs']} epochs:"]
    if results["ended_by"] != "epochs":
        kept = f"the parameters are those of epoch {results['epoch_of_parameters']}"
        lines = [f"ended after {results['epochs']} epochs by {results['ended_by']}; {kept}:"]
    for part in ("train", "test"):
        line = f"  {part:5}  loss {results[f'{part}_loss']:.4f}"
        accuracy = results.get(f"{part}_accuracy")
        lines.append(line if accuracy is None else f"{line}  accuracy {accuracy:.2%}")
    names = ("accuracy_of_the_commonest_class", "test_r_squared", "test_root_mean_squared_error")
    lines += [f"  {n.replace('_', ' ')}: {results[n]:.4g}" for n in names if n in results]
    lines.append(
        f"compiled in {result.compile_seconds:.1f} s, trained in {result.run_seconds:.1f} s "
        f"({each:.3g} ms an epoch, evaluation included)"
    )
    return "\n".join(lines)


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
