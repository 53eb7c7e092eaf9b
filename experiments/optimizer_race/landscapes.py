"""Landscapes: functions of two variables, hard in different ways, with their minima."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Array


class Landscape(NamedTuple):
    """Function to minimize.

    Attributes:
        name: name of the function.
        why: its difficulty, for a title.
        function: ``w -> value``, w of shape (2,).
        start: initial point.
        minima: all global minima.
        window: left, right, bottom, top of the figure.
    """

    name: str
    why: str
    function: Callable[[Array], Array]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    window: tuple[float, float, float, float]

    def gap(self, w: Array) -> Array:
        """Return the value at ``w`` minus the minimum."""
        return self.function(w) - self.function(jnp.asarray(self.minima[0], w.dtype))


def _quadratic(w: Array) -> Array:
    # curvatures 1 and 50 along axes turned by 30 degrees
    u, v = w
    along, across = 0.5 * (3**0.5 * u + v), 0.5 * (3**0.5 * v - u)
    return 0.5 * (along**2 + 50 * across**2)


def _rosenbrock(w: Array) -> Array:
    u, v = w
    return (1 - u) ** 2 + 100 * (v - u**2) ** 2


def _beale(w: Array) -> Array:
    u, v = w
    return (1.5 - u + u * v) ** 2 + (2.25 - u + u * v**2) ** 2 + (2.625 - u + u * v**3) ** 2


def _branin(w: Array) -> Array:
    u, v = w
    valley = v - 5.1 / (4 * np.pi**2) * u**2 + 5 / np.pi * u - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * jnp.cos(u) + 10


def _saddle(w: Array) -> Array:
    u, v = w
    return 0.5 * u**2 - 0.5 * v**2 + 0.25 * v**4


LANDSCAPES = (
    Landscape(
        "quadratic",
        "narrow, curvatures 1 and 50",
        _quadratic,
        (-4.4, -1.4),
        ((0.0, 0.0),),
        (-5.0, 2.0, -3.2, 2.2),
    ),
    Landscape(
        "Rosenbrock",
        "a bent valley",
        _rosenbrock,
        (-0.5, 1.5),
        ((1.0, 1.0),),
        (-1.7, 1.7, -0.5, 2.2),
    ),
    Landscape(
        "Beale", "cliffs and plains", _beale, (-4.5, 4.5), ((3.0, 0.5),), (-5.0, 5.0, -5.0, 5.0)
    ),
    Landscape(
        "Branin",
        "three minima",
        _branin,
        (2.5, 12.5),
        ((-np.pi, 12.275), (np.pi, 2.275), (3 * np.pi, 2.475)),
        (-5.0, 11.0, -1.0, 15.0),
    ),
    Landscape(
        "saddle",
        "start beside the ridge",
        _saddle,
        (-1.5, 1e-4),
        ((0.0, 1.0), (0.0, -1.0)),
        (-1.8, 1.4, -1.5, 1.5),
    ),
)
"""Landscapes; Rosenbrock, Beale and Branin start as in DeepOBS (Schneider et al. 2019)."""
