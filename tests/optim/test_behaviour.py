"""What optimizers promise beside their formula: traced rates, composition, robustness, progress."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.optim import adam, momentum, sgd
from tests.cases import OPTIMIZERS, OptimizerCase, over
from tests.comparison import assert_trees_close, assert_within_ulps
from tests.trajectories import first_update, follow, gradients, moved, start


@pytest.mark.parametrize("b2", [0.99, 0.999, 0.9999])
def test_first_adam_step_has_the_size_of_the_rate(b2: float, dtype: np.dtype) -> None:
    """The first step is ``eta g / (|g| + eps)``, though ``1 - b2`` cancels in float32.

    Twelve roundings leave at most 4.9 units in the last place, measured over 100,000 gradients;
    the direct form of the bias correction is 59 units off for 0.999, and 714 for 0.9999.
    """
    rng = np.random.default_rng(0)
    g = (10.0 ** rng.uniform(-3, 3, 1000) * rng.choice([-1, 1], 1000)).astype(dtype)
    updates, _ = first_update(adam(1e-3, b2=b2), jnp.asarray(g))
    exact = -1e-3 * g.astype(np.float64) / (np.abs(g.astype(np.float64)) + 1e-8)
    assert_within_ulps(updates, exact, 6)


@over(OPTIMIZERS)
def test_rates_swept_by_vmap_equal_a_loop(case: OptimizerCase, dtype: np.dtype) -> None:
    params, rows = start(dtype), gradients(10, dtype)

    def path(rate: Any) -> Any:
        return follow(case.ours(rate, **case.options), params, rows)

    rates = [0.001, 0.1]
    together = jax.jit(jax.vmap(path))(jnp.array(rates, dtype))
    for i, rate in enumerate(rates):
        alone = jax.jit(lambda rate=rate: path(rate))()
        assert_trees_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), alone)


@over([case for case in OPTIMIZERS if case.options])
def test_hyperparameters_may_be_traced(case: OptimizerCase, float64: np.dtype) -> None:
    params, rows = start(float64), gradients(10, float64)
    numbers = {k: v for k, v in case.options.items() if isinstance(v, float)}
    fixed = {k: v for k, v in case.options.items() if k not in numbers}

    def path(numbers: Any) -> Any:
        return follow(case.ours(0.01, **numbers, **fixed), params, rows)

    traced = jax.jit(path)(jax.tree.map(lambda number: jnp.array(number, float64), numbers))
    assert_trees_close(traced, jax.jit(lambda: path(numbers))())


def test_another_rate_compiles_nothing_new(dtype: np.dtype) -> None:
    traces = []

    @jax.jit
    def path(rate: jax.Array) -> Any:
        traces.append(rate)
        return follow(adam(rate), start(dtype), gradients(2, dtype))

    first, second = path(jnp.array(0.1, dtype)), path(jnp.array(0.2, dtype))
    assert len(traces) == 1
    assert not np.allclose(first["bias"], second["bias"])


@over(OPTIMIZERS)
def test_a_schedule_is_given_the_number_of_finished_steps(case: OptimizerCase) -> None:
    seen = []

    def schedule(count: jax.Array) -> jax.Array:
        seen.append((int(count), count.dtype))
        return jnp.array(0.5) if len(seen) == 1 else jnp.array(0.0)

    optimizer = case.ours(schedule, **case.options)
    state = optimizer.init(jnp.ones(2))
    w, sizes = jnp.ones(2), []
    for _ in range(3):
        updates, state = optimizer.update(jnp.ones(2), state)
        sizes.append(float(jnp.abs(w - moved(w, updates)).max()))
    assert seen == [(i, np.dtype("int32")) for i in range(3)]
    assert sizes[0] > 0.4
    assert sizes[1:] == [0.0, 0.0]


def test_chains_with_optax(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(20, float64)
    ours = optax.chain(optax.clip(1.0), adam(0.01))
    peer = optax.chain(optax.clip(1.0), optax.adam(0.01))
    with jax.numpy_dtype_promotion("standard"):
        expected = jax.jit(lambda: follow(peer, params, rows))()
        clipped = jax.jit(lambda: follow(ours, params, rows))()
    assert_trees_close(clipped, expected)
    unclipped = jax.jit(lambda: follow(adam(0.01), params, rows))()
    assert not np.allclose(clipped["bias"], unclipped["bias"], rtol=1e-3)


@over(OPTIMIZERS)
def test_gradients_of_zero_move_nothing(case: OptimizerCase, dtype: np.dtype) -> None:
    params = start(dtype)
    rows = jax.tree.map(lambda leaf: jnp.zeros((5, *leaf.shape), dtype), params)
    path = follow(case.ours(0.1, **case.options), params, rows)
    expected = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], 5, axis=0), params)
    jax.tree.map(np.testing.assert_array_equal, path, expected)


@over(OPTIMIZERS)
def test_each_leaf_keeps_its_dtype(case: OptimizerCase, float64: np.dtype) -> None:
    params = {"single": jnp.ones(2, jnp.float32), "double": jnp.ones(2, float64)}
    optimizer = case.ours(0.1, **case.options)
    updates, state = first_update(optimizer, params)
    for tree in (updates, *(part for part in state if isinstance(part, dict))):
        assert {name: str(leaf.dtype) for name, leaf in tree.items()} == {
            "single": "float32",
            "double": "float64",
        }
    assert state.count.dtype == jnp.int32
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(params))


def test_moving_average_momentum_is_the_trace_at_another_rate(float64: np.dtype) -> None:
    """The lectures' ``m = b m + (1 - b) g`` at ``eta / (1 - b)``, as the docstring promises."""
    params, rows = start(float64), gradients(30, float64)
    path = follow(momentum(0.01, momentum=0.9), params, rows)["bias"]
    w, m = np.asarray(params["bias"]), np.zeros(4)
    for t, g in enumerate(np.asarray(rows["bias"])):
        m = 0.9 * m + (1 - 0.9) * g
        w = w - 0.01 / (1 - 0.9) * m
        np.testing.assert_allclose(path[t], w, rtol=0, atol=1e-12)


