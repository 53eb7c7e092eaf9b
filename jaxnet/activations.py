"""Activation functions, each with its hand-derived gradient.

The face of `jaxnet.functions.activations`, where they are written and explained.
"""

from jaxnet.functions import activations
from jaxnet.functions.activations import *  # noqa: F403

__all__: list[str] = []
__all__ += activations.__all__

__dir__ = __all__.copy  # dir() shows these names alone
