"""Gradients of all losses: by hand, autodiff and differences."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.types import Array
from jaxnet.functions.losses import LOSSES as TABLE
from jaxnet.functions.losses import as_loss, get_loss, huber, softmax_cross_entropy
from tests.comparison import Tolerance, assert_trees_close
from tests.loss_cases import (
    EXAMPLES,
    LOSSES,
    LossCase,
    compiled,
    differences,
    draw_loss,
    evaluate_loss,
    over_losses,
)

# Central differences with steps h = 1e-6: their truncation is of the order h^2 and their rounding
# of the order eps L / h = 2e-9 for summed losses L of 10; measured 4.4e-9 of the norm at worst.
DIFFERENCES = Tolerance(rtol=1e-8, floor=1e-8)


@over_losses
def test_backward_is_the_gradient_by_autodiff(case: LossCase, dtype: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    assert outputs.dtype == dtype
    _, by_hand, by_autodiff = compiled(case.id)(outputs, targets)
    assert_trees_close(by_hand, by_autodiff)
    if case.name != "zero_one":  # whose gradient is 0
        with pytest.raises(AssertionError, match="error"):
            assert_trees_close(np.asarray(by_hand) * by_hand.dtype.type(1.001), by_autodiff)


@over_losses
def test_backward_is_the_gradient_by_differences(case: LossCase, float64: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    assert outputs.dtype == float64
    by_differences = differences(case.loss.function, outputs, targets, step=1e-6)
    by_hand = compiled(case.id)(outputs, targets).by_hand
    assert_trees_close(by_hand, by_differences, tolerance=DIFFERENCES)
    if case.name != "zero_one":  # whose gradient is 0
        with pytest.raises(AssertionError, match="error"):
            assert_trees_close(1.001 * np.asarray(by_hand), by_differences, tolerance=DIFFERENCES)


# loss, options, outputs, targets, the subgradient chosen there
KINKS = [
    ("absolute_error", {}, [0.5, 1.0], [0.5, 0.0], [0.0, 1.0]),
    ("minkowski_error", {}, [0.5, 1.0], [0.5, 0.0], [0.0, 1.5]),
    ("minkowski_error", {"exponent": 1.0}, [0.5, 1.0], [0.5, 0.0], [0.0, 1.0]),
    ("huber", {"delta": 2.0}, [2.0, -2.0, 0.0], [0.0, 0.0, 0.0], [2.0, -2.0, 0.0]),
    ("log_cosh", {}, [0.0, 1.0, -1.0], [0.0, 0.0, 0.0], np.tanh([0.0, 1.0, -1.0])),
    ("hinge", {}, [1.0, -1.0, 0.0], [1, -1, 1], [0.0, 0.0, -1.0]),
    ("squared_hinge", {}, [1.0, -1.0, 0.0], [1, -1, 1], [0.0, 0.0, -2.0]),
    ("perceptron", {}, [0.0, 0.0, 1.0], [1, -1, 1], [-1.0, 1.0, 0.0]),
    ("zero_one", {}, [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]),
    ("sigmoid_binary_cross_entropy", {}, [0.0, 0.0], [1, 0], [-0.5, 0.5]),
    # clipped: the gradient is 0 where a certainty is wrong
    ("binary_cross_entropy", {}, [0.0, 1.0, 0.0, 1.0], [1, 0, 0, 1], [0.0, 0.0, 1.0, -1.0]),
    ("binary_cross_entropy", {}, [0.0, 1.0], [0.5, 0.5], [0.5, -0.5]),
    ("categorical_cross_entropy", {}, [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]),
    ("categorical_cross_entropy", {}, [0.0, 1.0], [0.0, 1.0], [0.0, -1.0]),
    ("kl_divergence", {}, [0.0, 1.0], [0.5, 0.5], [0.0, -0.5]),
    ("kl_divergence", {}, [0.5, 0.5], [0.0, 1.0], [0.0, -2.0]),
]


@pytest.mark.parametrize(("name", "options", "outputs", "targets", "expected"), KINKS)
def test_the_subgradient_at_kinks_and_clips(
    name: str, options: dict[str, Any], outputs: list, targets: list, expected: Any, dtype: np.dtype
) -> None:
    loss, y, v = get_loss(name, **options), jnp.array(outputs, dtype), jnp.array(targets)
    _, by_hand, by_autodiff = jax.jit(lambda y, v: evaluate_loss(loss, y, v))(y, v)
    assert_trees_close(by_hand, np.array(expected, dtype))
    assert_trees_close(by_autodiff, np.array(expected, dtype))


@over_losses
def test_extremes_stay_finite(case: LossCase, dtype: np.dtype) -> None:
    _, targets = draw_loss(case)
    edges = {"scores": [1e4, -1e4, 0.0], "probabilities": [0.0, 1.0], "distributions": [0.0, 1.0]}
    shape = (EXAMPLES, case.entries)
    outputs = jnp.asarray(np.resize(edges[case.outputs], shape), dtype)
    evaluation = compiled(case.id)(outputs, targets)
    assert all(np.isfinite(leaf).all() for leaf in evaluation)
    assert_trees_close(evaluation.by_hand, evaluation.by_autodiff)


@over_losses
def test_every_loss_is_one_value_an_example(case: LossCase, dtype: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    losses, by_hand, _ = compiled(case.id)(outputs, targets)
    assert losses.shape == (EXAMPLES,)
    assert losses.dtype == dtype
    assert by_hand.shape == outputs.shape
    # an example does not see the others
    reversed_rows = np.asarray(outputs)[::-1], np.asarray(targets)[::-1]
    others, others_by_hand, _ = map(np.asarray, compiled(case.id)(*reversed_rows))
    assert_trees_close((others[::-1], others_by_hand[::-1]), (losses, by_hand))


@over_losses
def test_dimensions_before_the_entries_vmap_and_traced_options(
    case: LossCase, float64: np.dtype
) -> None:
    outputs, targets = draw_loss(case)
    options = {name: jnp.array(value) for name, value in case.options.items()}

    def both(y: Array, v: Array, options: dict[str, Array]) -> tuple[Array, Array]:
        loss = get_loss(case.name, **options)
        return loss.function(y, v), loss.backward(y, v)

    # two numbers of examples are left when vmap has taken its own
    y = np.asarray(outputs).reshape(2, 3, 1, -1)
    v = np.asarray(targets).reshape(2, 3, 1, *targets.shape[1:])
    losses, by_hand = jax.jit(jax.vmap(both, in_axes=(0, 0, None)))(y, v, options)
    assert losses.shape == (2, 3, 1)
    expected = compiled(case.id)(outputs, targets)
    assert_trees_close(np.asarray(losses).reshape(-1), expected.losses)
    assert_trees_close(np.asarray(by_hand).reshape(outputs.shape), expected.by_hand)
    assert y.dtype == float64


@over_losses
def test_outputs_that_are_nan_are_not_hidden(case: LossCase, dtype: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    spoiled = np.array(outputs)
    spoiled[1] = np.nan
    losses = np.asarray(compiled(case.id)(spoiled, targets).losses)
    if case.name == "zero_one":  # an indicator: NaN of one output is wrong
        assert case.entries > 1 or losses[1] == 1
    else:
        assert np.isnan(losses[1])
    assert losses.dtype == dtype


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id) for case in LOSSES if case.name != "zero_one"]
)
def test_losses_are_convex_and_not_negative(case: LossCase, float64: np.dtype) -> None:
    y, v = map(np.asarray, draw_loss(case))
    assert y.dtype == float64
    for seed in range(1, 10):
        z = np.asarray(draw_loss(case, seed=seed)[0])
        at_y, at_z = (jax.tree.map(np.asarray, compiled(case.id)(at, v)) for at in (y, z))
        chord = 0.25 * at_y.losses + 0.75 * at_z.losses
        between = compiled(case.id)(0.25 * y + 0.75 * z, v).losses
        assert np.asarray(between - chord).max() <= 1e-12
        tangent = at_y.losses + np.sum(at_y.by_hand * (z - y), axis=-1)
        assert np.asarray(tangent - at_z.losses).max() <= 1e-12
        assert np.asarray(at_z.losses).min() >= 0


def test_every_loss_has_a_case() -> None:
    assert {case.name for case in LOSSES} == set(TABLE)
    assert all(TABLE[name].__name__ == name for name in TABLE)


def test_names_and_functions_find_their_gradient() -> None:
    assert as_loss("huber") == as_loss(huber) == get_loss("huber") == as_loss(get_loss("huber"))
    pair = get_loss("huber", delta=0.5)
    assert as_loss(pair) is pair
    assert get_loss("huber").function is TABLE["huber"]


def test_custom_functions_use_autodiff(dtype: np.dtype) -> None:
    def quartic(outputs: Array, targets: Array) -> Array:
        return jnp.sum((outputs - targets) ** 4, axis=-1)

    loss = as_loss(quartic)
    y, v = jnp.array([[1.0, 2.0], [0.0, -1.0]], dtype), np.zeros((2, 2), dtype)
    assert_trees_close(loss.backward(y, v), np.array([[4.0, 32.0], [0.0, -4.0]], dtype))
    assert loss.function is quartic


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "hubert",
            {},
            r"expected name to be one of absolute_error, .*, zero_one, got 'hubert'\. D",
        ),
        (
            "huber",
            {"detla": 1.0},
            r"^expected options of huber to be among delta, got 'detla'\. "
            r"Did you mean 'delta'\?$",
        ),
        (
            "hinge",
            {"margin": 1.0},
            r"^expected options of hinge to be none, got 'margin'\. Leave it out\.$",
        ),
    ],
)
def test_unknown_names_and_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get_loss(name, **options)


def test_smoothing_is_traced_without_another_compilation(float64: np.dtype) -> None:
    y, v = jnp.array([[1.0, 2.0, 0.0]]), jnp.array([1])
    traces = []

    @jax.jit
    def loss(smoothing: Array) -> Array:
        traces.append(smoothing)
        return softmax_cross_entropy(y, v, label_smoothing=smoothing).sum()

    slope = jax.grad(loss)(0.1), loss(0.1), loss(0.3)
    # linear in the smoothing
    assert_trees_close((slope[2] - slope[1]) / 0.2, slope[0])
    assert len(traces) <= 2
    assert y.dtype == float64
