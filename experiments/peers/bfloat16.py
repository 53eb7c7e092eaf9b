"""Accuracy of optimizers with parameters and gradients in bfloat16.

Ours compute in float32, keep float32 states and round the update once. The update is compared with
float64, not the parameters: half a unit of those exceeds most updates.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers import paths
from experiments.peers.case import Case
from experiments.peers.compare import ULPS, Steps, step_in_float64
from jaxnet.optim.verification import Tree, as_users_do, conventions, gradients, quick_compilation

BFLOAT16_ULPS = 0.75
"""Largest error of an update, in units in the last place: 1/2 for the rounding, 1/4 for float32.

Another rounding anywhere costs another 1/2."""

_LEAVES = ("scalar", "matrix", "sizes")
"""Leaves of the stream; the others test nothing that depends on the dtype."""


class Bfloat16(NamedTuple):
    """Accuracy of an optimizer with parameters and gradients in bfloat16.

    Attributes:
        optimizer: name of the optimizer.
        case: name of the case.
        like: the convention.
        ulps: largest error of an update, in units in the last place of bfloat16; infinite if
            an update is not bfloat16.
        optax: the same for optax's optimizer, for information; None for other conventions and if
            it has none.
    """

    optimizer: str
    case: str
    like: str
    ulps: float
    optax: float | None

    @property
    def exact(self) -> bool:
        """Whether ours is within the tolerance."""
        return self.ulps <= BFLOAT16_ULPS


def comparisons(cases: Iterable[Case]) -> list[Bfloat16]:
    """Return a row per convention of each optimizer, with the settings of its first case."""
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(case.optimizer, case)
    return [compare(case, like) for case in first.values() for like in conventions(case.optimizer)]


def compare(case: Case, like: str) -> Bfloat16:
    """Measure a case under a convention."""
    theirs = optax_ulps(case) if like == "optax" and case.optax is not None else None
    return Bfloat16(case.optimizer, case.name, like, our_ulps(case, like), theirs)


def our_ulps(case: Case, like: str) -> float:
    """Return the worst error."""
    return worst_update(paths.factory(case, like), case)


def optax_ulps(case: Case) -> float:
    """Return the worst error of optax's own optimizer."""
    make: Any = case.optax
    # as a schedule, which its rprop insists on
    return worst_update(lambda rate: make(optax, lambda _: rate), case)


def worst_update(factory: Callable[[Any], Any], case: Case) -> float:
    """Return the largest error of an update, in units in the last place.

    Each step starts from the state of the previous steps, and is compared with the float64 step
    from the same state and gradient. Conventions with the same program are measured once.
    """
    rate, options = float(np.float32(case.rate)), quick_compilation()
    with jax.enable_x64(False), as_users_do():
        steps = Steps.trace(factory, jnp.bfloat16, rate, leaves=_LEAVES, options=options)
        if steps.key not in _FOUND:
            _FOUND[steps.key] = _measure(factory, case, steps)
    return _FOUND[steps.key]


_FOUND: dict[Hashable, float] = {}


def _measure(factory: Callable[[Any], Any], case: Case, steps: Steps) -> float:
    before, updates, _ = steps.follow()
    rows = {name: gradients()[name].astype(jnp.bfloat16).astype(np.float64) for name in _LEAVES}
    exact, _ = step_in_float64(factory, before, rows, steps.rate)
    lost = _lost_in_float32(case, before[0])
    return max(_worst(updates[name], exact[name], lost[name]) for name in _LEAVES)


def _worst(actual: np.ndarray, exact: np.ndarray, lost: np.ndarray) -> float:
    if actual.dtype != jnp.bfloat16:
        return float("inf")
    unit = np.spacing(np.maximum(np.abs(actual), np.abs(exact).astype(jnp.bfloat16)))
    return float(np.max(np.abs(actual.astype(np.float64) - exact) / (unit + lost)))


def _lost_in_float32(case: Case, params: Tree) -> Tree:
    """Return the allowed loss beyond rounding: not 0 for differences only.

    Updates of schedule-free training are differences of two points as large as the parameters.
    """
    bar = ULPS if case.optimizer.startswith("schedule_free") else 0.0
    return {
        name: bar * np.spacing(np.abs(w).astype(np.float32)).astype(np.float64)
        for name, w in params.items()
    }
