"""Adam and its family: averages of gradients and of their squares.

``eps_root`` is optax's: in every convention it is added to the corrected second moment.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from experiments.peers.oracle.descent import Rule, decays
from jaxnet.optim.verification import default_of


def adam(
    w: np.ndarray,
    *,
    like: str,
    optimizer: str = "adam",
    b1: float = 0.9,
    b2: float | None = None,
    eps: float | None = None,
    eps_root: float = 0.0,
    nesterov: bool = False,
    bias_correction: bool | None = None,
    weight_decay: float | None = None,
    decoupled_weight_decay: bool | None = None,
) -> Rule:
    """Kingma and Ba 2015, algorithm 1; Keras's is the faster form at the end of section 2.

    AdamW: Loshchilov and Hutter 2019, algorithm 2, with the rate in front of the decay too.
    """
    b2 = (0.99 if like == "lecture" else 0.999) if b2 is None else b2
    eps = default_of(optimizer, like, "eps", eps)
    decay = default_of(optimizer, like, "weight_decay", weight_decay) or 0.0
    coupled, decoupled = decays(like, decay, decoupled_weight_decay)
    corrected = like != "lecture" if bias_correction is None else bias_correction
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        share1, ahead, share2 = (
            (1 - b1**t, 1 - b1 ** (t + 1), 1 - b2**t) if corrected else (1.0, 1.0, 1.0)
        )
        mean = b1 * m / ahead + (1 - b1) * g / share1 if nesterov else m / share1
        added = eps / np.sqrt(share2) if like == "keras" else eps
        w = w - rate * (mean / (np.sqrt(v / share2 + eps_root) + added) + decoupled * w)


def adamax(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float | None = None,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool | None = None,
) -> Rule:
    """Kingma and Ba 2015, algorithm 2, which has no epsilon."""
    eps = default_of("adamax", like, "eps", eps)
    coupled, decoupled = decays(like, weight_decay, decoupled_weight_decay)
    m, u = np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        m = b1 * m + (1 - b1) * g
        if like == "keras":
            u = np.maximum(b2 * u, np.abs(g))
            norm = u + eps
        else:
            norm = u = np.maximum(b2 * u, np.abs(g) + eps)
        w = w - rate * (m / (1 - b1**t) / norm + decoupled * w)


def nadam(
    w: np.ndarray,
    *,
    like: str,
    optimizer: str = "nadam",
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float | None = None,
    eps_root: float = 0.0,
    momentum_decay: float | None = None,
    weight_decay: float | None = None,
    decoupled_weight_decay: bool | None = None,
) -> Rule:
    """Dozat 2016, algorithm 2, without the superfluous b2 before the second moment.

    A step follows the momentum one step ahead, whose decay ``mu`` grows unless ``psi`` is None.
    """
    eps = default_of(optimizer, like, "eps", eps)
    psi = default_of(optimizer, like, "momentum_decay", momentum_decay)
    decay = default_of(optimizer, like, "weight_decay", weight_decay) or 0.0
    coupled, decoupled = decays(like, decay, decoupled_weight_decay)
    m, v, product = np.zeros_like(w), np.zeros_like(w), 1.0

    def mu(t: int) -> float:
        return b1 if psi is None else b1 * (1 - 0.5 * 0.96 ** (t * psi))

    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        product *= mu(t)
        mean = (1 - mu(t)) * g / (1 - product) + mu(t + 1) * m / (1 - product * mu(t + 1))
        w = w - rate * (mean / (np.sqrt(v / (1 - b2**t) + eps_root) + eps) + decoupled * w)


def amsgrad(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float | None = None,
    eps_root: float = 0.0,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool | None = None,
) -> Rule:
    """Reddi, Kale and Kumar 2018, algorithm 2, with Adam's bias correction, as all libraries."""
    eps = default_of("amsgrad", like, "eps", eps)
    coupled, decoupled = decays(like, weight_decay, decoupled_weight_decay)
    m, v, largest = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        share1 = 1 - b1**t if bias_correction_mu else 1.0
        share2 = 1 - b2**t if bias_correction_nu else 1.0
        if like == "optax":
            largest = np.maximum(largest, v / share2)
            square = largest
        else:
            largest = np.maximum(largest, v)
            square = largest / share2
        added = eps / np.sqrt(share2) if like == "keras" else eps
        w = w - rate * (m / share1 / (np.sqrt(square + eps_root) + added) + decoupled * w)


