"""Optimizers that divide by squared gradients: steps by hand, limits, zeros, equivalences."""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import adadelta, adagrad, adam, rmsprop
from tests.optim.first_order.updates import updates_of
from tests.trajectories import follow, gradients, start


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("optax", [-0.5 * 3 / sqrt(9.1 + 1e-7), -0.5 * 4 / sqrt(25.1 + 1e-7)]),
        ("torch", [-0.5, -0.4]),
        ("keras", [-0.5 * 3 / sqrt(9.1 + 1e-7), -0.5 * 4 / sqrt(25.1 + 1e-7)]),
    ],
)
def test_adagrad_by_hand(like: Any, expected: list[float]) -> None:
    assert updates_of(adagrad(0.5, like=like), [3, 4]) == pytest.approx(expected, rel=1e-6)


def test_adadelta_by_hand() -> None:
    """The averages of the squares are 4/4 = 1 and .75 + 1 = 1.75, those of the steps .25 x^2."""
    first = 2 * sqrt(0.01) / sqrt(1.01)
    second = 2 * sqrt(0.25 * first**2 + 0.01) / sqrt(1.76)
    found = updates_of(adadelta(0.5, rho=0.75, eps=0.01), [2, 2])
    assert found == pytest.approx([-0.5 * first, -0.5 * second], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"like": "optax"}, [-4 / sqrt(1.6 + 1e-8), -2 / sqrt(1.84 + 1e-8)]),
        ({"like": "torch"}, [-4 / sqrt(0.16), -2 / sqrt(0.1984)]),
        ({"like": "keras"}, [-4 / sqrt(1.6 + 1e-7), -2 / sqrt(1.84 + 1e-7)]),
        ({"like": "lecture"}, [-4 / sqrt(1.6), -2 / sqrt(1.84)]),
        ({"centered": True}, [-4 / sqrt(1.6 - 0.16), -2 / sqrt(1.84 - 0.3136)]),
        ({"bias_correction": True}, [-4 / sqrt(16), -2 / sqrt(1.84 / 0.19)]),
        ({"initial_scale": 4.0}, [-4 / sqrt(5.2), -2 / sqrt(5.08)]),
        ({"momentum": 0.5}, [-4 / sqrt(1.6), -2 / sqrt(1.6) - 2 / sqrt(1.84)]),
        (
            {"momentum": 0.5, "nesterov": True},
            [-6 / sqrt(1.6), -1 / sqrt(1.6) - 3 / sqrt(1.84)],
        ),
        ({"eps": 0.5, "eps_in_sqrt": False}, [-4 / (sqrt(1.6) + 0.5), -2 / (sqrt(1.84) + 0.5)]),
    ],
    ids=str,
)
def test_rmsprop_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    """With gradients 4 and 2 and a decay of .9: nu is 1.6 and 1.84, mu is .4 and .56."""
    assert updates_of(rmsprop(1.0, **options), [4, 2]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("factory", [adagrad, adadelta, rmsprop])
def test_weight_decay_by_hand(factory: Any) -> None:
    """Decay of .5 at the weight 8 is a gradient of 4, or with Keras half of the weight."""
    coupled = updates_of(factory(0.25, weight_decay=0.5, like="torch"), [2.0], w=8.0)
    assert coupled == pytest.approx(updates_of(factory(0.25, like="torch"), [6.0]), rel=1e-6)
    apart = updates_of(factory(0.25, weight_decay=0.5, like="keras"), [2.0], w=8.0)
    alone = updates_of(factory(0.25, like="keras"), [2.0])
    assert apart == pytest.approx([alone[0] - 0.25 * 0.5 * 8], rel=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        *[adagrad(0.1, like=like) for like in ("optax", "torch", "keras")],
        *[adadelta(1.0, like=like) for like in ("optax", "torch", "keras")],
        *[
            rmsprop(0.1, like=like, centered=True, momentum=0.9)
            for like in ("optax", "torch", "keras", "lecture")
        ],
    ],
)
def test_gradients_of_zero_move_nothing(optimizer: Any) -> None:
    assert updates_of(optimizer, [0.0, 0.0], w=1.0) == [0.0, 0.0]


