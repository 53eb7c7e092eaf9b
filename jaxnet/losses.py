"""Losses ``(outputs, targets) -> one value per example``, with their hand-derived gradients.

The face of `jaxnet.functions.losses`, where they are written and explained.
"""

from jaxnet.functions import losses
from jaxnet.functions.losses import *  # noqa: F403

__all__: list[str] = []
__all__ += losses.__all__

__dir__ = __all__.copy  # dir() shows these names alone
