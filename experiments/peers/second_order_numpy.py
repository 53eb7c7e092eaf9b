"""Second-order methods in NumPy: their equations, solved by factorization.

Both problems are strongly convex or have residuals of 0 near the minimum, so that rounding errors
decay: paths that differ by rounding end at the same point.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Path = np.ndarray
"""Weights after each step, one row each."""

# logistic regression of six weights, with a penalty

_INPUTS = np.random.default_rng(0).normal(size=(40, 6)) * [3, 1, 1, 1, 1, 0.3]
_SIGNS = np.sign(_INPUTS @ [1, -1, 2, 0, 0.5, 3] + np.sin(7 * np.arange(40)))
MARGINS = _SIGNS[:, None] * _INPUTS
STRENGTH = 0.05
START = np.linspace(-1, 1, 6)
NEAR = 0.1 * START  # Newton's step along a line is never too long from here


def gradient(w: np.ndarray) -> np.ndarray:
    """Return the gradient of ``mean log(1 + exp(-v x^T w)) + 0.05 |w|^2``."""
    wrong = 1 / (1 + np.exp(MARGINS @ w))
    return -MARGINS.T @ wrong / len(wrong) + 2 * STRENGTH * w


def hessian(w: np.ndarray) -> np.ndarray:
    """Return the Hessian of the same risk."""
    wrong = 1 / (1 + np.exp(MARGINS @ w))
    curved = (MARGINS.T * (wrong * (1 - wrong))) @ MARGINS / len(wrong)
    return curved + 2 * STRENGTH * np.eye(len(w))


def newton(steps: int, rate: float, damping: float) -> Path:
    """Solve ``(H + damping I) p = -g`` at each step."""
    w, path = START.copy(), []
    for _ in range(steps):
        w = w - rate * np.linalg.solve(hessian(w) + damping * np.eye(len(w)), gradient(w))
        path.append(w)
    return np.stack(path)


BETAS: dict[str, Callable[..., float]] = {
    "fletcher_reeves": lambda g, _y, before, _: g @ g / (before @ before),
    "polak_ribiere": lambda g, y, before, _: max(0, g @ y / (before @ before)),
    "hestenes_stiefel": lambda g, y, _, p: max(0, g @ y / (p @ y)),
    "dai_yuan": lambda g, y, _, p: g @ g / (p @ y),
}
"""Name -> ``(g, y, g', p') -> beta``."""


def nonlinear_cg(steps: int, formula: str) -> Path:
    """Take Newton's step along each conjugate direction."""
    w, path, age = NEAR, [], 0
    before = p = gradient(w)
    for t in range(steps):
        g, age = gradient(w), age + 1
        fresh = t == 0 or age >= len(w)
        ahead = -g if fresh else BETAS[formula](g, g - before, before, p) * p - g
        if fresh or g @ ahead >= 0:
            ahead, age = -g, 0
        alpha = -g @ ahead / (ahead @ hessian(w) @ ahead)
        w, p, before = w + alpha * ahead, ahead, g
        path.append(w)
    return np.stack(path)


# a sum of two exponentials, without noise

_TIMES = np.linspace(0, 2, 12)
TRUTH = np.array([2.0, -1.0, 1.0, -0.2])
GUESS = np.array([1.5, -0.7, 1.3, -0.4])


def model(w: Any, exp: Callable[..., Any]) -> Any:
    """Return ``w0 exp(w1 t) + w2 exp(w3 t)`` at twelve times."""
    return w[0] * exp(w[1] * _TIMES) + w[2] * exp(w[3] * _TIMES)


def residuals(w: np.ndarray) -> np.ndarray:
    """Return the residuals of the model."""
    return model(w, np.exp) - model(TRUTH, np.exp)


def jacobian(w: np.ndarray) -> np.ndarray:
    """Return the derivatives of the residuals, ``(times, weights)``."""
    fast, slow = np.exp(w[1] * _TIMES), np.exp(w[3] * _TIMES)
    return np.stack([fast, w[0] * _TIMES * fast, slow, w[2] * _TIMES * slow], axis=1)


def gauss_newton(steps: int, damping: float) -> Path:
    """Solve the damped normal equations as least squares, by orthogonal factors."""
    w, path = GUESS.copy(), []
    for _ in range(steps):
        w = w + _damped_step(w, damping)
        path.append(w)
    return np.stack(path)


def levenberg_marquardt(steps: int, adaptation: str, damping: float) -> Path:
    """Take damped steps that lower the squares, and adapt the damping to the gain ratio."""
    nielsen = adaptation == "nielsen"
    w, path, growth = GUESS.copy(), [], 2.0
    for _ in range(steps):
        step, r = _damped_step(w, damping), residuals(w)
        promised = float(step @ (damping * step - jacobian(w).T @ r)) / 2
        decrease = float(r @ r - residuals(w + step) @ residuals(w + step)) / 2
        ratio = decrease / promised if promised > 0 else 0.0
        if ratio > 0:
            w = w + step
            damping *= max(1 / 3, 1 - (2 * ratio - 1) ** 3) if nielsen else 0.1
            growth = 2.0
        else:
            damping *= growth if nielsen else 10.0
            growth *= 2
        path.append(w)
    return np.stack(path)


def _damped_step(w: np.ndarray, damping: float) -> np.ndarray:
    matrix = np.concatenate([jacobian(w), np.sqrt(damping) * np.eye(len(w))])
    return np.linalg.lstsq(matrix, np.append(-residuals(w), np.zeros(len(w))), rcond=None)[0]
