"""Rules with the norm or singular values of an array."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from experiments.peers.oracle.adam import adam
from experiments.peers.oracle.descent import Rule
from jaxnet.optim.verification import default_of


def lamb(
    w: np.ndarray,
    *,
    like: str,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float | None = None,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
    mask: Any = None,
) -> Rule:
    """You et al. 2020, algorithm 2, with ``phi`` the identity; Keras decays the weights before."""
    eps = default_of("lamb", like, "eps", eps)
    weight_decay = weight_decay if _chosen(mask, w) else 0.0
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        step = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t) + eps_root) + eps)
        if like == "keras":
            w = w - rate * weight_decay * w
        else:
            step = step + weight_decay * w
        w = w - rate * _trust(w, step) * step


def lars(
    w: np.ndarray,
    *,
    like: str,
    weight_decay: float = 0.0,
    weight_decay_mask: Any = None,
    trust_coefficient: float = 1e-3,
    eps: float = 0.0,
    trust_ratio_mask: Any = None,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Rule:
    """You, Gitman and Ginsburg 2017, algorithm 1: the momentum sums up steps."""
    del like
    m = np.zeros_like(w)
    weight_decay = weight_decay if _chosen(weight_decay_mask, w) else 0.0
    scaled = _chosen(trust_ratio_mask, w)
    while True:
        rate, g = yield w
        g = g + weight_decay * w
        step = rate * g * (_trust(w, g, trust_coefficient, eps) if scaled else 1.0)
        m = momentum * m + step
        w = w - (momentum * m + step if nesterov else m)


def _chosen(mask: Any, w: np.ndarray) -> bool:
    """Return the value of a mask, a function of the tree of weights, for one leaf."""
    return mask is None or mask({"w": w})["w"]


def _trust(w: np.ndarray, step: np.ndarray, coefficient: float = 1.0, eps: float = 0.0) -> float:
    """Return ``coefficient |w| / (|step| + eps)``, or 1 if a norm is 0."""
    size, length = np.sqrt(np.sum(w**2)), np.sqrt(np.sum(step**2))
    return coefficient * size / (length + eps) if size > 0 and length > 0 else 1.0


def muon(
    w: np.ndarray,
    *,
    like: str,
    ns_coeffs: Sequence[Any] = (3.4445, -4.7750, 2.0315),
    ns_steps: int = 5,
    beta: float = 0.95,
    eps: float | None = None,
    weight_decay: float | None = None,
    nesterov: bool = True,
    adaptive: bool = False,
    preconditioning: str = "frobenius",
    adam_b1: float = 0.9,
    adam_b2: float = 0.999,
    adam_eps_root: float = 0.0,
    adam_weight_decay: float | None = None,
    consistent_rms: float | None = None,
) -> Rule:
    """Jordan et al. 2024; Liu et al. 2025, (4) for ``consistent_rms``; AdamW for vectors.

    PyTorch's has no rule for vectors: here it is AdamW with the same ``eps``.
    """
    added = default_of("muon", like, "eps", eps)
    weight_decay = default_of("muon", like, "weight_decay", weight_decay)
    if w.ndim != 2:
        yield from adam(
            w,
            like=like,
            b1=adam_b1,
            b2=adam_b2,
            eps=added,
            eps_root=adam_eps_root,
            weight_decay=default_of("muon", like, "adam_weight_decay", adam_weight_decay),
            decoupled_weight_decay=True,
            nesterov=nesterov and like == "optax",
        )
    scale = _scale(w, default_of("muon", like, "consistent_rms", consistent_rms))
    one = np.ndim(ns_coeffs) == 1
    coefficients = np.tile(ns_coeffs, (ns_steps, 1)) if one else np.array(ns_coeffs)[-ns_steps:]
    m = np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        m, ahead = _momenta(like, beta, m, g, t)
        mean = ahead if nesterov else m / (1 - beta**t if like == "optax" else 1.0)
        step = _orthogonalized(mean, coefficients, like, added, preconditioning)
        if adaptive:
            step = np.sum(mean * step) * step
        w = w - rate * (scale * step + weight_decay * w)


def _momenta(
    like: str, b: float, m: np.ndarray, g: np.ndarray, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the momentum after a gradient, and Nesterov's, one step ahead."""
    if like == "keras":
        m = b * m + g
        return m, b * m + g
    m = b * m + (1 - b) * g
    if like == "torch":
        return m, b * m + (1 - b) * g
    return m, b * m / (1 - b ** (t + 1)) + (1 - b) * g / (1 - b**t)


def _scale(w: np.ndarray, consistent_rms: float | None) -> float:
    """Return the factor of a shape ``(out, in)``."""
    if consistent_rms is not None:
        return consistent_rms * np.sqrt(max(w.shape))
    fan_out, fan_in = w.shape
    return np.sqrt(max(1.0, fan_out / fan_in))


def _orthogonalized(
    x: np.ndarray, coefficients: np.ndarray, like: str, eps: float, preconditioning: str
) -> np.ndarray:
    """Move the singular values towards 1 by ``x <- a x + b (x x') x + c (x x')^2 x``."""
    if x.shape[0] > x.shape[1]:
        return _orthogonalized(x.T, coefficients, like, eps, preconditioning).T
    x = x / _size(x, like, eps, preconditioning)
    for a, b, c in coefficients:
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x


def _size(x: np.ndarray, like: str, eps: float, preconditioning: str) -> Any:
    """Return the divisor that makes the singular values at most 1."""
    if preconditioning == "spectral":
        return np.linalg.norm(x, 2) + eps
    if preconditioning == "aol":
        return np.sqrt(np.maximum(np.sum(np.abs(x @ x.T), axis=1, keepdims=True), 1e-8))
    if preconditioning == "schatten":
        return np.sqrt(max(np.linalg.norm(x @ x.T), 1e-8))
    norm = np.linalg.norm(x)
    return max(norm, eps) if like == "torch" else norm + (1e-7 if like == "keras" else eps)


RULES: dict[str, Callable[..., Any]] = {"lamb": lamb, "lars": lars, "muon": muon}
