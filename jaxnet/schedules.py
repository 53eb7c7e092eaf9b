"""Learning-rate schedules ``count -> rate`` of the number of finished steps.

The face of `jaxnet.functions.schedules`, where they are written and explained.
"""

from jaxnet.functions import schedules
from jaxnet.functions.schedules import *  # noqa: F403

__all__: list[str] = []
__all__ += schedules.__all__

__dir__ = __all__.copy  # dir() shows these names alone
