"""Paths of parameters over the stream: of our optimizers, of each library's, of the oracle.

Each is a tree of float64 arrays ``(schedules, steps, *shape)``. Learning rates are an array, one
per step, so that one compiled program serves every schedule.
"""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

import jaxnet
from experiments.peers.case import Case
from experiments.peers.oracle import ORACLES, WHOLE
from jaxnet.optim.verification import (
    Tree,
    as_users_do,
    conventions,
    digest_program,
    follow_optax,
    follow_torch,
    gradients,
    keras_follower,
    keras_in,
    parameters,
    quick_compilation,
    rates,
)

LIBRARIES = ("optax", "torch", "keras")


def has(library: str) -> bool:
    """Return whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def ours(case: Case, like: str) -> Tree:
    """Return the path of our optimizer with a convention."""
    return _follow_jax(factory(case, like), case.rate)


def theirs(case: Case, library: str) -> Tree:
    """Return the path of a library's own optimizer."""
    return _FOLLOWERS[library](case)


def oracle(case: Case, like: str) -> Tree:
    """Return the path of the oracle, in NumPy's float64."""
    make = functools.partial(ORACLES[case.optimizer], like=like, **case.options)
    params, rows = parameters(), gradients()

    def walk(w: Any, rows: Any, rates: np.ndarray) -> list[Any]:
        rule = make(w)
        next(rule)
        return [rule.send((float(rate), row)) for rate, row in zip(rates, rows, strict=True)]

    def follow(rates: np.ndarray) -> Tree:
        if case.optimizer not in WHOLE:
            return {name: np.stack(walk(w.copy(), rows[name], rates)) for name, w in params.items()}
        path = walk(list(params.values()), zip(*rows.values(), strict=True), rates)
        columns = [np.stack(column) for column in zip(*path, strict=True)]
        return dict(zip(params, columns, strict=True))

    return _over_schedules(follow, case.rate)


def factory(case: Case, like: str) -> Callable[[Any], optax.GradientTransformation]:
    """Return ``rate -> optimizer``, ours, for a case and a convention."""
    options = dict(case.options)
    if len(conventions(case.optimizer)) > 1 or like != "optax":
        options["like"] = like
    return functools.partial(jaxnet.optim.OPTIMIZERS[case.optimizer], **options)


def _over_schedules(follow: Callable[[np.ndarray], Tree], rate: float) -> Tree:
    """Stack the paths for each kind of learning rate."""
    found = [follow(row) for row in rates(rate).values()]
    return {name: np.stack([path[name] for path in found]) for name in found[0]}


def _follow_jax(factory: Callable[[Any], Any], rate: float) -> Tree:
    """Return the paths of an optax-style optimizer, by one compiled program for all schedules."""

    def follow(rates: Any) -> Any:
        return follow_optax(factory(lambda count: rates[count]), parameters(), gradients())[1]

    with jax.enable_x64(True), as_users_do():
        return _over_rates(follow, rate)


def _over_rates(follow: Callable[..., Any], rate: float) -> Any:
    """Return paths for each kind of learning rate, by one compiled program.

    Paths are cached by program.
    """
    kinds = np.stack([*rates(rate).values()])
    program = jax.jit(
        lambda kinds: jax.lax.map(follow, kinds), compiler_options=quick_compilation()
    )
    traced = program.trace(kinds)
    key = rate, digest_program(traced.jaxpr), jax.tree.structure(traced.out_info)
    if key not in _FOLLOWED:
        _FOLLOWED[key] = jax.tree.map(np.asarray, traced.lower().compile()(kinds))
    return jax.tree.map(np.copy, _FOLLOWED[key])


_FOLLOWED: dict[Any, Any] = {}


def _follow_optax(case: Case) -> Tree:
    assert case.optax is not None
    return _follow_jax(functools.partial(case.optax, optax), case.rate)


def _follow_torch(case: Case) -> Tree:
    make = case.torch
    assert make is not None
    params, rows = parameters(), gradients()

    def follow(rates: np.ndarray) -> Tree:
        path = follow_torch(make, [*params.values()], [*rows.values()], rates)
        return dict(zip(params, path, strict=True))

    return _over_schedules(follow, case.rate)


def _follow_keras(case: Case) -> Tree:
    make = case.keras
    assert make is not None
    params = parameters()
    with keras_in("float64"):
        leaves = [*params.values()], [*gradients().values()]
        follow = keras_follower(lambda keras: make(keras, case.rate), *leaves)
        paths = _over_rates(follow, case.rate)
    return dict(zip(params, paths, strict=True))


_FOLLOWERS = {"optax": _follow_optax, "torch": _follow_torch, "keras": _follow_keras}
