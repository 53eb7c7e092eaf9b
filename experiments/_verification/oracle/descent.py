"""Rules that step along the gradient or a sum of gradients."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Rule = Iterator[Any]


def sgd(w: np.ndarray, *, like: str) -> Rule:
    """Robbins and Monro 1951."""
    del like
    while True:
        rate, g = yield w
        w = w - rate * g


def momentum(w: np.ndarray, *, like: str, momentum: float = 0.9, nesterov: bool = False) -> Rule:
    """Polyak 1964; Sutskever et al. 2013, section 2, rewritten at the look-ahead point."""
    m = np.zeros_like(w)
    while True:
        rate, g = yield w
        if like == "lecture":
            g = (1 - momentum) * g
        if like == "keras":
            m = momentum * m - rate * g
            w = w + (momentum * m - rate * g if nesterov else m)
        else:
            m = momentum * m + g
            w = w - rate * (momentum * m + g if nesterov else m)


RULES: dict[str, Callable[..., Any]] = {"sgd": sgd, "momentum": momentum}
