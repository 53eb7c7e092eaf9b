"""Compositions beside those of the libraries, in float64 over the whole stream.

Wrappers are compared both ways: ours around optax's optimizer, optax's around ours.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import optax

from experiments.peers import paths
from experiments.peers.case import Case
from experiments.peers.compare import apart
from experiments.peers.compositions import (
    ACCUMULATION,
    AVERAGES,
    CLIPPING,
    WEIGHT_DECAY,
    Composition,
    Make,
    compared,
    large,
    multi_steps,
    small,
)
from experiments.peers.rows import Row, judged_row
from experiments.peers.wrapped import poisoned
from jaxnet import optim
from jaxnet.optim.verification import SHAPES, Tree


def comparisons() -> list[Row]:
    """Return a row per composition and convention, with every library that has it.

    The note names libraries that are not installed.
    """
    groups: dict[tuple[str, str], list[Composition]] = {}
    for composition in COMPOSITIONS:
        groups.setdefault((composition.name, composition.like), []).append(composition)
    return [_row(name, like, found) for (name, like), found in groups.items()]


def _row(name: str, like: str, found: Iterable[Composition]) -> Row:
    witnesses = {c.witness: difference(c) for c in found if paths.has(c.witness)}
    missing = ", ".join(c.witness for c in found if not paths.has(c.witness))
    missing = missing and f"not installed: {missing}"
    return judged_row(name.partition(",")[0], name, like, witnesses, missing=missing)


def difference(composition: Composition) -> float:
    """Return the distance of a composition from its counterpart, over ``max(1, |w|)``."""
    actual = _path("optax", lambda _, rate: composition.ours(rate))
    return apart(actual, peer_path(composition.witness, composition.theirs))


@functools.lru_cache(maxsize=1)
def peer_path(witness: str, make: Make) -> Tree:
    """Return the path of a library's composition; cached for the other way around."""
    return _path(witness, make)


def _path(witness: str, make: Make) -> Tree:
    return paths.theirs(Case("", "", {})._replace(**{witness: make}), witness)


LABELS = dict(zip(SHAPES, "ababab", strict=True))
"""Leaf of the stream -> group."""


def _labels(tree: Any) -> dict[str, str]:
    return {name: LABELS[name] for name in tree}


def _groups(rate: Any) -> Any:
    a = optim.momentum(rate)
    b = optim.chain(optim.add_decayed_weights(0.1), optim.momentum(rate, momentum=0.5))
    return optim.per_group({"a": a, "b": b}, _labels)


def _groups_torch(torch: Any, params: list[Any], rate: float) -> Any:
    return torch.optim.SGD(
        [
            {"params": params[::2], "momentum": 0.9},
            {"params": params[1::2], "momentum": 0.5, "weight_decay": 0.1},
        ],
        rate,
    )


def _halving(count: Any) -> Any:
    return 0.5 ** (count / 50)


def _same(wrap: Callable[[Any, Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return our wrapper and optax's where both have the same names."""
    return functools.partial(wrap, optim), functools.partial(wrap, optax)


WRAPPERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "chain": _same(lambda library, inner: library.chain(library.clip(0.5), inner)),
    "accumulate": (lambda inner: optim.accumulate(inner, 3), lambda inner: multi_steps(inner, 3)),
    "masked, freeze": (
        lambda inner: optim.chain(optim.masked(inner, small), optim.freeze(large)),
        lambda inner: optax.chain(
            optax.masked(inner, small), optax.masked(optax.set_to_zero(), large)
        ),
    ),
    "per_group": (
        lambda inner: optim.per_group({"a": inner, "b": optim.set_to_zero()}, _labels),
        lambda inner: optax.multi_transform({"a": inner, "b": optax.set_to_zero()}, _labels),
    ),
    "apply_if_finite": _same(lambda library, inner: poisoned(library.apply_if_finite(inner, 5))),
    "zero_nans": _same(
        lambda library, inner: poisoned(
            library.chain(library.zero_nans(), library.clip(0.5), inner)
        )
    ),
    "scale_by_schedule": _same(
        lambda library, inner: library.chain(inner, library.scale_by_schedule(_halving))
    ),
}
"""Name -> our wrapper and optax's."""


def _both_ways(name: str, ours: Callable[[Any], Any], theirs: Callable[[Any], Any]) -> Any:
    def peer(optax: Any, rate: Any) -> Any:
        return theirs(optax.sgd(rate, 0.9))

    around = {
        f"{name}, around optax's": lambda rate: ours(optax.sgd(rate, 0.9)),
        f"{name}, of optax around ours": lambda rate: theirs(optim.momentum(rate)),
    }
    return [row for way, make in around.items() for row in compared(way, "optax", make, optax=peer)]


COMPOSITIONS: list[Composition] = [
    *CLIPPING,
    *WEIGHT_DECAY,
    *ACCUMULATION,
    *AVERAGES,
    *compared("per_group", "optax", _groups, torch=_groups_torch),
    *(row for name, pair in WRAPPERS.items() for row in _both_ways(name, *pair)),
]
"""Every composition, in the order of the page."""
