"""Rules that divide the gradient by a root of its squares."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from experiments.peers.oracle.descent import Rule, decays
from jaxnet.optim.verification import default_of


def adagrad(
    w: np.ndarray,
    *,
    like: str,
    initial_accumulator_value: float | None = None,
    eps: float | None = None,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """Duchi, Hazan and Singer 2011, figure 1, diagonal matrices."""
    start = default_of("adagrad", like, "initial_accumulator_value", initial_accumulator_value)
    eps = default_of("adagrad", like, "eps", eps)
    coupled, decoupled = decays(like, weight_decay)
    s = np.full_like(w, start)
    for t in count():
        rate, g = yield w
        g = g + coupled * w
        s = s + g**2
        root = np.sqrt(s) + eps if like == "torch" else np.sqrt(s + eps)
        w = w - rate * decoupled * w
        w = w - rate / (1 + t * lr_decay) * g / root


def adadelta(
    w: np.ndarray,
    *,
    like: str,
    rho: float | None = None,
    eps: float | None = None,
    weight_decay: float = 0.0,
) -> Rule:
    """Zeiler 2012, algorithm 1."""
    b = default_of("adadelta", like, "rho", rho)
    eps = default_of("adadelta", like, "eps", eps)
    coupled, decoupled = decays(like, weight_decay)
    squares, steps = np.zeros_like(w), np.zeros_like(w)
    while True:
        rate, g = yield w
        g = g + coupled * w
        squares = b * squares + (1 - b) * g**2
        step = np.sqrt(steps + eps) / np.sqrt(squares + eps) * g
        steps = b * steps + (1 - b) * step**2
        w = w - rate * decoupled * w - rate * step


def rmsprop(
    w: np.ndarray,
    *,
    like: str,
    decay: float | None = None,
    eps: float | None = None,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool | None = None,
    centered: bool = False,
    momentum: float | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
    weight_decay: float = 0.0,
) -> Rule:
    """Tieleman and Hinton 2012, lecture 6.5; centred and with momentum: Graves 2013, (38)-(45)."""
    b = default_of("rmsprop", like, "decay", decay)
    eps = default_of("rmsprop", like, "eps", eps)
    inside = like in ("optax", "keras") if eps_in_sqrt is None else eps_in_sqrt
    coupled, decoupled = decays(like, weight_decay)
    mu, nu, m = np.zeros_like(w), np.full_like(w, initial_scale), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        mu, nu = b * mu + (1 - b) * g, b * nu + (1 - b) * g**2
        share = 1 - b**t if bias_correction else 1.0
        variance = nu / share - ((mu / share) ** 2 if centered else 0.0)
        step = g / (np.sqrt(variance + eps) if inside else np.sqrt(variance) + eps)
        w = w - rate * decoupled * w
        if like in ("optax", "keras"):  # the trace sums up steps
            step, rate = rate * step, 1.0
        if momentum is not None:
            m = momentum * m + step
            step = momentum * m + step if nesterov else m
        w = w - rate * step


RULES: dict[str, Callable[..., Any]] = {
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
}
