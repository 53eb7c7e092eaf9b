"""LAMB and LARS: steps by hand, their lengths, masks, weights of 0."""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.optim import adam, lamb, lars, momentum
from jaxnet.optim.update_rule.trust_ratio import norm
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start

W = jnp.array([3.0, 4.0])


def _update(optimizer: Any, g: Any, w: Any = W) -> Any:
    return optimizer.update(g, optimizer.init(w), w)[0]


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("optax", [-0.1 * 5 * 2.5 / sqrt(10.25), -0.1 * 5 * 2 / sqrt(10.25)]),
        ("keras", [-0.15 - 0.1 * 4.75, -0.2]),
    ],
)
def test_lamb_by_hand(like: Any, expected: list[float]) -> None:
    """Adam's first step is (1, 0), the decay (1.5, 2): added to it, or taken first, by .05 w."""
    optimizer = lamb(0.1, eps=1e-12, weight_decay=0.5, like=like)
    np.testing.assert_allclose(_update(optimizer, jnp.array([7.0, 0.0])), expected, rtol=1e-6)


def test_lamb_mask_and_root_by_hand() -> None:
    """The first leaf is decayed, by (3, 4) to (4, 4); the second has nu_hat + eps_root = 4."""
    optimizer = lamb(
        0.1, eps=1e-12, eps_root=3.0, weight_decay=1.0, mask=lambda _: {"a": True, "b": False}
    )
    g = {"a": jnp.array([1.0, 0.0]), "b": jnp.array([1.0, 0.0])}
    updates = _update(optimizer, g, {"a": W, "b": W})
    a = np.array([3.5, 4.0])
    np.testing.assert_allclose(updates["a"], -0.5 * a / sqrt(a @ a), rtol=1e-6)
    np.testing.assert_allclose(updates["b"], [-0.5, 0.0], rtol=1e-6)


def test_steps_are_as_long_as_the_weights_times_the_rate(float64: np.dtype) -> None:
    """LAMB's whole step, decay included; LARS's by the trust coefficient. Any size of gradients."""
    params, rows = start(float64), gradients(1, float64)
    small, large = ({k: c * g[0] for k, g in rows.items()} for c in (1e-3, 1e3))
    for optimizer, share in (
        (lamb(0.01, eps=1e-30, weight_decay=0.1), 0.01),
        (lars(0.1, trust_coefficient=0.02), 0.002),
    ):
        updates = _update(optimizer, large, params)
        for leaf, w in params.items():
            np.testing.assert_allclose(norm(updates[leaf]), share * norm(w), rtol=1e-13)
    for optimizer in (lamb(0.01, eps=1e-30), lars(0.1, momentum=0.0)):
        one, two = (_update(optimizer, g, params) for g in (small, large))
        assert_trees_close(one, two)


def test_weights_of_zero_can_leave_zero() -> None:
    """Their ratio is 1: LAMB is Adam there, LARS gradient descent."""
    zero, g = jnp.zeros(3), jnp.array([1.0, -2.0, 0.0])
    np.testing.assert_array_equal(
        _update(lamb(0.1, eps=1e-8), g, zero), _update(adam(0.1, eps=1e-8), g, zero)
    )
    np.testing.assert_array_equal(_update(lars(0.1), g, zero), -jnp.float32(0.1) * g)


def test_lars_by_hand() -> None:
    """The ratio is 1/8 |w| / |g|; the second step starts at (3, 4 - 5/8)."""
    optimizer: Any = lars(1.0, trust_coefficient=0.125)
    g, state = jnp.array([0.0, 8.0]), optimizer.init(W)
    first, state = optimizer.update(g, state, W)
    assert first.tolist() == [0.0, -0.625]
    second, _ = optimizer.update(g, state, W + first)
    expected = -(0.9 * 0.625 + 0.125 * sqrt(9 + 3.375**2))
    np.testing.assert_allclose(second, [0, expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"nesterov": True}, [0, -1.9 * 0.625]),
        ({"eps": 2.0}, [0, -0.125 * 5 * 0.8]),
        ({"weight_decay": 2.0}, [-0.125 * 5 * 6 / sqrt(292), -0.125 * 5 * 16 / sqrt(292)]),
        ({"weight_decay": 2.0, "weight_decay_mask": False}, [0, -0.625]),
        ({"trust_ratio_mask": False}, [0, -8]),
        ({"trust_ratio_mask": lambda g: g.ndim > 1}, [0, -8]),
    ],
)
def test_variants_of_lars_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    optimizer = lars(1.0, trust_coefficient=0.125, **options)
    np.testing.assert_allclose(_update(optimizer, jnp.array([0.0, 8.0])), expected, rtol=1e-6)


def test_lars_without_trust_is_momentum(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(10, float64)
    ours, plain = jax.jit(
        lambda: tuple(
            follow(one, params, rows) for one in (lars(0.1, trust_ratio_mask=False), momentum(0.1))
        )
    )()
    assert_trees_close(ours, plain)


def test_they_need_the_parameters() -> None:
    for optimizer in (lamb(0.1), lars(0.1)):
        message = (
            r"^expected params to be given, the rule needs them, got None\. "
            r"Call optimizer\.update\(gradients, state, params\)\.$"
        )
        with pytest.raises(ValueError, match=message):
            optimizer.update(W, optimizer.init(W))
