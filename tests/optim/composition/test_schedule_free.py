"""Schedule-free optimizers: steps by hand, the average, warm-up, rates of 0, errors."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import (
    momentum,
    schedule_free,
    schedule_free_adamw,
    schedule_free_eval_params,
    schedule_free_sgd,
    sgd,
)


def _walk(optimizer: Any, steps: int, g: float = -2.0, w: float = 0.0) -> dict[str, list[float]]:
    """Return ``y``, ``z`` and ``x`` after each step with one gradient."""
    y: Any = jnp.array([w])
    found = {"y": [], "z": [], "x": []}
    state = optimizer.init(y)
    for _ in range(steps):
        updates, state = optimizer.update(jnp.array([g]), state, y)
        y = optax.apply_updates(y, updates)
        x = schedule_free_eval_params(state, y)
        for name, value in zip("yzx", (y, state.z, x), strict=True):
            found[name].append(float(value[0]))
    return found


def test_steps_by_hand() -> None:
    """x is the mean of z so far, and y half way between the two."""
    assert _walk(schedule_free_sgd(1.0, b1=0.5), 3) == {
        "y": [2, 3.5, 5],
        "z": [2, 4, 6],
        "x": [2, 3, 4],
    }


def test_all_of_the_average_is_polyaks() -> None:
    """At b1 = 1 the gradient is taken at the average."""
    found = _walk(schedule_free_sgd(1.0, b1=1.0), 4)
    np.testing.assert_allclose(found["y"], [2, 3, 4, 5], rtol=1e-6)
    assert found["x"] == found["y"]


@pytest.mark.parametrize(
    ("power", "x"), [(0.0, [2, 4, 14 / 3]), (1.0, [2, 14 / 3, 26 / 5]), (2.0, [2, 26 / 5, 50 / 9])]
)
def test_steps_weigh_as_the_largest_rate_so_far(power: float, x: list[float]) -> None:
    """Rates 1, 2, 0 lead z to 2, 6, 6, with the weights 1, 2 and 2 to a power."""
    rates = jnp.array([1.0, 2.0, 0.0])
    optimizer = schedule_free_sgd(lambda count: rates[count], b1=0.5, weight_lr_power=power)
    found = _walk(optimizer, 3)
    np.testing.assert_allclose(found["z"], [2, 6, 6], rtol=1e-6)
    np.testing.assert_allclose(found["x"], x, rtol=1e-6)


def test_the_factories_are_the_wrapper_around_rules_without_momentum() -> None:
    wrapped = schedule_free(sgd(0.5), 0.5, b1=0.7)
    assert _walk(wrapped, 3) == _walk(schedule_free_sgd(0.5, b1=0.7), 3)


def test_the_inner_optimizer_may_be_any() -> None:
    found = _walk(schedule_free(momentum(0.5, momentum=0.5), 0.5, b1=0.5), 3)
    np.testing.assert_allclose(found["z"], [1, 2.5, 4.25], rtol=1e-6)
    np.testing.assert_allclose(found["x"], [1, 1.75, 7.75 / 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("like", "z", "x"), [("optax", [1.4, 0.83], [1.4, 1.115]), ("keras", [1.5, 1], [1.5, 1.175])]
)
def test_adamw_by_hand(like: Any, z: list[float], x: list[float]) -> None:
    """Steps of .5, the rate. optax decays z by .05 y: .1, then .07; the second x is the mean.

    Keras shrinks y, not z: from 2, which the first x = z forgets, and from 1.5 to 1.425. That
    is x shrunk to 1.35, which the second x = (1.35 + 1) / 2 has.
    """
    found = _walk(schedule_free_adamw(0.5, b1=0.5, weight_decay=0.1, like=like), 2, g=7.0, w=2.0)
    assert found["z"] == pytest.approx(z, rel=1e-6)
    assert found["x"] == pytest.approx(x, rel=1e-6)


def test_warm_up_by_hand() -> None:
    """Over four steps: optax's starts at 0, where nothing moves, Keras's at a quarter."""
    found = _walk(schedule_free_sgd(1.0, warmup_steps=4), 6)
    np.testing.assert_allclose(found["z"], [0, 0.5, 1.5, 3, 5, 7], rtol=1e-6)
    for like, rates in (("optax", [0, 0.25, 0.5]), ("keras", [0.25, 0.5, 0.75])):
        optimizer = schedule_free_adamw(1.0, warmup_steps=4, like=like)  # pyright: ignore
        np.testing.assert_allclose(_walk(optimizer, 3)["z"], np.cumsum(rates), rtol=1e-6)


@pytest.mark.parametrize("like", ["optax", "keras"])
def test_a_rate_of_zero_moves_nothing(like: Any) -> None:
    """Though the weights of all steps are 0, and their share in the average is 0 / 0."""
    found = _walk(schedule_free_adamw(0.0, weight_decay=0.1, like=like), 2, w=1.0)
    assert found == {"y": [1, 1], "z": [1, 1], "x": [1, 1]}


def test_evaluated_parameters_keep_their_dtype_and_the_state_its_own() -> None:
    w = {"w": jnp.ones(2, jnp.bfloat16)}
    optimizer: Any = schedule_free_sgd(0.5)
    updates, state = optimizer.update(w, optimizer.init(w), w)
    assert updates["w"].dtype == schedule_free_eval_params(state, w)["w"].dtype == jnp.bfloat16
    assert state.z["w"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedule_free_sgd(1.0, b1=0.0), r"expected b1 finite and in \(0, 1\], got"),
        (lambda: schedule_free(sgd(1.0), 1.0, b1=0.0), r"expected b1 finite and in \(0, 1\]"),
        (lambda: schedule_free(sgd(1.0), -1.0), "expected learning_rate finite and in "),
        (lambda: schedule_free_sgd(1.0, warmup_steps=0), "expected warmup_steps "),
        (
            lambda: schedule_free_adamw(1.0, weight_decay=-1.0, like="keras"),
            "expected weight_decay finite and in",
        ),
    ],
    ids=["b1", "wrapper's b1", "rate", "warm-up", "decay"],
)
def test_numbers_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_needs_the_parameters() -> None:
    optimizer = schedule_free(sgd(1.0), 1.0)
    with pytest.raises(ValueError, match=r"^expected params to be given"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
