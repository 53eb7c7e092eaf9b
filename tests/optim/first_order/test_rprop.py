"""Rprop: the golden sequence in each variant, signs, limits, and why mini-batches mislead it."""

from typing import Any

import jax.numpy as jnp
import pytest

from jaxnet.optim import rprop, sgd
from tests.optim.first_order.updates import updates_of

VARIANTS = ("minus", "improved_minus", "plus")

GOLDEN = {
    "minus": [-0.010, -0.012, -0.0144, 0.0072, 0.00864, 0.010368],
    "improved_minus": [-0.010, -0.012, -0.0144, 0.0, 0.0072, 0.00864],
    "plus": [-0.010, -0.012, -0.0144, 0.0144, 0.0072, 0.00864],
}
"""Variant -> updates under gradients of the signs + + + - - -, from a step size of .01."""

SIGNS = [3.0, 0.1, 20.0, -0.5, -7.0, -1.0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_sequence(variant: Any) -> None:
    found = updates_of(rprop(0.01, variant=variant), SIGNS)
    assert found == pytest.approx(GOLDEN[variant], rel=1e-6)


@pytest.mark.parametrize(
    ("like", "variant"),
    [("optax", "improved_minus"), ("torch", "improved_minus"), ("lecture", "minus")],
)
def test_variant_of_each_convention(like: Any, variant: Any) -> None:
    assert updates_of(rprop(0.01, like=like), SIGNS) == pytest.approx(GOLDEN[variant], rel=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_mini_batches_mislead_it(variant: Any) -> None:
    """Their gradients add up to -.2, so the weight should rise, as descent lets it; it falls."""
    batches = [0.1, 0.1, 0.1, -0.5]
    assert sum(updates_of(sgd(0.01), batches)) == pytest.approx(0.002)
    assert sum(updates_of(rprop(0.01, variant=variant), batches)) < -0.02


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_signs_count_however_small_the_gradients(variant: Any) -> None:
    """In float32 the product of two of the gradients would be 0."""
    tiny = [1e-30 * g for g in SIGNS]
    optimizer = rprop(0.01, variant=variant)
    assert updates_of(optimizer, tiny) == updates_of(optimizer, SIGNS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_gradient_of_0_neither_moves_nor_adapts(variant: Any) -> None:
    found = updates_of(rprop(0.01, variant=variant), [1, 1, 0, -1, -1])
    assert found == pytest.approx([-0.01, -0.012, 0.0, 0.012, 0.0144], rel=1e-6)


def test_step_sizes_stay_in_their_range() -> None:
    bounds = {"min_step_size": 0.4, "max_step_size": 1.5, "variant": "minus"}
    found = updates_of(rprop(1.0, **bounds), [1, 1, 1, 1, -1, 1, -1])
    assert found == pytest.approx([-1.0, -1.2, -1.44, -1.5, 0.75, -0.4, 0.4], rel=1e-6)
    assert updates_of(rprop(2.0, **bounds, like="torch"), [1, 1]) == [-1.5, -1.5]
    assert updates_of(rprop(2.0, **bounds), [1, 1]) == [-2.0, -1.5]  # clipped when it changes


def test_only_the_first_value_of_a_schedule_counts() -> None:
    scheduled = rprop(lambda count: jnp.where(count == 0, 0.01, 9.0))
    assert updates_of(scheduled, SIGNS) == updates_of(rprop(0.01), SIGNS)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"eta_minus": 1.0},
            "eta_minus finite and in (0, 1), got 1.0.",
        ),
        (
            {"eta_plus": 0.9},
            "eta_plus finite and in [1, inf), got 0.9.",
        ),
        (
            {"min_step_size": 0.5, "max_step_size": 0.1},
            "max_step_size finite and in [0.5, inf), got 0.1.",
        ),
        (
            {"variant": "improved_plus"},
            "variant to be one of improved_minus, minus, plus, got 'improved_plus'. "
            "Did you mean 'improved_minus'?",
        ),
        (
            {"like": "keras"},
            "like to be one of lecture, optax, torch, got 'keras'.",
        ),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        rprop(0.01, **options)
    assert str(error.value) == f"expected {message}"
