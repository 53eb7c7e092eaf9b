"""Metrics of the quality of outputs, for reports and selection.

The face of `jaxnet.functions.metrics`, where they are written and explained.
"""

from jaxnet.functions import metrics
from jaxnet.functions.metrics import *  # noqa: F403

__all__: list[str] = []
__all__ += metrics.__all__

__dir__ = __all__.copy  # dir() shows these names alone
