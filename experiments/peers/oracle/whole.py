"""Rules that find the step size or need no schedule."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from experiments.peers.oracle.descent import Rule
from jaxnet.optim.verification import default_of


def prodigy(
    ws: list[np.ndarray],
    *,
    like: str,
    betas: tuple[float, float] = (0.9, 0.999),
    b1: float | None = None,
    b2: float | None = None,
    beta3: float | None = None,
    eps: float = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: float = 1.0,
    weight_decay: float = 0.0,
    safeguard_warmup: bool = False,
) -> Rule:
    """Mishchenko and Defazio 2024, algorithm 4, with Adam's bias correction in the rate."""
    del like
    b1, b2 = b1 or betas[0], b2 or betas[1]
    b3 = np.sqrt(b2) if beta3 is None else beta3
    starts, d, r = list(ws), estim_lr0, 0.0
    m, v, s = ([np.zeros_like(w) for w in ws] for _ in range(3))
    for t in count(1):
        rate, gs = yield ws
        eta = d * rate * np.sqrt(1 - b2**t) / (1 - b1**t)
        m = [b1 * m + (1 - b1) * d * g for m, g in zip(m, gs, strict=True)]
        v = [b2 * v + (1 - b2) * (d * g) ** 2 for v, g in zip(v, gs, strict=True)]
        weight = (d if safeguard_warmup else eta) * d / estim_lr0
        s = [b3 * s + weight * g for s, g in zip(s, gs, strict=True)]
        gain = sum(np.sum(g * (w0 - w)) for g, w0, w in zip(gs, starts, ws, strict=True))
        r = b3 * r + d / estim_lr0 * eta * gain
        d = max(d, estim_lr_coef * r / sum(np.sum(np.abs(s)) for s in s))
        ws = [
            w - eta * (weight_decay * w + m / (np.sqrt(v) + d * eps))
            for w, m, v in zip(ws, m, v, strict=True)
        ]


def schedule_free_sgd(
    w: np.ndarray,
    *,
    like: str,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    weight_decay: float | None = None,
    weight_lr_power: float = 2.0,
) -> Rule:
    """Defazio et al. 2024, (3) to (5): the weights are ``y``, where the gradient is taken."""
    x, z, largest, total = w, w, 0.0, 0.0
    for t in count(1):
        rate, g = yield b1 * x + (1 - b1) * z
        rate *= _warmup(like, t, warmup_steps)
        y = b1 * x + (1 - b1) * z
        z = z - rate * (g + (weight_decay or 0.0) * y)
        largest = max(largest, rate)
        total += largest**weight_lr_power
        c = largest**weight_lr_power / total if total > 0 else 0.0
        x = (1 - c) * x + c * z


def schedule_free_adamw(
    w: np.ndarray,
    *,
    like: str,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    weight_lr_power: float | None = None,
) -> Rule:
    """Defazio et al. 2024, algorithm 1, with rate and decay as in the libraries.

    Keras decays ``y`` before the step, computes ``x`` from it, and averages with equal weights:
    the power is 0.
    """
    power = default_of("schedule_free_adamw", like, "weight_lr_power", weight_lr_power)
    x, z, v, largest, total = w, w, np.zeros_like(w), 0.0, 0.0
    for t in count(1):
        rate, g = yield b1 * x + (1 - b1) * z
        y = b1 * x + (1 - b1) * z
        v = b2 * v + (1 - b2) * g**2
        step = g / (np.sqrt(v / (1 - b2**t)) + eps)
        if like == "keras":
            x = ((1 - rate * weight_decay) * y - (1 - b1) * z) / b1
            rate *= _warmup(like, t, warmup_steps)
            z = z - rate * step
        else:
            rate *= _warmup(like, t, warmup_steps)
            z = z - rate * (step + weight_decay * y)
        largest = max(largest, rate)
        total += largest**power
        c = largest**power / total if total > 0 else 0.0
        x = (1 - c) * x + c * z


def _warmup(like: str, t: int, steps: int | None) -> float:
    """Return the factor of the rate at step ``t``, counted from 1: optax's first one is 0."""
    finished = t - 1 if like == "optax" else t
    return min(1.0, finished / steps) if steps else 1.0


RULES: dict[str, Callable[..., Any]] = {
    "prodigy": prodigy,
    "schedule_free_sgd": schedule_free_sgd,
    "schedule_free_adamw": schedule_free_adamw,
}
