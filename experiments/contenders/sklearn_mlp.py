"""scikit-learn's MLPClassifier, one epoch per call of ``partial_fit``."""

from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier

from experiments.contenders.workload import Workload


def partial_fit(workload: Workload) -> Callable[[], float]:
    """Train by ``partial_fit``: one shuffled epoch.

    Raises:
        NotImplementedError: for what scikit-learn does not have.
    """
    if workload.drop_rate:
        raise NotImplementedError("it has no dropout")
    if workload.in_bytes:
        raise NotImplementedError("it converts all images to float64 at once")
    network = MLPClassifier(
        workload.widths[1:-1],
        solver=workload.optimizer,  # pyright: ignore[reportArgumentType]
        momentum=0.0,
        batch_size=workload.batch_size,  # pyright: ignore[reportArgumentType]
        learning_rate_init=workload.learning_rate,
        alpha=0.0,
        random_state=0,
    )
    train, test = workload.in_memory()
    classes = np.arange(workload.widths[-1])

    def epoch() -> float:
        network.partial_fit(train.inputs, train.targets, classes=classes)
        return float(network.score(test.inputs, test.targets))

    return epoch
