"""How far a path is from another: in float64 over the stream, in float32 step by step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments._verification import paths
from experiments._verification.case import Case
from experiments._verification.stream import Tree, gradients, parameters

EXACT = 1e-12
"""The largest difference in float64, of parameters of order 1, that counts as rounding."""

ULPS = 4.0
"""The largest error of a float32 step, in units in the last place of the parameters."""


def apart(actual: Tree, expected: Tree) -> float:
    """Return the largest difference of a parameter after any step, over ``max(1, |w|)``."""
    assert set(actual) == set(expected)
    errors = [
        np.max(np.abs(actual[leaf] - w) / np.maximum(1.0, np.abs(w)))
        for leaf, w in expected.items()
    ]
    return float(np.max(errors))  # NumPy's maximum hands NaN on


def float32_ulps(case: Case, like: str) -> float:
    """Return the worst error of a float32 step, in units in the last place of the parameters.

    Each step starts from the float32 state that the steps before have led to, and is held against
    the step that float64 makes from that same state, whose rule the witnesses vouch for.
    Conventions that come to the same program are measured once.
    """
    factory = paths.factory(case, like)
    program = _program(factory, case.rate)
    if program not in _ULPS:
        _ULPS[program] = _measure_float32(factory, case.rate)
    return _ULPS[program]


_ULPS: dict[str, float] = {}


def _program(factory: Callable[[Any], Any], rate: float) -> str:
    """Return the text of the jaxpr of the first step from the start, with all its constants."""

    def first_step(params: Any, row: Any) -> Any:
        optimizer = factory(rate)
        return optimizer.update(row, optimizer.init(params), params)

    params = parameters()
    jaxpr = jax.make_jaxpr(first_step)(params, params)
    return f"{jaxpr}{jax.tree.map(np.ndarray.tolist, jax.tree.map(np.asarray, jaxpr.consts))}"


def _measure_float32(factory: Callable[[Any], Any], rate: float) -> float:
    with jax.enable_x64(False):
        before, after = jax.tree.map(np.asarray, _float32_steps(factory)(np.float32(rate)))
    with jax.enable_x64(True), paths.as_users_do():
        # of a float32's value, as the program above has been given one
        exact = _vmapped_step(factory)(_widened(before), gradients(), float(np.float32(rate)))
        exact = jax.tree.map(np.asarray, exact)
    old = before[0]
    return max(_worst_ulps(after[name], exact[name], old[name]) for name in old)


def _worst_ulps(actual: np.ndarray, exact: np.ndarray, old: np.ndarray) -> float:
    size = np.maximum(np.abs(actual), np.abs(old))
    errors = np.abs(actual.astype(np.float64) - exact) / np.spacing(size).astype(np.float64)
    return float(np.max(errors))


def _float32_steps(factory: Callable[[Any], Any]) -> Callable[..., Any]:
    @jax.jit
    def run(rate: Any) -> Any:
        optimizer = factory(rate)
        params, rows = jax.tree.map(jnp.float32, (parameters(), gradients()))

        def step(carry: Any, row: Any) -> Any:
            params, state = carry
            updates, new = optimizer.update(row, state, params)
            moved = optax.apply_updates(params, updates)
            return (moved, new), ((params, state), moved)

        return jax.lax.scan(step, (params, optimizer.init(params)), rows)[1]

    return run


def _vmapped_step(factory: Callable[[Any], Any]) -> Callable[..., Any]:
    def step(before: Any, row: Any, rate: Any) -> Any:
        params, state = before
        updates, _ = factory(rate).update(row, state, params)
        return optax.apply_updates(params, updates)

    every = jax.vmap(step, in_axes=(0, 0, None))
    return jax.jit(every, compiler_options=paths.quick_compilation())


def _widened(tree: Any) -> Any:
    def widen(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf

    return jax.tree.map(widen, tree)
