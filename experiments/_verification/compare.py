"""How far a path is from another: in float64 over the stream, in float32 step by step."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments._verification import paths
from experiments._verification.case import Case
from experiments._verification.stream import SHAPES, Tree, gradients, parameters

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
    program = program_of(factory, case.rate)
    if program not in _ULPS:
        _ULPS[program] = _measure_float32(factory, case.rate)
    return _ULPS[program]


_ULPS: dict[str, float] = {}


def program_of(factory: Callable[[Any], Any], rate: float) -> str:
    """Return a digest of the first step from the start: its jaxpr, with all its constants."""

    def first_step(params: Any, row: Any) -> Any:
        optimizer = factory(rate)
        return optimizer.update(row, optimizer.init(params), params)

    params = parameters()
    return paths.digest_program(jax.make_jaxpr(first_step)(params, params))


def _measure_float32(factory: Callable[[Any], Any], rate: float) -> float:
    with jax.enable_x64(False):
        before, _, after = follow(factory, jnp.float32, np.float32(rate))
    # of a float32's value, as the program above has been given one
    _, exact = step_in_float64(factory, before, gradients(), float(np.float32(rate)))
    old = before[0]
    return max(_worst_ulps(after[name], exact[name], old[name]) for name in old)


def _worst_ulps(actual: np.ndarray, exact: np.ndarray, old: np.ndarray) -> float:
    size = np.maximum(np.abs(actual), np.abs(old))
    errors = np.abs(actual.astype(np.float64) - exact) / np.spacing(size).astype(np.float64)
    return float(np.max(errors))


def follow(
    factory: Callable[[Any], Any],
    dtype: Any,
    rate: Any,
    *,
    leaves: Iterable[str] = SHAPES,
    options: Any = None,
) -> tuple[Any, Tree, Tree]:
    """Return each step of an optimizer whose parameters and gradients have a narrow dtype.

    Args:
        factory: ``rate -> optimizer``.
        dtype: of the parameters and of the gradients.
        rate: the learning rate; a Python number leaves every dtype as it is.
        leaves: which of the stream.
        options: for the compiler.

    Returns:
        ``((parameters, state), updates, parameters)``: before the step, of it and after it, each
        with a first axis of steps.
    """
    cast = functools.partial(jax.tree.map, lambda leaf: jnp.asarray(leaf, dtype))
    start, rows = (
        cast({name: tree[name] for name in leaves}) for tree in (parameters(), gradients())
    )

    def run(rate: Any) -> Any:
        optimizer = factory(rate)

        def step(carry: Any, row: Any) -> Any:
            params, state = carry
            updates, new = optimizer.update(row, state, params)
            moved = optax.apply_updates(params, updates)
            return (moved, new), ((params, state), updates, moved)

        return jax.lax.scan(step, (start, optimizer.init(start)), rows)[1]

    return jax.tree.map(np.asarray, jax.jit(run, compiler_options=options)(rate))


def step_in_float64(
    factory: Callable[[Any], Any], before: Any, rows: Tree, rate: float
) -> tuple[Tree, Tree]:
    """Return the updates that float64 makes from each of many states, and the parameters after it.

    Args:
        factory: ``rate -> optimizer``.
        before: parameters and state, of any dtypes, with a first axis of steps.
        rows: the gradients, with that axis too.
        rate: the learning rate.
    """

    def step(before: Any, row: Any, rate: Any) -> Any:
        params, state = before
        updates, _ = factory(rate).update(row, state, params)
        return updates, optax.apply_updates(params, updates)

    with jax.enable_x64(True), paths.as_users_do():
        every = jax.vmap(step, in_axes=(0, 0, None))
        compiled = jax.jit(every, compiler_options=paths.quick_compilation())
        return jax.tree.map(np.asarray, compiled(_widened(before), rows, rate))


def _widened(tree: Any) -> Any:
    def widen(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(widen, tree)