@pytest.mark.parametrize("like", ["optax", "torch", "keras", "lecture"])
def test_centred_variance_never_falls_below_zero(like: Any) -> None:
    """In float32, gradients that fall from 300 to 1 make optax and PyTorch not a number."""
    rows = jnp.concatenate([jnp.full((20, 1), 300.0), jnp.ones((3000, 1))])
    optimizer = rmsprop(0.01, centered=True, like=like)
    assert jnp.isfinite(jax.jit(lambda: follow(optimizer, jnp.zeros(1), rows))()).all()


def test_centred_and_corrected_is_that_of_optax(float64: np.dtype) -> None:
    """Not in the matrix: in float32, the corrected variance of the first gradients cancels out."""
    params, rows = start(float64), gradients(30, float64)
    options: dict[str, Any] = {
        "centered": True,
        "bias_correction": True,
        "initial_scale": 1.0,
        "momentum": 0.5,
    }
    with jax.numpy_dtype_promotion("standard"):
        expected = jax.jit(lambda: follow(optax.rmsprop(0.01, **options), params, rows))()
    found = jax.jit(lambda: follow(rmsprop(0.01, **options), params, rows))()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12)


def test_corrected_rmsprop_is_adam_without_momentum(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(30, float64)
    options: dict[str, Any] = {"decay": 0.99, "bias_correction": True, "eps_in_sqrt": False}
    expected = jax.jit(lambda: follow(adam(0.01, b1=0.0, b2=0.99), params, rows))()
    found = jax.jit(lambda: follow(rmsprop(0.01, **options), params, rows))()
    np.testing.assert_allclose(found["weights"], expected["weights"], rtol=0, atol=1e-13)


def test_steps_of_an_earlier_rate_go_on_only_where_the_rate_is_in_the_trace() -> None:
    def only_first(count: Any) -> Any:
        return jnp.where(count == 0, 0.1, 0.0)

    moved = {
        like: updates_of(rmsprop(only_first, momentum=0.5, like=like), [2, 2])[1]
        for like in ("optax", "torch", "keras", "lecture")
    }
    half = -0.1 * 0.5 / sqrt(0.1)
    assert moved == pytest.approx({"optax": half, "torch": 0.0, "keras": half, "lecture": 0.0})


def test_the_decaying_rate_is_a_schedule_of_inverse_time() -> None:
    rows = [3.0, -1.0, 2.0]
    scheduled = adagrad(lambda count: 0.5 / (1 + 0.25 * count.astype(jnp.float32)))
    assert updates_of(adagrad(0.5, lr_decay=0.25), rows) == pytest.approx(
        updates_of(scheduled, rows), rel=1e-6
    )


@pytest.mark.parametrize(
    "optimizer",
    [
        adagrad(0.5, like="torch"),
        adadelta(0.5, eps=1e-12),
        rmsprop(0.5, like="torch"),
        rmsprop(0.5, like="torch", centered=True),
    ],
)
def test_the_scale_of_gradients_hardly_counts(optimizer: Any) -> None:
    rows = [3.0, -1.0, 2.0, 2.5]
    scaled = updates_of(optimizer, [1024 * g for g in rows])
    assert scaled == pytest.approx(updates_of(optimizer, rows), rel=1e-5)


def test_a_variant_keeps_only_what_it_needs() -> None:
    def slots(**options: Any) -> int:
        return len(jax.tree.leaves(rmsprop(0.1, **options).init(jnp.ones(2)))) - 1

    assert [slots(), slots(centered=True), slots(momentum=0.9)] == [1, 2, 2]
    assert slots(centered=True, momentum=0.9) == 3


@pytest.mark.parametrize(
    ("factory", "argument", "value", "interval"),
    [
        (adagrad, "initial_accumulator_value", -0.1, "[0, inf)"),
        (adagrad, "eps", 0.0, "(0, inf)"),
        (adagrad, "lr_decay", -1.0, "[0, inf)"),
        (adadelta, "rho", 1.0, "[0, 1)"),
        (adadelta, "eps", 0.0, "(0, inf)"),
        (rmsprop, "decay", 1.0, "[0, 1)"),
        (rmsprop, "eps", 0.0, "(0, inf)"),
        (rmsprop, "initial_scale", -1.0, "[0, inf)"),
        (rmsprop, "momentum", 1.0, "[0, 1)"),
        (rmsprop, "weight_decay", -1.0, "[0, inf)"),
    ],
)
def test_bad_input(factory: Any, argument: str, value: float, interval: str) -> None:
    with pytest.raises(ValueError) as error:
        factory(0.1, **{argument: value})
    assert str(error.value) == (f"expected {argument} finite and in {interval}, got {value}.")
