"""The multilayer perceptron: its parts, its messages, and flax's with the same weights."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import count_parameters
from jaxnet.functions.losses import softmax_cross_entropy
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.law import draw


@pytest.mark.parametrize(
    ("widths", "parameters"),
    [
        ((784, 100, 100, 10), 89_610),  # lectures 001 and 004
        ((3, 4, 2), 26),  # lecture 003: (3 + 1) 4 + (4 + 1) 2
        ((5, 7, 4, 3), 89),  # lecture 002's net: 6 * 7 + 8 * 4 + 5 * 3
        ((1, 1), 2),
    ],
)
def test_parameter_count(widths: tuple[int, ...], parameters: int) -> None:
    network = jaxnet.mlp(widths)
    params, statistics = jax.eval_shape(
        lambda key: network.init(key, widths[:1]), jax.random.key(0)
    )
    assert count_parameters(params) == parameters
    assert not jax.tree.leaves(statistics)
    assert network.out_shape(widths[:1]) == widths[-1:]


def test_layers_start_from_their_own_keys(dtype: np.dtype) -> None:
    params, _ = jaxnet.mlp((4, 4, 4)).init(jax.random.key(0), (4,))
    first, last = params[0], params[2]
    assert first.weights.dtype == last.bias.dtype == dtype
    assert not np.allclose(first.weights, last.weights)
    np.testing.assert_array_equal(first.bias, np.zeros(4))


def test_the_dtype_can_be_chosen(float64: np.dtype) -> None:
    network = jaxnet.mlp((2, 3, 2), dtype=jnp.float32, input_scale=1.0)
    params, statistics = network.init(jax.random.key(0), (2,))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype("float32")}
    assert network.apply(params, statistics, jnp.ones((1, 2), float64))[0].dtype == jnp.float32


def test_pixels_are_scaled_inside_the_network(dtype: np.dtype) -> None:
    scaled, plain = jaxnet.mlp((3, 4, 2), input_scale=1 / 255), jaxnet.mlp((3, 4, 2))
    params, statistics, _ = draw(LayerCase("plain", plain, (3,)))
    pixels = jnp.array([[0, 128, 255]], jnp.uint8)
    y = scaled.apply(((), *params), ((), *statistics), pixels)[0]
    expected = plain.apply(params, statistics, jnp.array([[0, 128 / 255, 1]], dtype))[0]
    assert_trees_close(y, expected)


def test_examples_of_a_batch_do_not_see_each_other(dtype: np.dtype) -> None:
    case = LayerCase("mlp", jaxnet.mlp((5, 7, 3)), (5,), 3)
    params, statistics, x = draw(case)
    assert x.dtype == dtype
    together = case.layer.apply(params, statistics, x)[0]
    for i in range(3):
        alone = case.layer.apply(params, statistics, x[i : i + 1])[0]
        assert_trees_close(together[i : i + 1], alone)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_outputs_and_gradients_equal_flax(name: str, dtype: np.dtype) -> None:
    linen = pytest.importorskip("flax.linen")
    widths, labels = (5, 7, 4, 3), jnp.array([0, 2, 1, 1])
    case = LayerCase("mlp", jaxnet.mlp(widths, activation=name), (5,))
    params, statistics, x = draw(case)
    function = getattr(jax.nn, name)
    layers: list[Any] = [linen.Dense(widths[1], param_dtype=dtype)]
    for width in widths[2:]:
        layers += [function, linen.Dense(width, param_dtype=dtype)]
    peer = linen.Sequential(layers)

    def ours(params: Any, x: jax.Array) -> Any:
        y = case.layer.apply(params, statistics, x)[0]
        return softmax_cross_entropy(y, labels).mean(), y

    def theirs(params: Any, x: jax.Array) -> Any:
        y = peer.apply(_to_flax(params), x)
        return softmax_cross_entropy(y, labels).mean(), y

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = jax.jit(jax.grad(theirs, argnums=(0, 1), has_aux=True))(params, x)
    assert_trees_close(jax.jit(jax.grad(ours, argnums=(0, 1), has_aux=True))(params, x), expected)


def _to_flax(params: Any) -> dict[str, Any]:
    """Hang our parameters, (out, in), into the tree of a linen Sequential, (in, out)."""
    return {
        "params": {
            f"layers_{i}": {"kernel": layer.weights.T, "bias": layer.bias}
            for i, layer in enumerate(params)
            if layer
        }
    }


@pytest.mark.parametrize("widths", [(), (3,)])
def test_too_few_widths(widths: tuple[int, ...]) -> None:
    message = r"expected widths to hold 2 or more, got \(.*\)\."
    with pytest.raises(ValueError, match=message):
        jaxnet.mlp(widths)


def test_a_width_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"expected each of widths >= 1, got 0\."):
        jaxnet.mlp((3, 0, 2))


def test_unknown_activation() -> None:
    message = r"expected activation to be one of elu, .*, tanh, got 'rellu'\. Did you mean 'relu'\?"
    with pytest.raises(ValueError, match=message):
        jaxnet.mlp((3, 4, 2), activation="rellu")


def test_unknown_initializer() -> None:
    message = (
        r"expected initializer to be one of constant, .*, zeros, "
        r"got 'hee_normal'\. Did you mean 'he_normal'\?"
    )
    with pytest.raises(ValueError, match=message):
        jaxnet.mlp((3, 4, 2), initializer="hee_normal")


@pytest.mark.parametrize("in_shape", [(4,), (28, 28), ()])
def test_an_input_that_does_not_fit(in_shape: tuple[int, ...]) -> None:
    advice = "The first width of a network is" if len(in_shape) == 1 else "Flatten each example"
    message = rf"expected in_shape to be \(3,\), got \(.*\)\. {advice}"
    network = jaxnet.mlp((3, 4, 2))
    with pytest.raises(ValueError, match=message):
        network.out_shape(in_shape)
    with pytest.raises(ValueError, match=message):
        network.init(jax.random.key(0), in_shape)