def _descend(optimizer: optax.GradientTransformation, risk: Any, w: Any, steps: int) -> Any:
    def step(_: Any, carry: Any) -> Any:
        w, state = carry
        updates, state = optimizer.update(jax.grad(risk)(w), state, w)
        return moved(w, updates), state

    return jax.jit(lambda w: jax.lax.fori_loop(0, steps, step, (w, optimizer.init(w)))[0])(w)


@over(OPTIMIZERS)
def test_minimizes_a_parabola(case: OptimizerCase, dtype: np.dtype) -> None:
    def risk(w: jax.Array) -> jax.Array:
        return 1.5 * (w[0] - 2) ** 2 + 0.5 * (w[1] + 1) ** 2

    w = _descend(case.ours(0.05, **case.options), risk, jnp.array([5.0, 5.0], dtype), 1000)
    np.testing.assert_allclose(w, [2, -1], atol=1e-3)


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [(sgd(1e-3), 40_000), (momentum(1e-3), 5_000), (adam(0.02), 5_000)],
    ids=["sgd", "momentum", "adam"],
)
def test_follows_the_valley_of_rosenbrock(optimizer: Any, steps: int, dtype: np.dtype) -> None:
    def risk(w: jax.Array) -> jax.Array:
        return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2

    w = _descend(optimizer, risk, jnp.array([-1.2, 1.0], dtype), steps)
    np.testing.assert_allclose(w, [1, 1], atol=1e-2)


def test_table_is_complete() -> None:
    assert {case.ours for case in OPTIMIZERS} == set(jaxnet.optim.OPTIMIZERS.values())
