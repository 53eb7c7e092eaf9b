"""Metrics: how good outputs are, in numbers that people read rather than descend on.

Those of `METRICS` have the form that training takes: ``(outputs, targets) -> one value an
example``, whose mean is the metric. The others are of a whole set of examples at once.
"""

from jaxnet.core.types import ElementwiseLoss
from jaxnet.functions.metrics.confusion import confusion_matrix, f1, precision, recall
from jaxnet.functions.metrics.per_example import (
    accuracy,
    binary_accuracy,
    error_rate,
    top_k_accuracy,
)
from jaxnet.functions.metrics.whole_set import expected_calibration_error, r_squared

METRICS: dict[str, ElementwiseLoss] = {
    "accuracy": accuracy,
    "error_rate": error_rate,
    "top_k_accuracy": top_k_accuracy,
    "binary_accuracy": binary_accuracy,
}
"""Name -> metric of one value an example; ``top_k_accuracy`` has ``k = 5`` unless told,
``binary_accuracy`` the threshold 0 of logits: not that of probabilities."""

__all__ = [
    "METRICS",
    "accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "error_rate",
    "expected_calibration_error",
    "f1",
    "precision",
    "r_squared",
    "recall",
    "top_k_accuracy",
]