def radam(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    threshold: float = 5.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool | None = None,
) -> Rule:
    """Liu et al. 2020, algorithm 2, with the threshold 5 of the authors' code, not 4."""
    coupled, decoupled = decays(like, weight_decay, decoupled_weight_decay)
    m, v = np.zeros_like(w), np.zeros_like(w)
    limit = 2 / (1 - b2) - 1
    for t in count(1):
        rate, g = yield w
        g = g + coupled * w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        share1, share2 = 1 - b1**t, 1 - b2**t
        step = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / share1 if nesterov else m / share1
        length = limit - 2 * t * b2**t / share2
        if length > threshold or (like == "optax" and length == threshold):
            r = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            added = eps / np.sqrt(share2) if like == "torch" else eps
            step = np.sqrt(r) * step / (np.sqrt(v / share2 + eps_root) + added)
        w = w - rate * (step + decoupled * w)


def adabelief(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float = 1e-16,
    nesterov: bool = False,
) -> Rule:
    """Zhuang et al. 2020, algorithm 2: the epsilon of each step stays in the second moment."""
    del like
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * (g - m) ** 2 + eps_root
        mean = m / (1 - b1**t)
        if nesterov:
            mean = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        w = w - rate * mean / (np.sqrt(s / (1 - b2**t)) + eps)


def yogi(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-3,
    eps_root: float = 0.0,
    initial_accumulator_value: float = 1e-6,
) -> Rule:
    """Zaheer et al. 2018, algorithm 2; both moments start above 0, and are corrected as Adam's."""
    del like
    m = v = np.full_like(w, initial_accumulator_value)
    for t in count(1):
        rate, g = yield w
        m = b1 * m + (1 - b1) * g
        v = v - (1 - b2) * np.sign(v - g**2) * g**2
        w = w - rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t) + eps_root) + eps)


def adan(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.98,
    b2: float = 0.92,
    b3: float = 0.99,
    eps: float = 1e-8,
    eps_root: float | None = None,
    weight_decay: float = 0.0,
) -> Rule:
    """Xie et al. 2022, algorithm 1, by ``b = 1 - beta``; optax has AdamW's decay."""
    eps_root = default_of("adan", like, "eps_root", eps_root)
    m, v, n, before = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w), None
    for t in count(1):
        rate, g = yield w
        change = np.zeros_like(w) if before is None else g - before
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * change
        n = b3 * n + (1 - b3) * (g + b2 * change) ** 2
        ahead = m / (1 - b1**t) + b2 * v / (1 - b2**t)
        step = ahead / (np.sqrt(n / (1 - b3**t) + eps_root) + eps)
        if like == "paper":
            w = (w - rate * step) / (1 + rate * weight_decay)
        else:
            w = w - rate * (step + weight_decay * w)
        before = g


RULES: dict[str, Callable[..., Any]] = {
    "adam": adam,
    "adamw": partial(adam, optimizer="adamw", decoupled_weight_decay=True),
    "adamax": adamax,
    "adamaxw": partial(adamax, decoupled_weight_decay=True, weight_decay=1e-4),
    "nadam": nadam,
    "nadamw": partial(nadam, optimizer="nadamw", decoupled_weight_decay=True),
    "amsgrad": amsgrad,
    "radam": radam,
    "adabelief": adabelief,
    "yogi": yogi,
    "adan": adan,
}
