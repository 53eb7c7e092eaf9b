"""Rates of convergence, measured and predicted."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.optimizer_race.walk import walk
from jaxnet.core.types import Array
from jaxnet.optim import OPTIMIZERS

SMALLEST, LARGEST = 1.0, 100.0
"""``mu`` and ``L``, the curvatures of the strongly convex quadratic; ``kappa`` is 100."""

DIMENSIONS = 20
STEPS = 2000


class Linear(NamedTuple):
    """Linear convergence of one method on the quadratic.

    Attributes:
        name: name of the method, for a legend.
        distances: ``|w|`` at the start and after each step; the minimum is at 0.
        measured: factor per step of the distance, over the second half of the steps; of the
            distance over ``t`` where theory predicts ``t factor^t``.
        predicted: the same by theory.
    """

    name: str
    distances: np.ndarray
    measured: float
    predicted: float


def linear_convergence() -> list[Linear]:
    """Measure gradient descent, heavy ball and Nesterov's momentum with their best settings.

    Gradient descent at ``eta = 2 / (mu + L)``: ``(kappa - 1) / (kappa + 1)``. Heavy ball at
    ``eta = 4 / (sqrt(L) + sqrt(mu))^2``, ``b = rho^2``: ``rho = (sqrt(kappa) - 1) /
    (sqrt(kappa) + 1)``. Nesterov's at ``eta = 1 / L``, ``b = rho``: ``1 - 1 / sqrt(kappa)``.
    The last two are double roots of the characteristic equation: distances fall as ``t factor^t``.

    Source: Polyak 1964; Nesterov 2018, section 2.2; Recht 2010; Lessard et al. 2016, section 2.2.
    """
    root = (LARGEST / SMALLEST) ** 0.5
    rho = (root - 1) / (root + 1)
    sgd, momentum = OPTIMIZERS["sgd"], OPTIMIZERS["momentum"]
    heavy = 4 / (LARGEST**0.5 + SMALLEST**0.5) ** 2
    methods = {
        "gradient descent": (sgd(2 / (SMALLEST + LARGEST)), (root**2 - 1) / (root**2 + 1)),
        "Nesterov": (momentum(1 / LARGEST, momentum=rho, nesterov=True), 1 - 1 / root),
        "heavy ball": (momentum(heavy, momentum=rho**2), rho),
    }
    rows = []
    for name, (optimizer, predicted) in methods.items():
        distances = np.asarray(jax.jit(_distances, static_argnums=0)(optimizer))
        power = 0 if name == "gradient descent" else 1
        rows.append(Linear(name, distances, _factor(distances, power), predicted))
    return rows


def factors_of_rates(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient descent's factor per step: measured, and ``max |1 - eta lambda|``.

    It is least at ``2 / (mu + L)``, and above ``2 / L`` it is larger than 1: the descent diverges.
    """
    every = jax.jit(jax.vmap(lambda rate: _distances(OPTIMIZERS["sgd"](rate))))
    measured = [_factor(distances) for distances in np.asarray(every(jnp.asarray(rates)))]
    return np.array(measured), np.abs(1 - np.outer(rates, curvatures())).max(axis=1)


def curvatures() -> np.ndarray:
    """Return the eigenvalues of the quadratic's Hessian, log-spaced from ``mu`` to ``L``."""
    return np.geomspace(SMALLEST, LARGEST, DIMENSIONS)


def _distances(optimizer: optax.GradientTransformation) -> Array:
    generator = np.random.default_rng(0)
    turned, _ = np.linalg.qr(generator.normal(size=(DIMENSIONS, DIMENSIONS)))
    hessian = jnp.asarray(turned.T @ np.diag(curvatures()) @ turned)
    path = walk(optimizer, lambda w, _: hessian @ w, jnp.asarray(turned.sum(axis=0)), steps=STEPS)
    largest = jnp.abs(path).max(axis=1)
    # by the largest, since squares of the last distances underflow
    return largest * jnp.linalg.norm(path / largest[:, None], axis=1)


def _factor(distances: np.ndarray, power: int = 0) -> float:
    """Return the factor per step of ``distance / t^power``, over the second half of the steps."""
    half, end = STEPS // 2, STEPS
    shrunk = distances[end] / distances[half] * (half / end) ** power
    return float(shrunk ** (1 / (end - half)))


class Sublinear(NamedTuple):
    """Sublinear convergence of gradient descent on one smooth, convex function.

    Attributes:
        name: name of the function, for a legend.
        gaps: after 1, 2, ... steps.
        flow: last gap of the gradient flow, the limit of small steps.
        measured: slope of the gap against the steps on logarithmic axes, over the last decade.
        predicted: the same by theory.
    """

    name: str
    gaps: np.ndarray
    flow: float
    measured: float
    predicted: float


def sublinear_convergence(steps: int = 100_000) -> list[Sublinear]:
    """Measure gradient descent at ``eta = 1 / L`` on functions without a lowest curvature.

    On ``|w|^p / p`` the gradient flow ``w' = -w^(p - 1)`` gives ``w ~ ((p - 2) eta t)^(-1 / (p -
    2))``, so the gap falls as ``t^(-p / (p - 2))``; on separable data the logistic loss of the one
    weight ``w' = e^(-w)`` falls as ``1 / (eta t)``.
    """
    cases = {
        "w⁴/4": (lambda w: w**4 / 4, 1.0, 1 / 3, 4),
        "w⁸/8": (lambda w: w**8 / 8, 1.0, 1 / 7, 8),
        "logistic loss, separable": (lambda w: jnp.log1p(jnp.exp(-w)), 0.0, 4.0, None),
    }
    rows = []
    for name, (function, start, rate, power) in cases.items():
        gaps = np.asarray(_gaps(function, start, rate, steps))
        slope = np.log10(gaps[-1] / gaps[steps // 10 - 1])
        predicted = -1.0 if power is None else -power / (power - 2)
        flow = 1 / (rate * steps)
        if power is not None:
            flow = ((power - 2) * rate * steps) ** predicted / power
        rows.append(Sublinear(name, gaps, flow, float(slope), predicted))
    return rows


def _gaps(function: Any, start: float, rate: float, steps: int) -> Array:
    optimizer = OPTIMIZERS["sgd"](rate)
    slope = jax.grad(function)
    path = jax.jit(lambda w: walk(optimizer, lambda w, _: slope(w), w, steps=steps))
    return function(path(jnp.asarray(start))[1:])
