"""Distances of paths: in float64 over the stream, in float32 step by step."""

import functools
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers import paths
from experiments.peers.case import Case
from jaxnet.optim.verification import (
    SHAPES,
    Tree,
    as_users_do,
    digest_program,
    gradients,
    parameters,
    quick_compilation,
)

EXACT = 1e-12
"""Largest difference in float64, for parameters of order 1, that counts as rounding."""

ULPS = 4.0
"""Largest error of a float32 step, in units in the last place of the parameters."""


def apart(actual: Tree, expected: Tree) -> float:
    """Return the largest difference of a parameter after any step, over ``max(1, |w|)``."""
    assert set(actual) == set(expected)
    errors = [
        np.max(np.abs(actual[leaf] - w) / np.maximum(1.0, np.abs(w)))
        for leaf, w in expected.items()
    ]
    return float(np.max(errors))  # NumPy's maximum propagates NaN


def float32_ulps(case: Case, like: str) -> float:
    """Return the largest error of a float32 step, in units in the last place of the parameters.

    Each step starts from the float32 state of the previous steps, and is compared with the float64
    step from the same state, whose rule the witnesses confirm. Conventions with the same program
    are measured once.
    """
    factory, rate = paths.factory(case, like), np.float32(case.rate)
    with jax.enable_x64(False):
        steps = Steps.trace(factory, jnp.float32, rate)
        if steps.key not in _ULPS:
            _ULPS[steps.key] = _measure_float32(factory, steps)
    return _ULPS[steps.key]


_ULPS: dict[Hashable, float] = {}


def _measure_float32(factory: Callable[[Any], Any], steps: "Steps") -> float:
    before, _, after = steps.follow()
    # rounded to float32, as in the program above
    _, exact = step_in_float64(factory, before, gradients(), float(steps.rate))
    old = before[0]
    return max(_worst_ulps(after[name], exact[name], old[name]) for name in old)


def _worst_ulps(actual: np.ndarray, exact: np.ndarray, old: np.ndarray) -> float:
    size = np.maximum(np.abs(actual), np.abs(old))
    errors = np.abs(actual.astype(np.float64) - exact) / np.spacing(size).astype(np.float64)
    return float(np.max(errors))


class Steps(NamedTuple):
    """Traced program of an optimizer with parameters and gradients of a narrow dtype.

    Attributes:
        traced: ``rate -> ((parameters, state), updates, parameters)``: before each step, of it
            and after it, each with a first axis of steps.
        rate: the learning rate; a Python number leaves every dtype as it is.
        key: equal for programs that give the same numbers.
    """

    traced: Any
    rate: Any
    key: Hashable

    @classmethod
    def trace(
        cls,
        factory: Callable[[Any], Any],
        dtype: Any,
        rate: Any,
        *,
        leaves: Iterable[str] = SHAPES,
        options: Any = None,
    ) -> "Steps":
        """Trace the program."""
        cast = functools.partial(jax.tree.map, lambda leaf: jnp.asarray(leaf, dtype))
        start, rows = (
            cast({name: tree[name] for name in leaves}) for tree in (parameters(), gradients())
        )
        run = functools.partial(_steps, factory, start, rows)
        traced = jax.jit(run, compiler_options=options).trace(rate)
        return cls(traced, rate, (float(rate), digest_program(traced.jaxpr)))

    def follow(self) -> tuple[Any, Tree, Tree]:
        """Compile and run the program."""
        return jax.tree.map(np.asarray, self.traced.lower().compile()(self.rate))


def _steps(factory: Callable[[Any], Any], start: Any, rows: Any, rate: Any) -> Any:
    optimizer = factory(rate)

    def step(carry: Any, row: Any) -> Any:
        params, state = carry
        updates, new = optimizer.update(row, state, params)
        moved = optax.apply_updates(params, updates)
        return (moved, new), ((params, state), updates, moved)

    return jax.lax.scan(step, (start, optimizer.init(start)), rows)[1]


def step_in_float64(
    factory: Callable[[Any], Any], before: Any, rows: Tree, rate: float
) -> tuple[Tree, Tree]:
    """Return float64 updates from each of many states, and the parameters after them.

    Args:
        factory: ``rate -> optimizer``.
        before: parameters and state of any dtypes, with a first axis of steps.
        rows: gradients with that axis.
        rate: the learning rate.
    """

    def step(before: Any, row: Any, rate: Any) -> Any:
        params, state = before
        updates, _ = factory(rate).update(row, state, params)
        return updates, optax.apply_updates(params, updates)

    with jax.enable_x64(True), as_users_do():
        every = jax.vmap(step, in_axes=(0, 0, None))
        compiled = jax.jit(every, compiler_options=quick_compilation())
        return jax.tree.map(np.asarray, compiled(_widened(before), rows, rate))


def _widened(tree: Any) -> Any:
    def widen(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(widen, tree)
