"""Output heads: responses and decisions worked by hand, errors."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import dense, serial
from jaxnet.networks.heads import (
    HEADS,
    binary,
    bounded_regression,
    bounded_sigmoid,
    get_head,
    multiclass,
    regression,
)
from tests.cases import LayerCase, random_like
from tests.comparison import assert_trees_close
from tests.law import assert_law, draw


def answers(head: Any, outputs: Any) -> tuple[jax.Array, jax.Array]:
    """Return a head's responses and decisions, computed as one program."""
    return jax.jit(lambda outputs: (head.respond(outputs), head.decide(outputs)))(outputs)


def test_binary_worked_by_hand(dtype: np.dtype) -> None:
    # sigmoid(log 3) = 1 / (1 + 1/3) = 3/4
    logits = jnp.array([[-np.log(3)], [0], [np.log(3)]], dtype)
    head = binary()
    responses, decisions = answers(head, logits)
    assert_trees_close(responses, np.array([1 / 4, 1 / 2, 3 / 4], dtype))
    assert decisions.tolist() == [0, 1, 1]
    assert (head.loss, head.metrics) == ("sigmoid_binary_cross_entropy", ("binary_accuracy",))


def test_binary_decides_by_the_probability(dtype: np.dtype) -> None:
    responses, decisions = answers(binary(), np.linspace(-3, 3, 100, dtype=dtype)[:, None])
    assert decisions.tolist() == (np.asarray(responses) >= 0.5).astype(int).tolist()


def test_multiclass_worked_by_hand(dtype: np.dtype) -> None:
    # e^z = (1, 2, 5): the distribution (1, 2, 5) / 8
    logits = np.log(np.array([[1, 2, 5], [3, 3, 2]], dtype))
    head = multiclass()
    responses, decisions = answers(head, logits)
    assert_trees_close(responses, np.array([[1, 2, 5], [3, 3, 2]], dtype) / 8)
    assert decisions.tolist() == [2, 0]  # the first of two equal ones
    assert (head.loss, head.metrics) == ("softmax_cross_entropy", ("accuracy",))


def test_two_classes_are_a_binary_head_of_the_difference(dtype: np.dtype) -> None:
    logits = np.asarray(random_like(jnp.zeros((20, 2), dtype)))
    of_two, decisions = answers(multiclass(), logits)
    of_one, others = answers(binary(), logits[:, 1:] - logits[:, :1])
    assert_trees_close(np.asarray(of_two)[:, 1], of_one)
    assert decisions.tolist() == others.tolist()


def test_labels_are_32_bit_integers_in_either_precision(dtype: np.dtype) -> None:
    outputs = jnp.zeros((2, 1), dtype)
    assert binary().decide(outputs).dtype == multiclass().decide(outputs).dtype == jnp.int32


@pytest.mark.parametrize("head", [regression(), bounded_regression(-2, 5)], ids=lambda h: h.name)
def test_regression_returns_values_unchanged(head: Any) -> None:
    outputs = jnp.array([[1.5, 2.5]])
    assert head.respond(outputs) is head.decide(outputs) is outputs
    assert (head.loss, head.metrics) == ("squared_error", ())


def test_the_lectures_bounded_output(dtype: np.dtype) -> None:
    # lecture 000: 7 sigmoid(z) - 2; at z = log 3 that is 7 * 3/4 - 2 = 3.25, with the slope
    # 7 * 3/4 * 1/4 = 21/16
    layer = bounded_regression(-2, 5).layer
    z = jnp.array([[-np.log(3), 0, np.log(3), -1e4, 1e4]], dtype)

    @jax.jit
    def both(z: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, kept, _ = layer.forward((), (), z, key=None, training=True)
        return y, layer.backward((), kept, dy)[1]

    y, dz = both(z, jnp.array([[1, 1, 2, 1, 1]], dtype))
    assert_trees_close(y, np.array([[-0.25, 1.5, 3.25, -2, 5]], dtype))
    assert_trees_close(dz, np.array([[21 / 16, 7 / 4, 21 / 8, 0, 0]], dtype))


@pytest.mark.parametrize(("low", "high"), [(-2, 5), (0.0, 1.0), (1e3, 1e3 + 1)])
def test_bounded_outputs_keep_the_law(low: float, high: float, dtype: np.dtype) -> None:
    case = LayerCase("bounded", serial(dense(2), bounded_regression(low, high).layer), (3,))
    params, statistics, x = draw(case)
    assert_law(case.layer, params, statistics, x)
    y = np.asarray(jax.jit(case.layer.apply)(params, statistics, x)[0])
    assert np.all((y >= low) & (y <= high))
    assert y.dtype == dtype


def test_the_bounds_can_be_swept_over(dtype: np.dtype) -> None:
    def middle(low: jax.Array, high: jax.Array) -> jax.Array:
        layer = bounded_regression(low, high).layer
        return layer.apply((), (), jnp.zeros((1, 1), dtype))[0][0, 0]

    lows, highs = jnp.array([0, -2], dtype), jnp.array([1, 5], dtype)
    assert_trees_close(jax.jit(jax.vmap(middle))(lows, highs), np.array([0.5, 1.5], dtype))
    slope = jax.jit(jax.grad(middle, argnums=(0, 1)))(*np.array([0, 1], dtype))
    assert_trees_close(slope, (np.array(0.5, dtype), np.array(0.5, dtype)))


def test_bounds_are_described() -> None:
    description = bounded_regression(-2, 5).layer.description
    expected = {"function": "bounded_sigmoid", "low": -2, "high": 5}
    assert (description.kind, dict(description.settings)) == ("activation", expected)


def test_bounded_sigmoid_is_the_sigmoid_between_0_and_1(dtype: np.dtype) -> None:
    z = random_like(jnp.zeros((5,), dtype))
    assert_trees_close(bounded_sigmoid(0, 1).function(z), jax.nn.sigmoid(z))


@pytest.mark.parametrize("name", HEADS)
def test_heads_by_name(name: str) -> None:
    settings = {"low": -2, "high": 5} if name == "bounded_regression" else {}
    assert get_head(name, **settings).name == name


def test_unknown_head() -> None:
    message = (
        "expected name to be one of binary, bounded_regression, multiclass, "
        "regression, got 'multi_class'. Did you mean 'multiclass'?"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get_head("multi_class")


@pytest.mark.parametrize("shape", [(4,), (4, 2), ()])
@pytest.mark.parametrize("what", ["respond", "decide"])
def test_binary_of_other_than_one_logit(shape: tuple[int, ...], what: str) -> None:
    message = (
        f"expected outputs of shape (..., 1), got {shape}. End the network with one "
        "output, or take the multiclass head."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(binary(), what)(jnp.ones(shape))


@pytest.mark.parametrize("high", [5, 4.9, float("inf"), float("nan")])
def test_bounds_in_the_wrong_order(high: float) -> None:
    message = f"expected high finite and in (5, inf), got {high}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        bounded_regression(5, high)


def test_a_lower_bound_that_is_none() -> None:
    message = r"^expected low finite and in \(-inf, inf\), got -inf\."
    with pytest.raises(ValueError, match=message):
        bounded_regression(-float("inf"), 0)
