"""Schedules beside optax's, PyTorch's, Keras's and their formulas, count by count.

Ours are compiled, with int32 counts as in an optimizer. The libraries' are not compiled and have
int64 counts, since both make them imprecise: int32 counts over a constant are float32 even with
float64 as the default; and compiled for a CPU, ``1 - count / steps`` is negative at the end for
some ``steps``, so that optax's polynomial_schedule and Keras's PolynomialDecay with a fractional
power are NaN from there.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet
from experiments.peers import plateau
from experiments.peers.cases.schedules import CASES
from experiments.peers.paths import LIBRARIES, has
from experiments.peers.rows import Row, judged_row
from experiments.peers.schedule_case import BASE, ScheduleCase
from jaxnet.optim.verification import as_users_do, keras_in


def comparisons(every: int = 1) -> list[Row]:
    """Return the rows of schedules and of reduce on plateau, of every n-th case."""
    rows = [measure(case, like, every) for case in CASES[::every] for like in libraries(case)]
    return rows + plateau.comparisons(every)


def libraries(case: ScheduleCase) -> list[str]:
    """Return the libraries that have the schedule of a case."""
    return [name for name in LIBRARIES if getattr(case, name) is not None]


def measure(case: ScheduleCase, library: str, every: int = 1) -> Row:
    """Compare a case with a library, if installed, and with its formula.

    Differences of rates are relative to the largest rate, since rates decay to 0.
    """
    actual, witnesses = _ours("float64", every)[case.name], {}
    for witness in [library, "formula"]:
        if witness == "formula" or has(witness):
            expected = np.asarray(_WITNESSES[witness](case), np.float64)
            largest = np.max(np.abs(actual - expected)) / np.max(np.abs(expected))
            witnesses[witness] = float(largest)
    ulps = _ulps(_ours("float32", every)[case.name], _formula(case))
    missing = "" if has(library) else f"{library} is not installed"
    return judged_row(
        case.ours.name, case.name, library, witnesses, ulps=ulps, known=case.known, missing=missing
    )


def _ulps(actual: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error of a float32 rate, in units in the last place of the exact one."""
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(actual - exact) / unit))


@functools.cache
def _ours(dtype: str, every: int) -> dict[str, np.ndarray]:
    """Return our rates by name of the case, from one compiled program, in a precision."""
    cases = CASES[::every]

    @jax.jit  # counts are arguments, since constants would be folded
    def compute(counts: jax.Array) -> dict[str, jax.Array]:
        return {
            case.name: jax.vmap(case.ours(jaxnet.schedules))(counts[: case.last + 1])
            for case in cases
        }

    counts = np.arange(max(case.last for case in cases) + 1, dtype=np.int32)
    with jax.enable_x64(dtype == "float64"):
        found = jax.tree.map(np.asarray, compute(counts))
    assert {rates.dtype.name for rates in found.values()} == {dtype}
    return found


def _counts(case: ScheduleCase) -> np.ndarray:
    return np.arange(case.last + 1)


def _formula(case: ScheduleCase) -> np.ndarray:
    return case.formula(_counts(case).astype(np.float64))


def _optax(case: ScheduleCase) -> Any:
    assert case.optax is not None
    with jax.enable_x64(True), as_users_do():
        return jax.vmap(case.optax(optax))(jnp.asarray(_counts(case)))


def _torch(case: ScheduleCase) -> Any:
    torch = importlib.import_module("torch")
    assert case.torch is not None
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], BASE)
    scheduler = case.torch(torch.optim.lr_scheduler, optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(case.last):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def _keras(case: ScheduleCase) -> Any:
    assert case.keras is not None
    with keras_in("float64") as keras:
        return jax.vmap(case.keras(keras.optimizers.schedules))(jnp.asarray(_counts(case)))


_WITNESSES: dict[str, Callable[[ScheduleCase], Any]] = {
    "formula": _formula,
    "optax": _optax,
    "torch": _torch,
    "keras": _keras,
}
