"""Adam and its family: averages of gradients and of their squares."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from experiments._verification.oracle.descent import Rule


def adam(w: np.ndarray, *, like: str, b1: float, b2: float, eps: float) -> Rule:
    """Kingma and Ba 2015, algorithm 1; Keras's is the faster form at the end of section 2."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in count(1):
        rate, g = yield w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        if like == "lecture":
            w = w - rate * m / (np.sqrt(v) + eps)
        elif like == "keras":
            w = w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)
        else:
            w = w - rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)


RULES: dict[str, Callable[..., Any]] = {"adam": adam}
