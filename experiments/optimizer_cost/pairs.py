"""Pairs of optimizers: ours and optax's."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from experiments.peers.cases import CASES
from jaxnet import optim

Make = Callable[[Any], optax.GradientTransformation]
"""``schedule -> optimizer``."""


class Pair(NamedTuple):
    """Our optimizer and optax's with equal settings."""

    name: str
    ours: Make
    optax: Make


def pairs() -> list[Pair]:
    """Return the first case of each optimizer of optax, then wrappers and compositions.

    Lookahead is missing: optax's changes the type of the parameters.
    """
    found: dict[str, Pair] = {}
    for case in CASES:
        if case.optax is not None:
            ours = functools.partial(optim.OPTIMIZERS[case.optimizer], **case.options)
            theirs = functools.partial(case.optax, optax)
            found.setdefault(case.optimizer, Pair(case.optimizer, ours, theirs))
    return [*found.values(), *_OTHERS]


def _same(name: str, make: Callable[[Any, Any], optax.GradientTransformation]) -> Pair:
    """Return a pair that both libraries spell alike."""
    return Pair(name, functools.partial(make, optim), functools.partial(make, optax))


_OTHERS = [
    Pair("lbfgs", optim.lbfgs, optax.lbfgs),  # both with optax's line search
    Pair(
        "sam",
        lambda rate: optim.sam(optim.sgd(rate), rho=0.05),
        lambda rate: optax.contrib.sam(
            optax.sgd(rate),
            optax.chain(optax.contrib.normalize(), optax.sgd(0.05)),
            opaque_mode=True,
        ),
    ),
    _same(
        "clip_by_global_norm",
        lambda library, rate: library.chain(library.clip_by_global_norm(1.0), library.adam(rate)),
    ),
    Pair(
        "accumulate",
        lambda rate: optim.accumulate(optim.adam(rate), 4),
        lambda rate: optax.MultiSteps(optax.adam(rate), 4).gradient_transformation(),
    ),
    _same("apply_if_finite", lambda library, rate: library.apply_if_finite(library.adam(rate), 5)),
    Pair(
        "per_group",
        lambda rate: optim.per_group({"a": optim.adam(rate), "b": optim.sgd(rate)}, _by_dimensions),
        lambda rate: optax.partition({"a": optax.adam(rate), "b": optax.sgd(rate)}, _by_dimensions),
    ),
    Pair(
        "reduce_on_plateau",
        lambda rate: optim.chain(optim.adam(rate), optim.reduce_on_plateau()),
        lambda rate: optax.chain(optax.adam(rate), optax.contrib.reduce_on_plateau()),
    ),
]


def _by_dimensions(params: Any) -> Any:
    return jax.tree.map(lambda w: "a" if w.ndim > 1 else "b", params)
