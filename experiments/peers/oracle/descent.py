"""Rules that step along the gradient, a sum of gradients, or their sign."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Rule = Iterator[Any]


def decays(like: str, weight_decay: float, decoupled: bool | None = None) -> tuple[float, float]:
    """Return the coupled and the decoupled weight decay of an optimizer.

    Coupled: ``g + l w`` in place of ``g``. Decoupled: ``w - eta l w``, as Keras always does.
    """
    apart = like == "keras" if decoupled is None else decoupled
    return (0.0, weight_decay) if apart else (weight_decay, 0.0)


def sgd(
    w: np.ndarray,
    *,
    like: str,
    momentum: float | None = None,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    dampening: float = 0.0,
) -> Rule:
    """Robbins and Monro 1951; with momentum, the rule below."""
    if momentum is not None:
        yield from trace(w, like, momentum, nesterov, weight_decay, dampening)
    while True:  # coupled and decoupled decay are one here
        rate, g = yield w
        w = w - rate * (g + weight_decay * w)


def momentum(
    w: np.ndarray,
    *,
    like: str,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    dampening: float = 0.0,
) -> Rule:
    """Polyak 1964; Sutskever et al. 2013, section 2, rewritten at the look-ahead point."""
    return trace(w, like, momentum, nesterov, weight_decay, dampening)


def nesterov(w: np.ndarray, *, like: str, momentum: float = 0.9, weight_decay: float = 0.0) -> Rule:
    """Sutskever et al. 2013, section 2, rewritten at the look-ahead point."""
    return trace(w, like, momentum, True, weight_decay, 0.0)


def trace(
    w: np.ndarray, like: str, b: float, nesterov: bool, weight_decay: float, dampening: float
) -> Rule:
    """Sum up gradients (optax, PyTorch), steps (Keras), or average gradients (the lecture)."""
    coupled, decoupled = decays(like, weight_decay)
    m = None
    while True:
        rate, g = yield w
        g = g + coupled * w
        w = w - rate * decoupled * w
        if like == "keras":
            m = -rate * g if m is None else b * m - rate * (1 - dampening) * g
            w = w + (b * m - rate * g if nesterov else m)
            continue
        if like == "lecture":
            g = (1 - b) * g
        m = g if m is None else b * m + (1 - dampening) * g
        w = w - rate * (b * m + g if nesterov else m)


def rprop(
    w: np.ndarray,
    *,
    like: str,
    variant: str | None = None,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step_size: float = 1e-6,
    max_step_size: float = 50.0,
) -> Rule:
    """Riedmiller and Braun 1993 (plus); Igel and Huesken 2000, section 2 (minus, improved minus).

    A gradient of 0 is no flip: its product with the one before is 0, which keeps the step size.
    """
    variant = variant or ("minus" if like == "lecture" else "improved_minus")
    before, moved, size = np.zeros_like(w), np.zeros_like(w), None
    while True:
        rate, g = yield w
        same = np.sign(before) * np.sign(g)
        if size is None:
            size = np.full_like(w, rate)
        grown = size * np.where(same > 0, eta_plus, np.where(same < 0, eta_minus, 1.0))
        clipped = np.clip(grown, min_step_size, max_step_size)
        size = np.where(same == 0, size, clipped) if like == "optax" else clipped
        change = -size * np.sign(g)
        if variant == "improved_minus":
            change = np.where(same < 0, 0.0, change)
        if variant == "plus":
            change = np.where(same < 0, -moved, change)
        before = g if variant == "minus" else np.where(same < 0, 0.0, g)
        w, moved = w + change, change


def sign_sgd(w: np.ndarray, *, like: str) -> Rule:
    """Bernstein et al. 2018, algorithm 1."""
    del like
    while True:
        rate, g = yield w
        w = w - rate * np.sign(g)


def lion(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.99,
    weight_decay: float | None = None,
) -> Rule:
    """Chen et al. 2023, algorithm 2: the decay is decoupled in every library."""
    if weight_decay is None:
        weight_decay = 1e-3 if like == "optax" else 0.0
    m = np.zeros_like(w)
    while True:
        rate, g = yield w
        w = w - rate * (np.sign(b1 * m + (1 - b1) * g) + weight_decay * w)
        m = b2 * m + (1 - b2) * g


RULES: dict[str, Callable[..., Any]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rprop": rprop,
    "sign_sgd": sign_sgd,
    "lion": lion,
}
