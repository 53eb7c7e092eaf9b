"""Prodigy: steps by hand, scale, leaves that depend on each other, gradients of 0."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import prodigy
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start


def _walk(optimizer: Any, w: float, gradients: list[float]) -> tuple[list[float], list[float]]:
    """Return the steps of one weight, and the estimates after them."""
    weights, steps, estimates = jnp.array([w]), [], []
    state = optimizer.init(weights)
    for g in gradients:
        updates, state = optimizer.update(jnp.array([g]), state, weights)
        weights = weights + updates
        steps.append(float(updates[0]))
        estimates.append(float(state.estim_lr))
    return steps, estimates


def test_steps_by_hand() -> None:
    """Without averages each step is the estimate so far. With g = 2, d0 = 1 and c = 4:

    1: r = 0, s = 2, d = max(1, 0) = 1. 2: r = 2, s = 4, d = 4 * 2 / 4 = 2, the step is 1 still.
    3: the step is 2; r = 2 + 2 * 2 * 2 * 2 = 18, s = 4 + 2 * 2 * 2 = 12, d = 4 * 18 / 12 = 6.
    """
    optimizer = prodigy(betas=(0.0, 0.0), beta3=1.0, eps=1e-30, estim_lr0=1.0, estim_lr_coef=4.0)
    steps, estimates = _walk(optimizer, 5.0, [2.0, 2.0, 2.0, 2.0])
    assert steps == [-1, -1, -2, -6]
    assert estimates[:3] == [1, 2, 6]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"weight_decay": 0.25}, [-1 - 0.5, -1 - 0.125]), ({"learning_rate": 0.5}, [-0.5, -0.5])],
    ids=str,
)
def test_variants_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    """Weights of 2, then of .5 or 1.5; the first estimate, of 1, stays."""
    optimizer = prodigy(betas=(0.0, 0.0), eps=1e-30, estim_lr0=1.0, estim_lr_coef=1e-9, **options)
    assert _walk(optimizer, 2.0, [3.0, 3.0])[0] == expected


def test_safeguarded_warm_up_by_hand() -> None:
    """The sum s is not multiplied by the rate .5: 4 in place of 2 after a step with d = 1."""
    sums = []
    for safeguard in (False, True):
        optimizer = prodigy(0.5, betas=(0.0, 0.0), estim_lr0=1.0, safeguard_warmup=safeguard)
        w = jnp.array([2.0])
        state: Any = optimizer.update(jnp.array([4.0]), optimizer.init(w), w)[1]
        sums.append(float(state.grad_sum[0]))
    assert sums == [2, 4]


def test_the_scale_of_the_risk_changes_nothing(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(20, float64)
    large = jax.tree.map(lambda g: 1024 * g, rows)
    optimizer = prodigy(eps=1e-300, estim_lr0=1e-2)
    one, two = jax.jit(
        lambda: (follow(optimizer, params, rows), follow(optimizer, params, large))
    )()
    assert_trees_close(one, two)


def test_leaves_are_one_vector(float64: np.dtype) -> None:
    """A vector cut in two is the same vector: the estimate is of all weights together."""
    w, rows = start(float64)["bias"], gradients(20, float64)["bias"]
    optimizer = prodigy(estim_lr0=1e-2)
    whole, parts, lone = jax.jit(
        lambda: (
            follow(optimizer, w, rows),
            follow(optimizer, [w[:1], w[1:]], [rows[:, :1], rows[:, 1:]]),
            follow(optimizer, w[:1], rows[:, :1]),
        )
    )()
    np.testing.assert_allclose(jnp.concatenate(parts, axis=1), whole, rtol=1e-12)
    assert not np.allclose(lone, parts[0], rtol=1e-3)


def test_gradients_of_zero_leave_the_estimate(dtype: np.dtype) -> None:
    """After steps with nothing to learn from it goes on; optax's estimate is NaN for good."""
    optimizer: Any = prodigy(estim_lr0=0.5)
    w: Any = jnp.ones(2, dtype)
    state = optimizer.init(w)
    for g in (jnp.zeros(2, dtype), jnp.ones(2, dtype)):
        updates, state = optimizer.update(g, state, w)
        w = optax.apply_updates(w, updates)
    assert state.estim_lr == 0.5
    assert np.isfinite(w).all()
    assert (np.asarray(w) < 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": (1.0, 0.9)}, r"expected betas\[0\] finite and in \[0, 1\), got 1\.0\."),
        ({"betas": (0.9, -1.0)}, r"expected betas\[1\] finite and in \[0, 1\), got -1\.0\."),
        ({"beta3": 2.0}, r"expected beta3 finite and in \[0, 1\], got 2\.0\."),
    ],
    ids=str,
)
def test_decays_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        prodigy(**options)


def test_needs_the_parameters() -> None:
    optimizer = prodigy()
    with pytest.raises(ValueError, match=r"^expected params to be given, .* got None\."):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
