"""NumPy: backpropagation by hand, parameters updated in place."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from experiments.contenders.workload import Workload

Update = Callable[[Sequence[np.ndarray]], None]


def loop(workload: Workload) -> Callable[[], float]:
    """Train by a loop over mini-batches."""
    generator = np.random.default_rng(0)
    train, test = workload.in_memory()
    keep = np.float32(1 - workload.drop_rate)
    weights = [
        generator.standard_normal((a, b), np.float32) * np.float32((2 / a) ** 0.5)
        for a, b in itertools.pairwise(workload.widths)
    ]
    biases = [np.zeros(width, np.float32) for width in workload.widths[1:]]
    optimizer = {"adam": adam, "sgd": sgd}[workload.optimizer]
    update = optimizer([*weights, *biases], workload.learning_rate)

    def forward(x: np.ndarray, *, training: bool) -> list[np.ndarray]:
        """Return the inputs of each layer, and the logits."""
        layers = [workload.scaled(x)]
        for w, b in zip(weights, biases, strict=True):
            if len(layers) > 1:
                np.maximum(layers[-1], 0, out=layers[-1])
                if training and workload.drop_rate:
                    kept = generator.random(layers[-1].shape, np.float32) < keep
                    layers[-1] *= kept / keep
            layers.append(layers[-1] @ w)
            layers[-1] += b
        return layers

    def gradients(layers: list[np.ndarray], labels: np.ndarray) -> list[np.ndarray]:
        """Return the gradients of the mean cross-entropy; the logits are overwritten."""
        *inputs, dz = layers
        dz -= dz.max(axis=1, keepdims=True)
        np.exp(dz, out=dz)
        dz /= dz.sum(axis=1, keepdims=True)
        dz[np.arange(len(labels)), labels] -= 1
        dz /= np.float32(len(labels))
        dw, db = [], []
        for place in reversed(range(len(weights))):
            dw.append(inputs[place].T @ dz)
            db.append(dz.sum(axis=0))
            if place:
                dz = dz @ weights[place].T
                dz *= inputs[place] > 0  # neither cut off nor dropped
                dz /= keep
        return [*reversed(dw), *reversed(db)]

    def epoch() -> float:
        for batch in workload.shuffled(generator):
            layers = forward(train.inputs[batch], training=True)
            update(gradients(layers, train.targets[batch]))
        scores = forward(test.inputs, training=False)[-1]
        return float((scores.argmax(axis=1) == test.targets).mean())

    return epoch


def sgd(params: Sequence[np.ndarray], learning_rate: float) -> Update:
    """Return gradient descent in place; gradients are overwritten."""

    def update(gradients: Sequence[np.ndarray]) -> None:
        for param, gradient in zip(params, gradients, strict=True):
            gradient *= learning_rate
            param -= gradient

    return update


def adam(params: Sequence[np.ndarray], learning_rate: float) -> Update:
    """Return Adam in place; gradients are overwritten."""
    b1, b2, eps, count = 0.9, 0.999, 1e-8, 0
    moments = [(np.zeros_like(param), np.zeros_like(param)) for param in params]

    def update(gradients: Sequence[np.ndarray]) -> None:
        nonlocal count
        count += 1
        for param, gradient, (mu, nu) in zip(params, gradients, moments, strict=True):
            mu *= b1
            mu += (1 - b1) * gradient
            nu *= b2
            np.square(gradient, out=gradient)
            gradient *= 1 - b2
            nu += gradient
            np.sqrt(nu, out=gradient)
            gradient /= (1 - b2**count) ** 0.5
            gradient += eps
            np.divide(mu, gradient, out=gradient)
            gradient *= learning_rate / (1 - b1**count)
            param -= gradient

    return update
