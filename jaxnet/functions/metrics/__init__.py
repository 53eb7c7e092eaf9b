"""Metrics of the quality of outputs, for reports and selection.

Those of `METRICS` have the form ``(outputs, targets) -> one value per example``, whose mean is the
metric. The others are functions of a whole set of examples. A `Metric` has a direction, "min" or
"max", for selections by it.

All that take outputs take ``where=``, a boolean mask of examples; the mean over these is
``jnp.mean(values, where=where)``. Outputs with NaN count as wrong.
"""

from jaxnet.functions.metrics.confusion import confusion_matrix, f1, precision, recall
from jaxnet.functions.metrics.metric import METRICS, Metric, Mode, as_metric
from jaxnet.functions.metrics.per_example import (
    accuracy,
    binary_accuracy,
    error_rate,
    top_k_accuracy,
)
from jaxnet.functions.metrics.whole_set import expected_calibration_error, r_squared

__all__ = [
    "METRICS",
    "Metric",
    "Mode",
    "accuracy",
    "as_metric",
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

__dir__ = __all__.copy  # dir() shows these names alone
