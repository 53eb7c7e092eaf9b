"""Metrics: how good outputs are, in numbers that people read rather than descend on.

Those of `METRICS` have the form that training takes: ``(outputs, targets) -> one value an
example``, whose mean is the metric. The others are of a whole set of examples at once. A `Metric`
carries its direction, by which a best is chosen.

All that take outputs take ``where=``, booleans that say which examples count; the mean over these
is ``jnp.mean(values, where=where)``. An example with NaN among its outputs is right about nothing.
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
