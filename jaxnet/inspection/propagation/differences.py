"""Comparison of autodiff with central differences, with detection of kinks."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxnet.core.types import Array

STEP = 1e-6
"""Step of the central differences: in float64 their rounding error is about 2e-10, their
truncation error 1e-12, both times derivatives of order 1."""

AROUND = 1e-5
"""Relative size of the moves that show whether the slopes jump at the point: more than `STEP`,
and than the rounding of float32, which can put a unit on the other side of its kink."""

NEARBY = 1e-2
"""Relative size of the moves away from a kink: one step in ten thousand straddles it again."""

PAIRS = 3
"""Random moves of each size, each there and back, so that a unit is seen on both sides."""

EVIDENCE = 0.1
"""Share of the misses that the slopes must jump by for kinks to explain them. Autodiff, with one
side of all kinks at once, may miss by far more than a few random moves show."""

SHARE = 0.1
"""Share of the whole gradient's norm that errors are relative to, beside the leaf's own."""


class Comparison(NamedTuple):
    """One leaf of the gradient by autodiff against central differences.

    Attributes:
        error: norm of the difference, relative to the norm of the differences plus `SHARE`
            of the whole gradient's.
        kinks: how many entries agree nearby only, since the risk has a kink at the point.
    """

    error: float
    kinks: int


class _Probe(NamedTuple):
    """Measurements at one point, of all drawn entries.

    Attributes:
        total: norm of the whole gradient by autodiff.
        gradient: its drawn entries.
        slopes: central differences ``(f(w + h) - f(w - h)) / (2 h)``.
        gaps: how far the one-sided slopes ``(f(w + h) - f(w)) / h`` and
            ``(f(w) - f(w - h)) / h`` are apart.
    """

    total: float
    gradient: np.ndarray
    slopes: np.ndarray
    gaps: np.ndarray

    @property
    def misses(self) -> np.ndarray:
        return np.abs(self.gradient - self.slopes)

    def error(self, part: np.ndarray) -> float:
        miss = _norm(self.misses[part])
        return miss / scale if (scale := _norm(self.slopes[part]) + SHARE * self.total) else miss

    def misses_by_more(self, tolerance: np.ndarray) -> np.ndarray:
        """Return which entries exceed their share of the tolerance."""
        bars = tolerance * (np.abs(self.slopes) + SHARE * self.total) / np.sqrt(len(self.slopes))
        return ~(self.misses <= bars)


def compare_with_differences(
    risk: Callable[[Any], Array],
    point: Any,
    entries: Sequence[np.ndarray],
    gradient: Sequence[np.ndarray] | None,
    tolerances: Sequence[float],
) -> list[Comparison]:
    """Compare autodiff with central differences in float64, leaf by leaf.

    Where they miss each other and slopes jump around the point, the risk has a kink there, and
    the entries that miss are compared at random points nearby instead. At a kink any value may be
    right: the chain rule over several kinks may leave the interval of the one-sided slopes.

    Args:
        risk: function of a tree of float64 arrays.
        point: the tree.
        entries: which entries of each leaf to compare, numbered within the leaf.
        gradient: autodiff's gradient at these, in the precision to be checked; None for float64.
        tolerances: the error of each leaf above which a kink is looked for.
    """
    flat, unravel = ravel_pytree(point)
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(point)]
    starts = np.cumsum([0, *(leaf.size for leaf in leaves)])[:-1]
    at = np.concatenate([start + drawn for start, drawn in zip(starts, entries, strict=True)])
    parts = np.split(np.arange(len(at)), np.cumsum([len(drawn) for drawn in entries])[:-1])
    probe = _make_probe(lambda flat: risk(unravel(flat)), at)
    here = probe(flat)
    if gradient is not None:
        here = here._replace(gradient=np.concatenate(gradient))
    kinks, nearby = np.zeros(len(at), bool), []
    if not all(here.error(part) <= most for part, most in zip(parts, tolerances, strict=True)):
        bars = np.repeat(tolerances, [len(part) for part in parts])
        moves = _moves(leaves)
        around = [probe(flat + AROUND * move) for move in moves]
        jumps = np.maximum(
            np.ptp([near.gradient for near in around], axis=0),
            np.ptp([near.slopes for near in (here, *around)], axis=0),
        )
        if _norm(jumps) >= EVIDENCE * _norm(here.misses):
            kinks = here.misses_by_more(bars)
            nearby = _without_kinks([probe(flat + NEARBY * move) for move in moves], bars)
    comparisons = []
    for part, most in zip(parts, tolerances, strict=True):
        smooth, kinked = part[~kinks[part]], part[kinks[part]]
        away = float(np.max([near.error(kinked) for near in nearby] or [0.0]))
        error = float(np.maximum(here.error(smooth), away))  # which hands NaN on, max may not
        comparisons.append(Comparison(error, len(kinked) if away <= most else 0))
    return comparisons


def _make_probe(risk: Callable[[Array], Array], at: np.ndarray) -> Callable[[Array], _Probe]:
    """Return a function that measures entries of the gradient of a function of one vector."""
    differentiate = jax.jit(jax.grad(risk))

    @jax.jit
    def evaluate(flat: Array, moves: tuple[Array, Array]) -> Array:
        return jax.lax.map(lambda move: risk(flat.at[move[0]].add(move[1])), moves)

    # all by the same machine code, so that equal risks have the slope 0 exactly
    steps = np.append(np.repeat([STEP, -STEP], len(at)), 0.0)
    moves = jnp.asarray(np.append(np.tile(at, 2), 0)), jnp.asarray(steps)

    def probe(flat: Array) -> _Probe:
        *values, middle = np.asarray(evaluate(flat, moves))
        above, below = np.split(np.asarray(values), 2)
        gradient = np.asarray(differentiate(flat))
        gaps = np.abs((above - middle) - (middle - below)) / STEP
        return _Probe(_norm(gradient), gradient[at], (above - below) / (2 * STEP), gaps)

    return probe


def _moves(leaves: Sequence[np.ndarray]) -> np.ndarray:
    """Draw random moves of all leaves at once, of the size of their entries or .1."""
    sizes = [max(_norm(leaf) / np.sqrt(max(leaf.size, 1)), 0.1) for leaf in leaves]
    scales = np.repeat(sizes, [leaf.size for leaf in leaves])
    there = np.random.default_rng(0).normal(size=(PAIRS, len(scales))) * scales
    return np.concatenate([there, -there])


def _without_kinks(probes: Sequence[_Probe], tolerance: np.ndarray) -> list[_Probe]:
    """Clear the entries that a kink within the step explains, but for those it explains everywhere.

    One kink puts the central difference off by half the gap of the one-sided slopes.
    """
    straddled = [near.misses_by_more(tolerance) & ~(near.misses > near.gaps) for near in probes]
    cleared = np.array(straddled) & ~np.all(straddled, axis=0)
    return [
        near._replace(
            gradient=np.where(gone, 0.0, near.gradient), slopes=np.where(gone, 0.0, near.slopes)
        )
        for near, gone in zip(probes, cleared, strict=True)
    ]


def _norm(values: Any) -> float:
    return float(np.linalg.norm(values))
