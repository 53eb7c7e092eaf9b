"""The gradient check at kinks, where central differences are not derivatives."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import jaxnet
from jaxnet.core.types import Array, Layer
from jaxnet.inspection import GradientCheck, check_gradients
from jaxnet.layers import activation, dense, maxout, serial

HIDDEN = (5, 7, 4, 3)
LABELS = (0, 1, 2, 0, 0, 1)  # as many of each would cancel where all images are blank


def check(network: Layer, *, blank: int = 1, **options: Any) -> GradientCheck:
    """Check a network whose biases are 0, with some blank images in a batch of six."""
    params, statistics = network.init(jax.random.key(0), (5,))
    x = jax.random.normal(jax.random.key(1), (6, 5), jnp.result_type(float))
    return check_gradients(
        network, params, statistics, x.at[:blank].set(0.0), jnp.array(LABELS), **options
    )


@jax.custom_vjp
def scale_gradient(values: Array, factor: Array) -> Array:
    return values


scale_gradient.defvjp(lambda v, factor: (v, factor), lambda factor, dy: (factor * dy, None))


def wrong_in(network: Layer, leaf: int, factor: float = 1.001) -> Layer:
    """Return a network whose gradient of one leaf is wrong, by hand as by autodiff."""

    def scaled(params: Any, scale: Callable[[Array], Array]) -> Any:
        leaves, structure = jax.tree.flatten(params)
        leaves[leaf] = scale(leaves[leaf])
        return jax.tree.unflatten(structure, leaves)

    def apply(params: Any, *args: Any, **options: Any) -> Any:
        moved = scaled(params, lambda v: scale_gradient(v, jnp.asarray(factor, v.dtype)))
        return network.apply(moved, *args, **options)

    def backward(params: Any, kept: Any, dy: Array) -> Any:
        dparams, dx = network.backward(params, kept, dy)
        return scaled(dparams, lambda v: v * factor), dx

    return network._replace(apply=apply, backward=backward)


@pytest.mark.parametrize("blank", [1, 6])
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "selu", "sign", "step"])
def test_a_blank_image_and_biases_of_zero(name: str, blank: int) -> None:
    result = check(jaxnet.mlp(HIDDEN, activation=name), blank=blank)
    assert result.agrees, result
    assert result.kinks == sum(row.kinks for row in result.rows) > 0
    assert next(row.kinks for row in result.rows if row.leaf == "0.bias") > 0
    assert "at a kink" in str(result)


def test_no_kink_is_reported_where_there_is_none() -> None:
    assert check(jaxnet.mlp(HIDDEN, activation="elu")).kinks == 0  # ELU' is continuous
    assert check(jaxnet.mlp(HIDDEN, activation="relu"), blank=0).kinks == 0
    result = check(wrong_in(jaxnet.mlp(HIDDEN, activation="tanh"), 0))
    assert not result.agrees
    assert result.kinks == 0


def test_units_that_tie() -> None:
    network = serial(dense(4), maxout(3, 2))
    params, statistics = network.init(jax.random.key(0), (5,))
    params = jax.tree.map(jnp.zeros_like, params)
    x = jax.random.normal(jax.random.key(1), (6, 5), jnp.result_type(float))
    result = check_gradients(network, params, statistics, x, jnp.array(LABELS))
    assert result.agrees, result


def test_a_clip_at_its_edge() -> None:
    result = check(serial(dense(4), activation(lambda z: jnp.clip(z, 0.0, 1.0)), dense(3)))
    assert result.agrees, result


@pytest.mark.parametrize("name", ["absolute_error", "hinge", "huber", "minkowski_error"])
def test_losses_at_their_kink(name: str) -> None:
    network = jaxnet.mlp(HIDDEN, activation="tanh")
    params, statistics = network.init(jax.random.key(0), (5,))
    x = jax.random.normal(jax.random.key(1), (6, 5), jnp.result_type(float))
    # targets that the outputs meet but for rounding: the sign of an error is by chance
    outputs = jax.jit(lambda p, x: network.apply(p, statistics, x, key=None, training=True)[0])
    targets = outputs(params, x)
    if name == "huber":
        targets = targets + 1.0
    if name == "hinge":  # margin 1 of a single output
        last = params[-1]._replace(bias=jnp.ones_like(params[-1].bias))
        params = (*params[:-1], last._replace(weights=jnp.zeros_like(last.weights)))
        targets = jnp.ones_like(targets)
    result = check_gradients(network, params, statistics, x, targets, loss=name)
    assert result.agrees, result


# where all images are blank, weights have the gradient 0, of which a thousandth is 0
@pytest.mark.parametrize(("leaf", "blank"), [*((i, 1) for i in range(6)), (1, 6), (3, 6), (5, 6)])
def test_a_leaf_wrong_by_a_thousandth_is_found_among_kinks(leaf: int, blank: int) -> None:
    network = jaxnet.mlp(HIDDEN, activation="leaky_relu")
    result = check(wrong_in(network, leaf), blank=blank)
    assert [i for i, row in enumerate(result.rows) if not row.agrees] == [leaf], result


@pytest.mark.parametrize("slope", [0.0, 0.999])
def test_a_rule_wrong_on_one_side_of_the_kink_only(slope: float) -> None:
    @jax.custom_vjp
    def kinked(z: Array) -> Array:
        return jnp.where(z > 0, z, slope * z)

    def backward(z: Array, dy: Array) -> tuple[Array]:
        return (jnp.where(z > 0, 1.001, slope) * dy,)

    kinked.defvjp(lambda z: (kinked(z), z), backward)
    result = check(serial(dense(4), activation(kinked), dense(3)), blank=6)
    assert not result.agrees
    assert not next(row.agrees for row in result.rows if row.leaf == "0.bias"), result


def test_a_smooth_function_with_a_wrong_derivative_at_one_point() -> None:
    def g(z: Array) -> Array:  # (exp(z) - 1) / z: its derivative at 0 is 1/2, autodiff's is 0
        safe = jnp.where(z == 0, 1.0, z)
        return jnp.where(z == 0, 1.0, jnp.expm1(safe) / safe)

    result = check(serial(dense(4), activation(g), dense(3)))
    assert [row.leaf for row in result.rows if not row.agrees] == ["0.bias", "x"]


@pytest.mark.parametrize("narrow", ["float16", "bfloat16"])
def test_narrow_parameters_are_differenced_in_float64_alone(narrow: str) -> None:
    network = jaxnet.mlp(HIDDEN, activation="relu")
    for leaf, agrees in ((None, True), (1, False)):
        tried = network if leaf is None else wrong_in(network, leaf)
        params, statistics = tried.init(jax.random.key(0), (5,))
        params = jax.tree.map(lambda leaf: leaf.astype(narrow), params)
        x = jax.random.normal(jax.random.key(1), (6, 5), narrow)
        result = check_gradients(tried, params, statistics, x, jnp.array(LABELS))
        assert result.agrees == agrees, result
        assert max(row.difference_error or 0.0 for row in result.rows) < (1e-6 if agrees else 2e-3)
