"""Metrics of the quality of outputs, for reports and selection.

Those of `METRICS` have the form ``(outputs, targets) -> one value per example``, whose mean is the
metric. The others are functions of a whole set of examples, as are those of `WHOLE_SET_METRICS`,
``(outputs, targets) -> scalar``. A `Metric` has a direction, "min" or
"max", for selections by it.

All that take outputs take ``where=``, a boolean mask of examples; the mean over these is
``jnp.mean(values, where=where)``. Those of a whole set take ``weights=`` of the examples, too.
Outputs with NaN count as wrong.
"""

from jaxnet.functions.metrics.confusion import confusion_matrix, f1, f1_score, precision, recall
from jaxnet.functions.metrics.metric import (
    METRICS,
    WHOLE_SET_METRICS,
    Metric,
    Mode,
    as_metric,
)
from jaxnet.functions.metrics.per_example import (
    accuracy,
    binary_accuracy,
    error_rate,
    top_k_accuracy,
)
from jaxnet.functions.metrics.roc import RocCurve, roc_auc, roc_curve
from jaxnet.functions.metrics.whole_set import expected_calibration_error, r_squared

__all__ = [
    "METRICS",
    "WHOLE_SET_METRICS",
    "Metric",
    "Mode",
    "RocCurve",
    "accuracy",
    "as_metric",
    "binary_accuracy",
    "confusion_matrix",
    "error_rate",
    "expected_calibration_error",
    "f1",
    "f1_score",
    "precision",
    "r_squared",
    "recall",
    "roc_auc",
    "roc_curve",
    "top_k_accuracy",
]

__dir__ = __all__.copy  # dir() shows these names alone
