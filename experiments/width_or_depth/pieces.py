"""Linear pieces of a ReLU network of one input, counted exactly, in float64."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

Affine: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Weights of a dense layer, shape (outputs, inputs), and its biases, shape (outputs,)."""
STACK, UNITS = (1, 2, 4, 8, 16), 16
"""Hidden layers of the random networks, and the units of each layer."""


class Pieces(NamedTuple):
    """A function of one number, linear in each interval between neighbouring edges.

    Attributes:
        edges: in ascending order, shape (pieces + 1,).
        slopes: of each piece.
        intercepts: of each piece, at input 0.
    """

    edges: np.ndarray
    slopes: np.ndarray
    intercepts: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the function's values at inputs between the first and the last edge."""
        place = np.searchsorted(self.edges, x, side="right") - 1
        place = np.minimum(place, len(self.slopes) - 1)
        return self.slopes[place] * x + self.intercepts[place]


def linear_pieces(layers: Sequence[Affine], low: float = -np.inf, high: float = np.inf) -> Pieces:
    """Return the linear pieces of a ReLU network with one input and one output.

    In an interval in which no unit switches all units are linear in the input. Layer by layer, the
    intervals are cut where a unit's pre-activation crosses 0.

    Args:
        layers: weights and biases of each layer; the last has no ReLU.
        low: first input; by default all real numbers are looked at.
        high: last input.
    """
    edges = np.array([low, high])
    slopes, intercepts = np.ones((1, 1)), np.zeros((1, 1))  # (intervals, units): the input itself
    for place, (w, b) in enumerate(layers):
        slopes, intercepts = slopes @ w.T, intercepts @ w.T + b
        if place + 1 < len(layers):
            edges, parents = _cut(edges, slopes, intercepts)
            slopes, intercepts = slopes[parents], intercepts[parents]
            on = slopes * _inside(edges)[:, None] + intercepts > 0
            slopes, intercepts = slopes * on, intercepts * on
    return _join(edges, slopes[:, 0], intercepts[:, 0])


def _cut(
    edges: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges with all zeros of units, and the old interval of each new one."""
    zeros = np.full_like(slopes, np.nan)
    np.divide(-intercepts, slopes, out=zeros, where=slopes != 0)
    inner = zeros[(zeros > edges[:-1, None]) & (zeros < edges[1:, None])]
    cut = np.unique(np.concatenate([edges, inner]))
    return cut, np.searchsorted(edges, _inside(cut)) - 1


def _inside(edges: np.ndarray) -> np.ndarray:
    """Return an input inside each interval."""
    low, high = edges[:-1], edges[1:]
    left = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high - 2, -1))
    right = np.where(np.isfinite(high), high, np.where(np.isfinite(low), low + 2, 1))
    return (left + right) / 2


def _join(edges: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray) -> Pieces:
    """Join neighbouring intervals with the same line, as of a unit that nothing depends on."""
    new = (np.diff(slopes) != 0) | (np.diff(intercepts) != 0)
    first = np.concatenate([[True], new])
    kept = np.concatenate([first, [True]])
    return Pieces(edges[kept], slopes[first], intercepts[first])


def count_pieces(layers: Sequence[Affine], low: float = -np.inf, high: float = np.inf) -> int:
    """Count the linear pieces of a ReLU network with one input and one output.

    >>> hat = [(np.ones((2, 1)), np.array([0.0, -1.0])), (np.array([[2.0, -4.0]]), np.zeros(1))]
    >>> count_pieces(hat)
    3
    """
    return len(linear_pieces(layers, low, high).slopes)


def sawtooth(hidden: int) -> list[Affine]:
    """Return the network of the tent map applied ``hidden`` times, with two units a layer.

    The tent ``2 relu(x) - 4 relu(x - 1/2)`` maps both halves of [0, 1] onto [0, 1]: each layer
    doubles the pieces there. Its weights are powers of 2, so that nothing is rounded.

    Source: Telgarsky 2016, "Benefits of depth in neural networks", section 3.
    """
    shift, tent = np.array([0.0, -0.5]), np.array([[2.0, -4.0]])
    first, inner = (np.ones((2, 1)), shift), (np.repeat(tent, 2, axis=0), shift)
    return [first, *[inner] * (hidden - 1), (tent, np.zeros(1))]


def random_network(random: np.random.Generator, widths: Sequence[int]) -> list[Affine]:
    """Draw a network: weights as He's, biases with deviation 1."""
    return [
        (random.normal(0, (2 / n) ** 0.5, (m, n)), random.normal(size=m))
        for n, m in itertools.pairwise(widths)
    ]


def draw_random(seed: int, drawn: int) -> dict[str, np.ndarray]:
    """Count the pieces of random networks, each of shape (depths, drawn).

    Of deep ones, with `UNITS` units a layer, and wide ones, with as many in one layer.
    """
    random = np.random.default_rng(seed)
    kinds = {"deep": lambda n: [UNITS] * n, "wide": lambda n: [UNITS * n]}
    return {
        kind: np.array(
            [
                [count_pieces(random_network(random, (1, *hidden(n), 1))) for _ in range(drawn)]
                for n in STACK
            ]
        )
        for kind, hidden in kinds.items()
    }
