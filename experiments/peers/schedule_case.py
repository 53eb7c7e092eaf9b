"""Case of the schedules, in the spelling of each library."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.peers.case import Known

STEPS = 64
"""Last count that is compared, unless a library refuses it."""

BASE = 0.3
"""Learning rate of PyTorch's optimizer."""

SINGLE = {
    "keras": Known(("3.15.1",), "Its ops.cos computes in float32 even where floatx is float64.", "")
}
"""Known bug of Keras's cosines."""

Formula = Callable[[np.ndarray], np.ndarray]


class Call:
    """Call of a function of a library, by name: ``call(library, *first)``."""

    def __init__(self, name: str, *arguments: Any, **options: Any):
        self.name, self._arguments, self._options = name, arguments, options

    def __call__(self, library: Any, *first: Any) -> Any:
        """Return the result of the call."""
        return getattr(library, self.name)(*first, *self._arguments, **self._options)


class ScheduleCase(NamedTuple):
    """Schedule with its settings, in the spelling of each library.

    Attributes:
        name: unique name.
        ours: call of `jaxnet.schedules`.
        formula: ``t -> rate`` in NumPy, for float64 counts.
        optax: ``optax -> schedule``.
        torch: ``(torch.optim.lr_scheduler, optimizer) -> LRScheduler``; its rate is `BASE`.
        keras: ``keras.optimizers.schedules -> LearningRateSchedule``.
        known: library -> known bug that explains a difference.
        last: last count that is compared.
    """

    name: str
    ours: Call
    formula: Formula
    optax: Callable[[Any], Any] | None = None
    torch: Callable[[Any, Any], Any] | None = None
    keras: Callable[[Any], Any] | None = None
    known: Mapping[str, Known] = {}
    last: int = STEPS


def falling_cosine(t: np.ndarray, steps: float) -> np.ndarray:
    """Return half a cosine, from 1 to 0."""
    return (1 + np.cos(np.pi * t / steps)) / 2


def path(kind: str, points: list[float], values: list[float], t: np.ndarray) -> np.ndarray:
    """Interpolate rates between given values, constant before and after."""
    segment = np.clip(np.searchsorted(points, t, side="right") - 1, 0, len(points) - 2)
    p, v = np.array(points, np.float64), np.array(values)
    u = np.clip((t - p[segment]) / (p[segment + 1] - p[segment]), 0, 1)
    u = u if kind == "linear" else 1 - falling_cosine(u, 1)
    return v[segment] + (v[segment + 1] - v[segment]) * u
