"""Accumulation: the mean of the mini-batches, the steps that a schedule sees, state and dtypes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.optim import accumulate, adam, average_parameters, averaged_params, has_updated, sgd
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start


def walk(optimizer: Any, rows: list[float], w: float = 0.0) -> tuple[list[float], Any]:
    state, steps = optimizer.init(jnp.array(w)), []
    for g in rows:
        updates, state = optimizer.update(jnp.array(g), state, jnp.array(w))
        steps.append(float(updates))
    return steps, state


def test_the_mean_and_the_sum_by_hand() -> None:
    rows = [1.0, 2.0, 6.0, 4.0, 4.0, 1.0, 9.0]
    assert walk(accumulate(sgd(1.0), 3), rows)[0] == [0, 0, -3, 0, 0, -3, 0]
    assert walk(accumulate(sgd(1.0), 3, use_grad_mean=False), rows)[0] == [0, 0, -9, 0, 0, -9, 0]
    assert walk(accumulate(sgd(1.0), 1), rows)[0] == [-g for g in rows]


def test_the_schedule_counts_steps_not_mini_batches() -> None:
    optimizer: Any = accumulate(sgd(lambda count: jnp.array([1.0, 10.0])[count]), 2)
    steps, state = walk(optimizer, [1.0, 1.0, 1.0, 1.0])
    assert steps == [0, -1, 0, -10]
    assert (int(state.inner_opt_state.count), int(state.gradient_step)) == (2, 2)
    assert int(state.mini_step) == 0


def test_every_may_follow_the_steps() -> None:
    optimizer: Any = accumulate(sgd(1.0), lambda count: jnp.array([1, 2, 3])[count])
    assert walk(optimizer, [1.0, 2.0, 4.0, 1.0, 1.0, 7.0])[0] == [-1, 0, -3, 0, 0, -3]


def test_has_updated() -> None:
    optimizer: Any = accumulate(sgd(1.0), 2)
    found = [bool(has_updated(walk(optimizer, [1.0] * n)[1])) for n in range(5)]
    assert found == [False, False, True, False, True]


def test_equals_the_step_of_the_whole_batch(float64: np.dtype) -> None:
    """Each gradient split into three that have it as their mean leads to the same parameters."""
    params, rows = start(float64), gradients(10, float64)

    def split(row: Any) -> Any:
        parts = jnp.stack([0.5 * row, 2 * row, 0.5 * row], axis=1)
        return parts.reshape(-1, *row.shape[1:])

    path = follow(accumulate(adam(0.1), 3), params, jax.tree.map(split, rows))
    thirds = jax.tree.map(lambda leaf: leaf[2::3], path)
    assert_trees_close(thirds, follow(adam(0.1), params, rows))


def test_one_bad_partial_sum_does_not_leak() -> None:
    """An inner step that is not finite in between is never taken."""

    def divide(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return 1 / updates, state

    inner = optax.GradientTransformation(lambda params: optax.EmptyState(), divide)
    assert walk(accumulate(inner, 2), [0.0, 4.0])[0] == [0.0, 0.5]


def test_sums_are_float32_at_least_and_updates_as_wide_as_gradients(float64: np.dtype) -> None:
    params = {"half": jnp.ones(1, jnp.bfloat16), "double": jnp.ones(1, float64)}
    optimizer: Any = accumulate(sgd(1.0), 3)
    state, updates = optimizer.init(params), params
    assert [leaf.dtype for leaf in jax.tree.leaves(state.acc_grads)] == [float64, jnp.float32]
    for _ in range(3):  # the sum 3.0117 of 1.0039 would be rounded in bfloat16
        row = {"half": jnp.array([1.0078125], jnp.bfloat16), "double": jnp.array([1 + 2e-10])}
        updates, state = optimizer.update(row, state, params)
    assert updates["half"].dtype == jnp.bfloat16
    assert updates["half"].tolist() == [-1.0078125]
    np.testing.assert_allclose(updates["double"], [-1 - 2e-10], rtol=1e-15)


def test_the_average_counts_steps_inside_and_mini_batches_outside(float64: np.dtype) -> None:
    """Steps of 1 from 0, whose averages differ by what counts as a step."""
    inside = accumulate(average_parameters(sgd(1.0), 0.5, like="torch"), 2)
    outside = average_parameters(accumulate(sgd(1.0), 2), 0.5, like="torch")
    both: list[tuple[Any, int]] = [(inside, 2), (outside, 4)]
    for optimizer, steps in both:
        w = jnp.array(0.0)
        state = optimizer.init(w)
        for _ in range(4):
            updates, state = optimizer.update(jnp.array(-1.0), state, w)
            w = w + updates
        found = jax.tree.leaves(state, is_leaf=lambda node: hasattr(node, "average"))
        assert [int(node.count) for node in found if hasattr(node, "average")] == [steps]
        # of 1, 2 and of 0, 1, 1, 2: (1 + 2)/2 and ((0 + 1)/2 + 1)/2 = 3/4, then (3/4 + 2)/2
        assert float(averaged_params(state)) == (1.5 if steps == 2 else 1.375)
