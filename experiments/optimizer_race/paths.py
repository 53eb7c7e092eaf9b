"""Descent of one optimizer on every landscape with every learning rate, in one program."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.optimizer_race.contestants import Contestant
from experiments.optimizer_race.landscapes import Landscape
from experiments.optimizer_race.walk import walk
from jaxnet.core.types import Array

STAY = 100
"""Steps within the tolerance that count as reaching the minimum."""


class Descent(NamedTuple):
    """Descent of an optimizer on a landscape with its best learning rate.

    Attributes:
        rate: the learning rate.
        reached: the steps after which the gap first stays at most the tolerance for `STAY` steps;
            None if it never does.
        stays: whether the gap is at most the tolerance after the last step too.
        working: decades of learning rates that reach the minimum.
        path: the weights at the start and after each step, shape (steps + 1, 2).
        gaps: value minus the minimum, shape (steps + 1,).
    """

    rate: float
    reached: int | None
    stays: bool
    working: float
    path: np.ndarray
    gaps: np.ndarray


def descend(
    make: Contestant,
    landscapes: Sequence[Landscape],
    rates: np.ndarray,
    *,
    steps: int,
    tolerance: float,
) -> list[Descent]:
    """Return the descent of an optimizer on each landscape.

    The best rate is the one that needs the fewest steps; where none reaches the tolerance, the one
    whose last `STAY` steps are lowest, in the median.
    """
    every_path = jax.jit(jax.vmap(lambda rate: _paths(make(rate), landscapes, steps)))
    every = every_path(jnp.asarray(rates))
    return [_best(rates, np.asarray(path), np.asarray(gaps), tolerance) for path, gaps in every]


def _paths(optimizer: Any, landscapes: Sequence[Landscape], steps: int) -> list[Any]:
    """Return path and gaps on each landscape, all in one loop."""
    start = [jnp.asarray(landscape.start) for landscape in landscapes]
    slopes = [jax.grad(landscape.function) for landscape in landscapes]
    # each landscape has its own weights and state
    every = optax.GradientTransformation(jax.vmap(optimizer.init), jax.vmap(optimizer.update))

    def slope(w: Array, _: None) -> Array:
        return jnp.stack([slope(w) for slope, w in zip(slopes, w, strict=True)])

    path = walk(every, slope, jnp.stack(start), steps=steps)
    return [
        (path[:, place], jax.vmap(landscape.gap)(path[:, place]))
        for place, landscape in enumerate(landscapes)
    ]


def _best(rates: np.ndarray, paths: np.ndarray, gaps: np.ndarray, tolerance: float) -> Descent:
    """Choose the best learning rate."""
    windows = np.lib.stride_tricks.sliding_window_view(gaps <= tolerance, STAY, axis=1)
    stays = np.all(windows, axis=-1)
    arrives, steps = stays.max(axis=1), stays.argmax(axis=1)
    with np.errstate(over="ignore"):
        last = np.median(gaps[:, -STAY:], axis=1)  # the median: a single low step would be luck
    last = np.where(np.isfinite(last), last, np.inf)
    place = int(np.argmin(np.where(arrives, steps, np.inf)) if arrives.any() else np.argmin(last))
    spacing = np.log10(rates[1] / rates[0])
    return Descent(
        rate=float(rates[place]),
        reached=int(steps[place]) if arrives[place] else None,
        stays=bool(gaps[place, -1] <= tolerance),
        working=float(arrives.sum() * spacing),
        path=paths[place],
        gaps=gaps[place],
    )
