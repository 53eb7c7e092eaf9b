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
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    model = keras.Sequential([keras.Input((inputs,)), *layers, keras.layers.Dense(classes)])
    model.compile(
        optimizer=keras.optimizers.Adam(workload.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    train, test = workload.scaled()

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
