"""Learning-rate schedules ``count -> rate`` of the number of finished steps.

The first step of an optimizer has count 0, as in optax and Keras; in PyTorch the count is how
often ``scheduler.step()`` was called. A count is an integer, or an array of them, which may be
traced. After its end, a schedule holds its last rate. Counts are subtracted, divided and
compared as integers, so that float32 rates are right for every count up to 2^31 - 1. `plateau`
depends on a metric instead of the count.
"""

from collections.abc import Callable
from typing import Any

from jaxnet.core.checks import check_choice, check_options
from jaxnet.core.memory import cache_by_value
from jaxnet.functions.schedules.combination import delay, join, scale
from jaxnet.functions.schedules.cosine import cosine_annealing, cosine_decay, cosine_restarts
from jaxnet.functions.schedules.counts import Schedule
from jaxnet.functions.schedules.cycles import cyclic
from jaxnet.functions.schedules.decay import (
    constant,
    exponential_decay,
    inverse_polynomial_decay,
    inverse_time_decay,
    linear,
    polynomial,
    step_decay,
)
from jaxnet.functions.schedules.piecewise import (
    cosine_onecycle,
    linear_onecycle,
    piecewise_constant,
    piecewise_interpolate,
)
from jaxnet.functions.schedules.plateau import Plateau, PlateauState, plateau
from jaxnet.functions.schedules.warmup import (
    warmup,
    warmup_constant,
    warmup_cosine_decay,
    warmup_exponential_decay,
)

SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "linear": linear,
    "polynomial": polynomial,
    "inverse_time_decay": inverse_time_decay,
    "inverse_polynomial_decay": inverse_polynomial_decay,
    "exponential_decay": exponential_decay,
    "step_decay": step_decay,
    "piecewise_constant": piecewise_constant,
    "piecewise_interpolate": piecewise_interpolate,
    "cosine_decay": cosine_decay,
    "cosine_annealing": cosine_annealing,
    "cosine_restarts": cosine_restarts,
    "warmup_constant": warmup_constant,
    "warmup_cosine_decay": warmup_cosine_decay,
    "warmup_exponential_decay": warmup_exponential_decay,
    "linear_onecycle": linear_onecycle,
    "cosine_onecycle": cosine_onecycle,
    "cyclic": cyclic,
}
"""Name -> factory ``(**options) -> schedule``, for every schedule that is not made of others."""


@cache_by_value
def get_schedule(name: str, **options: Any) -> Schedule:
    """Return the schedule called ``name``.

    Args:
        name: a name in `SCHEDULES`.
        options: the factory's arguments, by name.

    Returns:
        For equal arguments the identical object, so that compiled programs are reused.

    Raises:
        ValueError: if there is no such schedule, or no such option of it, the known ones are
            listed; if an option is missing, or, given as a number, out of its range.

    >>> schedule = get_schedule("linear", init_value=1.0, end_value=0.0, transition_steps=4)
    >>> float(schedule(1))
    0.75
    """
    factory = check_choice("name", name, SCHEDULES)
    check_options(factory, options, data=0, complete=True)
    return factory(**options)


__all__ = [
    "SCHEDULES",
    "Plateau",
    "PlateauState",
    "Schedule",
    "constant",
    "cosine_annealing",
    "cosine_decay",
    "cosine_onecycle",
    "cosine_restarts",
    "cyclic",
    "delay",
    "exponential_decay",
    "get_schedule",
    "inverse_polynomial_decay",
    "inverse_time_decay",
    "join",
    "linear",
    "linear_onecycle",
    "piecewise_constant",
    "piecewise_interpolate",
    "plateau",
    "polynomial",
    "scale",
    "step_decay",
    "warmup",
    "warmup_constant",
    "warmup_cosine_decay",
    "warmup_exponential_decay",
]

__dir__ = __all__.copy  # dir() shows these names alone
