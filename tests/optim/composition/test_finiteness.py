"""Gradients that are NaN or infinite, under each policy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.optim import accumulate, adam, apply_if_finite, chain, clip, momentum, sgd, zero_nans
from tests.trajectories import follow, gradients, start

BAD = [jnp.nan, jnp.inf, -jnp.inf]


def walk(optimizer: Any, rows: list[float]) -> tuple[list[float], Any]:
    state, steps = optimizer.init(jnp.array(0.0)), []
    for g in rows:
        updates, state = optimizer.update(jnp.array(g), state)
        steps.append(float(updates))
    return steps, state


def test_by_default_they_propagate() -> None:
    """The weights become NaN at once, and the moments keep it for all later steps."""
    assert np.isnan(walk(sgd(1.0), [jnp.nan, 1.0])[0]).tolist() == [True, False]
    for optimizer in (momentum(1.0), adam(1.0)):
        for bad in BAD:
            assert not np.isfinite(walk(optimizer, [1.0, bad, 1.0])[0][1:]).any()


def test_nans_count_as_zero() -> None:
    steps, state = walk(chain(zero_nans(), sgd(1.0)), [jnp.nan, 2.0, jnp.inf])
    assert steps == [0.0, -2.0, -np.inf]
    assert bool(state[0].found_nan) is False
    assert walk(chain(zero_nans(), clip(3.0), sgd(1.0)), BAD)[0] == [0.0, -3.0, 3.0]


def test_found_nan_per_leaf() -> None:
    params = {"a": jnp.zeros(2), "b": jnp.zeros(2)}
    bad = {"a": jnp.array([1.0, jnp.nan]), "b": jnp.array([1.0, jnp.inf])}
    optimizer: Any = zero_nans()
    updates, state = optimizer.update(bad, optimizer.init(params))
    assert jax.tree.map(bool, state.found_nan) == {"a": True, "b": False}
    assert updates["a"].tolist() == [1.0, 0.0]


def test_a_skipped_step_never_was(float64: np.dtype) -> None:
    """The path is that of the finite gradients alone: state, moments and count stand still."""
    params, rows = start(float64), gradients(6, float64)
    bad = jax.tree.map(lambda leaf: leaf.at[2].set(jnp.nan).at[4, 0].set(jnp.inf), rows)
    path = follow(apply_if_finite(adam(0.1), 3), params, bad)
    good, skipped = np.array([0, 1, 3, 5]), np.array([2, 4])
    kept = follow(adam(0.1), params, jax.tree.map(lambda leaf: leaf[good], rows))
    for name in params:
        np.testing.assert_allclose(path[name][good], kept[name], rtol=1e-14)
        np.testing.assert_array_equal(path[name][skipped], path[name][skipped - 1])


def test_too_many_errors_in_a_row_are_applied() -> None:
    optimizer: Any = apply_if_finite(sgd(1.0), 2)
    steps, state = walk(optimizer, [jnp.inf, jnp.inf, 1.0, jnp.inf, jnp.inf, jnp.inf, jnp.inf, 2.0])
    assert steps == [0, 0, -1, 0, 0, -np.inf, -np.inf, -2]
    assert (int(state.notfinite_count), int(state.total_notfinite)) == (0, 6)
    assert bool(state.last_finite)
    assert walk(apply_if_finite(sgd(1.0), 0), [jnp.inf])[0] == [-np.inf]


def test_one_bad_entry_of_one_leaf_skips_all() -> None:
    params = {"a": jnp.zeros(2), "b": jnp.zeros(1)}
    optimizer: Any = apply_if_finite(sgd(1.0), 1)
    bad = {"a": jnp.array([1.0, jnp.nan]), "b": jnp.ones(1)}
    updates, state = jax.jit(optimizer.update)(bad, optimizer.init(params))
    assert jax.tree.map(lambda leaf: leaf.tolist(), updates) == {"a": [0.0, 0.0], "b": [0.0]}
    assert int(state.inner_state.count) == 0


def test_around_and_inside_an_accumulation() -> None:
    """Around it one mini-batch is left out; inside it the step of all of them is."""
    rows = [1.0, jnp.nan, 3.0, 5.0]
    around, _ = walk(apply_if_finite(accumulate(sgd(1.0), 2), 9), rows)
    inside, state = walk(accumulate(apply_if_finite(sgd(1.0), 9), 2), rows)
    assert around == [0, 0, -2, 0]
    assert inside == [0, 0, 0, -4]
    assert int(state.inner_opt_state.total_notfinite) == 1


def test_members_of_a_sweep_skip_for_themselves() -> None:
    optimizer: Any = apply_if_finite(sgd(1.0), 1)
    rows = jnp.array([1.0, jnp.nan, 3.0])
    updates, state = jax.vmap(lambda g: optimizer.update(g, optimizer.init(g)))(rows)
    assert updates.tolist() == [-1.0, 0.0, -3.0]
    assert state.total_notfinite.tolist() == [0, 1, 0]
    assert isinstance(optimizer, optax.GradientTransformationExtraArgs)
