"""scikit-learn's MLPClassifier, one epoch per call of ``partial_fit``."""

from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier

from experiments.contenders.workload import Workload


def partial_fit(workload: Workload) -> Callable[[], float]:
    """Train by ``partial_fit``: one shuffled epoch."""
    network = MLPClassifier(
        workload.widths[1:-1],
        batch_size=workload.batch_size,  # pyright: ignore[reportArgumentType]
        learning_rate_init=workload.learning_rate,
        alpha=0.0,
        random_state=0,
    )
    train, test = workload.scaled()
    classes = np.arange(workload.widths[-1])

    def epoch() -> float:
        network.partial_fit(train.inputs, train.targets, classes=classes)
        return float(network.score(test.inputs, test.targets))

    return epoch
