"""Averages of the parameters: numbers worked by hand, their starts, limits and rounding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.optim import (
    adam,
    average_parameters,
    averaged_params,
    chain,
    clip,
    momentum,
    per_group,
    sgd,
)
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start


def averages(optimizer: Any, path: list[float]) -> list[float]:
    """Return the averages of parameters that gradients lead from 0 along a path."""
    w = jnp.array(0.0)
    state, found = optimizer.init(w), []
    for target in path:
        updates, state = optimizer.update(w - target, state, w)
        w = w + updates
        found.append(float(averaged_params(state)))
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # 4, (4/2 + 8)/(1/2 + 1), (4/4 + 8/2 + 2)/(1/4 + 1/2 + 1)
        ({"decay": 0.5}, [4, 10 / 1.5, 7 / 1.75]),
        # from the first parameters: 4, (4 + 8)/2, (6 + 2)/2
        ({"decay": 0.5, "like": "torch"}, [4, 6, 4]),
        ({"decay": 0.5, "like": "keras"}, [4, 6, 4]),
        # from the initial 0: (0 + 4)/2, (2 + 8)/2, (5 + 2)/2
        ({"decay": 0.5, "debias": False}, [2, 5, 3.5]),
        ({"decay": 0.5, "debias": False, "like": "torch"}, [2, 5, 3.5]),
        # uniform: 4, 12/2, 14/3, and with the initial 0: 4/2, 12/3, 14/4
        ({"decay": None}, [4, 6, 14 / 3]),
        ({"decay": None, "like": "torch"}, [4, 6, 14 / 3]),
        ({"decay": None, "debias": False}, [2, 4, 3.5]),
        ({"decay": 0.0}, [4, 8, 2]),
        # decays 0, 1/2, 3/4
        ({"decay": lambda t: jnp.array([0, 0.5, 0.75])[t], "like": "torch"}, [4, 6, 5]),
    ],
)
def test_by_hand(options: dict[str, Any], expected: list[float], float64: np.dtype) -> None:
    optimizer: Any = average_parameters(sgd(1.0), **options)
    np.testing.assert_allclose(averages(optimizer, [4.0, 8.0, 2.0]), expected, rtol=1e-14)


def test_a_decay_near_one_is_the_uniform_average(float64: np.dtype) -> None:
    path = [4.0, 8.0, 2.0, -5.0]
    near = averages(average_parameters(sgd(1.0), 1 - 1e-9), path)
    np.testing.assert_allclose(near, averages(average_parameters(sgd(1.0), None), path), rtol=1e-7)


def test_the_path_itself_is_the_optimizers_own(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(10, float64)
    path = follow(average_parameters(adam(0.1), 0.9), params, rows)
    assert_trees_close(path, follow(adam(0.1), params, rows))


def test_before_the_first_step_it_is_the_initial_parameters() -> None:
    params = start("float32")
    variants: list[dict[str, Any]] = [{}, {"like": "torch"}, {"debias": False}]
    for options in variants:
        state = average_parameters(sgd(1.0), 0.9, **options).init(params)
        assert_trees_close(averaged_params(state), params)


def test_the_average_of_constant_parameters_does_not_drift() -> None:
    """In float32, 20,000 steps at a decay of 0.9999: ``d a + (1 - d) w`` would be 2e-4 off."""
    optimizer: Any = average_parameters(sgd(0.0), 0.9999, debias=False)
    w = jnp.array([1.1, 7.3, 1e-3], jnp.float32)

    def step(_: Any, state: Any) -> Any:
        return optimizer.update(jnp.ones_like(w), state, w)[1]

    state = jax.jit(lambda: jax.lax.fori_loop(0, 20_000, step, optimizer.init(w)))()
    np.testing.assert_array_equal(averaged_params(state), w)


def test_the_form_of_the_libraries_drifts() -> None:
    """In NumPy, which rounds every product, as PyTorch does; XLA may fuse it with the sum."""
    w = np.linspace(1, 2, 100, dtype=np.float32)
    a, d, share = w, np.float32(0.9999), np.float32(1 - 0.9999)
    for _ in range(20_000):
        a = d * a + share * w
    assert 1e-4 < np.max(np.abs(a / w - 1)) < 2e-4


def test_the_average_is_found_within_chains_and_groups() -> None:
    inner: Any = average_parameters(momentum(0.1), 0.9)
    for optimizer in (chain(clip(1.0), inner), per_group({"a": inner}, "a")):
        w, g = jnp.array([2.0]), jnp.array([1.0])
        _, state = optimizer.update(g, optimizer.init(w), w)
        np.testing.assert_allclose(jax.tree.leaves(averaged_params(state)), [[1.9]], rtol=1e-6)


def test_narrow_parameters_are_averaged_in_float32() -> None:
    w = jnp.ones(1, jnp.bfloat16)
    optimizer: Any = average_parameters(sgd(0.5), jnp.float32(0.5), like="torch")
    state = optimizer.init(w)
    for g in [0.0, -2.0, 0.0]:
        updates, state = optimizer.update(jnp.array([g], jnp.bfloat16), state, w)
        w = w + updates
    assert averaged_params(state).dtype == jnp.float32
    assert averaged_params(state).tolist() == [1.75]  # of 1, 2, 2: 1, 1.5, 1.75
