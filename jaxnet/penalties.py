"""Penalties ``(params, strength) -> scalar`` on large weights.

The face of `jaxnet.functions.penalties`, where they are written and explained.
"""

from jaxnet.functions import penalties
from jaxnet.functions.penalties import *  # noqa: F403

__all__: list[str] = []
__all__ += penalties.__all__

__dir__ = __all__.copy  # dir() shows these names alone
