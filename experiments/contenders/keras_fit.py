"""Keras on JAX: ``compile`` and ``fit``."""

# pyright: reportMissingImports=false
# peers are optional

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import keras

from experiments.contenders.workload import Workload


def fit(workload: Workload) -> Callable[[], float]:
    """Train by ``model.fit``, one epoch per call, with evaluation on the test examples."""
    inputs, *hidden, classes = workload.widths
    layers = [keras.layers.Rescaling(1 / workload.pixel_max)] if workload.in_bytes else []
    for width in hidden:
        layers += [keras.layers.Dense(width, activation="relu")]
        layers += [keras.layers.Dropout(workload.drop_rate)] if workload.drop_rate else []
    model = keras.Sequential([keras.Input((inputs,)), *layers, keras.layers.Dense(classes)])
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[workload.optimizer]
    model.compile(
        optimizer=optimizer(workload.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    train, test = workload.in_memory()

    def epoch() -> float:
        history = model.fit(
            *train,
            batch_size=workload.batch_size,
            validation_data=tuple(test),
            validation_batch_size=1000,
            verbose=0,  # pyright: ignore[reportArgumentType]
        )
        return float(history.history["val_accuracy"][-1])

    return epoch
