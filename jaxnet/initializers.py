"""Initializers of weights: ``(key, shape, dtype, *, options) -> weights``.

The face of `jaxnet.functions.initializers`, where they are written and explained.
"""

from jaxnet.functions import initializers
from jaxnet.functions.initializers import *  # noqa: F403

__all__: list[str] = []
__all__ += initializers.__all__

__dir__ = __all__.copy  # dir() shows these names alone
