"""Labels that are probably wrong."""

import numpy as np

from jaxnet.core.checks import check_entries, require, require_type
from jaxnet.core.types import AnyArray
from jaxnet.data.cleaning.findings import Finding


def find_suspicious_labels(probabilities: AnyArray, labels: AnyArray) -> list[Finding]:
    """Find labels that a network contradicts with the confidence that it has in the other class.

    A label is suspicious if the probability of another class is at least the mean probability of
    that class among the examples with its label; of several such classes, the most probable counts.

    Args:
        probabilities: of every class, by networks that have not seen the example in training, such
            as those of the folds of a cross-validation; shape ``(n, classes)``.
        labels: as they are, in ``[0, classes)``, shape ``(n,)``.

    Raises:
        ValueError: for shapes that do not fit, or labels or probabilities out of range.
        TypeError: for labels that are no integers.

    Source: Northcutt, Jiang and Chuang 2021, "Confident learning", equation 3.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
    >>> [f.row for f in find_suspicious_labels(p, np.array([0, 0, 1, 1, 1]))]
    [4]
    """
    p, label = np.asarray(probabilities, np.float64), np.asarray(labels)
    require(p.ndim == 2 and label.shape == p.shape[:1], "labels", "one a row", label.shape)
    require_type(label.dtype.kind in "iu", "labels", "to be integers", label.dtype)
    classes = p.shape[1]
    check_entries("labels", label, lambda v: (v >= 0) & (v < classes), f"in [0, {classes})")
    check_entries("probabilities", p, lambda v: (v >= 0) & (v <= 1 + 1e-6), "in [0, 1]")
    own = [p[label == c, c] for c in range(classes)]
    usual = np.array([column.mean() if len(column) else np.inf for column in own])
    confident = np.where(p >= usual[None], p, -1.0)
    guess = confident.argmax(axis=1)
    rows = np.flatnonzero((confident.max(axis=1) >= 0) & (guess != label))
    return [
        Finding(
            int(row),
            "suspicious label",
            f"label {label[row]} with probability {p[row, label[row]]:.3f}, "
            f"class {guess[row]} with {p[row, guess[row]]:.3f}",
        )
        for row in rows
    ]
