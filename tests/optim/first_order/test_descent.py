"""Gradient descent and momentum: steps by hand, weight decay, dampening, masks, bad input."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.optim import momentum, sgd
from tests.optim.first_order.updates import updates_of

LIKES = ("optax", "torch", "keras", "lecture")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [-0.1 * 2, -0.1 * (0.5 * 2 + 4)]),
        ({"nesterov": True}, [-0.1 * (0.5 * 2 + 2), -0.1 * (0.5 * 5 + 4)]),
        ({"like": "lecture"}, [-0.1 * 1, -0.1 * (0.5 * 1 + 0.5 * 4)]),
        ({"dampening": 0.75}, [-0.1 * 2, -0.1 * (0.5 * 2 + 0.25 * 4)]),
        # w is 10 and then 9.3: the decay of .5 is part of the gradient, or beside the trace
        ({"weight_decay": 0.5}, [-0.1 * (2 + 5), -0.1 * (0.5 * 7 + 4 + 4.65)]),
        (
            {"weight_decay": 0.5, "like": "keras"},
            [-0.1 * 2 - 0.1 * 5, -0.1 * (0.5 * 2 + 4) - 0.1 * 4.65],
        ),
        (
            {"weight_decay": 0.5, "like": "lecture"},
            [-0.1 * 0.5 * 7, -0.1 * (0.5 * 3.5 + 0.5 * (4 + 0.5 * 9.65))],
        ),
    ],
    ids=str,
)
def test_momentum_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    """With b = .5, eta = .1 and gradients 2 and 4, from the weight 10."""
    found = updates_of(momentum(0.1, momentum=0.5, **options), [2, 4], w=10)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("like", LIKES)
def test_sgd_by_hand_decays_alike_in_every_convention(like: Any) -> None:
    found = updates_of(sgd(0.1, weight_decay=0.5, like=like), [2, 4], w=10)
    assert found == pytest.approx([-0.1 * (2 + 5), -0.1 * (4 + 4.65)], rel=1e-6)


def test_momentum_0_is_sgd_and_sgd_with_momentum_is_momentum() -> None:
    rows = [2, 4, -1]
    assert updates_of(momentum(0.1, momentum=0.0), rows) == updates_of(sgd(0.1), rows)
    options: dict[str, Any] = {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.5}
    together = updates_of(sgd(0.1, **options), rows, w=1)
    assert together == updates_of(momentum(0.1, **options), rows, w=1)


def test_the_trace_of_steps_goes_on_when_the_rate_is_0() -> None:
    """Under a schedule, Keras's convention differs from the others."""

    def only_first(count: Any) -> Any:
        return jnp.where(count == 0, 0.1, 0.0)

    assert updates_of(momentum(only_first, momentum=0.5, like="keras"), [2, 2]) == pytest.approx(
        [-0.2, -0.1]
    )
    assert updates_of(momentum(only_first, momentum=0.5), [2, 2]) == pytest.approx([-0.2, 0.0])


def test_masked_leaves_are_not_decayed() -> None:
    params = {"bias": jnp.ones(2), "weights": jnp.ones(2)}
    zeros = {"bias": jnp.zeros(2), "weights": jnp.zeros(2)}
    for like in LIKES:
        optimizer: Any = momentum(
            0.5, weight_decay=0.5, mask={"bias": False, "weights": True}, like=like
        )
        updates, _ = optimizer.update(zeros, optimizer.init(params), params)
        np.testing.assert_array_equal(updates["bias"], np.zeros(2))
        assert (updates["weights"] < 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: momentum(0.1, nesterov=True, dampening=0.5),
            "expected dampening to be 0 with nesterov, got 0.5.",
        ),
        (
            lambda: momentum(0.1, dampening=1.5),
            "expected dampening finite and in [0, 1], got 1.5.",
        ),
        (
            lambda: sgd(0.1, weight_decay=-1.0),
            "expected weight_decay finite and in [0, inf), got -1.0.",
        ),
        (
            lambda: sgd(0.1, momentum=1.0),
            "expected momentum finite and in [0, 1), got 1.0.",
        ),
        (
            lambda: updates_without_params(sgd(0.1, weight_decay=0.1)),
            "expected params to be given, the rule needs them, got None. "
            "Call optimizer.update(gradients, state, params).",
        ),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message


def updates_without_params(optimizer: Any) -> Any:
    return optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)))
