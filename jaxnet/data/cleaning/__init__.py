"""Cleaning: find examples that harm, list each with its reason, and remove them (lecture 004).

Each finder returns findings and changes nothing; `remove` leaves out the rows of some findings.
Look only at training examples to choose a threshold: those of the test stay as they are.
"""

from jaxnet.data.cleaning.duplicates import find_duplicates, find_leaks
from jaxnet.data.cleaning.findings import Finding, Removed, remove, summarize
from jaxnet.data.cleaning.labels import find_suspicious_labels
from jaxnet.data.cleaning.nulls import find_nulls
from jaxnet.data.cleaning.outliers import find_joint_outliers, find_outliers

__all__ = [
    "Finding",
    "Removed",
    "find_duplicates",
    "find_joint_outliers",
    "find_leaks",
    "find_nulls",
    "find_outliers",
    "find_suspicious_labels",
    "remove",
    "summarize",
]

__dir__ = __all__.copy  # dir() shows these names alone
