"""Layers of one's own: what autodiff supplies, what check_layer finds, what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.inspection import check_layer
from jaxnet.layers import activation, dense, layer, parallel, residual, serial, shared
from tests.comparison import assert_trees_close
from tests.law import assert_law


def affine(p: Any, x: jax.Array) -> jax.Array:
    return jnp.sinh(p["scale"][None] * x) + p["shift"][None]


def start(key: Any, in_shape: tuple[int, ...]) -> Any:
    return {"scale": 1 + 0.1 * jax.random.normal(key, in_shape), "shift": jnp.ones(in_shape)}


def gradient(p: Any, x: jax.Array, dy: jax.Array) -> Any:
    scale = p["scale"][None]
    inner = dy * jnp.cosh(scale * x)
    return {"scale": (inner * x).sum(axis=0), "shift": dy.sum(axis=0)}, inner * scale


def wrong(p: Any, x: jax.Array, dy: jax.Array) -> Any:
    dparams, dx = gradient(p, x, dy)
    return dparams | {"scale": 1.001 * dparams["scale"]}, dx


KEY = jax.random.key(0)


@pytest.mark.parametrize("backward", [None, gradient], ids=["autodiff", "by hand"])
def test_the_law(backward: Any, dtype: np.dtype) -> None:
    own = serial(dense(4), layer(start, affine, backward=backward), dense(2))
    params, statistics = own.init(KEY, (3,))
    assert own.out_shape((3,)) == (2,)
    assert_law(own, params, statistics, jax.random.normal(KEY, (5, 3), dtype))


def test_one_call_checks_it(dtype: np.dtype) -> None:
    right, off = (layer(start, affine, backward=rule) for rule in (gradient, wrong))
    assert check_layer(right, (3, 2), key=KEY).agrees
    rows = check_layer(off, (3, 2), key=KEY).rows
    assert [row.leaf for row in rows if not row.agrees] == ["scale"]
    assert check_layer(layer(start, affine), (3, 2), key=KEY).agrees
    gain = layer(lambda key, shape: jnp.ones(shape), lambda p, x: p[None] * x)
    assert [row.leaf for row in check_layer(gain, (3,), key=KEY).rows] == ["params", "x"]


def test_it_costs_what_autodiff_costs() -> None:
    own = layer(start, affine)
    params, x, dy = start(KEY, (8,)), jnp.ones((16, 8)), jnp.ones((16, 8))

    def by_layer(params: Any, x: jax.Array, dy: jax.Array) -> Any:
        y, kept, _ = own.forward(params, (), x, key=None, training=True)
        return y, own.backward(params, kept, dy)

    def by_autodiff(params: Any, x: jax.Array, dy: jax.Array) -> Any:
        y, pullback = jax.vjp(affine, params, x)
        return y, pullback(dy)

    both = [jax.jit(f).lower(params, x, dy).compile() for f in (by_layer, by_autodiff)]
    costs: list[Any] = [program.cost_analysis() for program in both]
    assert costs[0]["flops"] == costs[1]["flops"] > 0
    assert_trees_close(*(program(params, x, dy) for program in both))


def test_equal_functions_are_one_layer() -> None:
    assert layer(start, affine) is layer(start, affine)
    assert repr(layer(start, affine)) == "layer('affine')"


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda p, x: x.sum(), r"expected apply to return a row an example, .* got \(\)"),
        (lambda p, x: (x, x), "expected apply to return an array of floating.* got tuple"),
        (lambda p, x: x > 0, "expected apply to return an array of floating.* got bool"),
        (lambda p, x: x @ jnp.ones((4, 2)), r"expected in_shape that apply takes, got \(3,\): dot"),
    ],
)
def test_outputs_that_do_not_fit(apply: Any, message: str) -> None:
    own = serial(layer(lambda key, shape: (), apply), dense(2))
    with pytest.raises((ValueError, TypeError), match=message):
        own.init(KEY, (3,))


@pytest.mark.usefixtures("no_type_checks")
def test_parameters_that_have_no_gradient() -> None:
    with pytest.raises(TypeError, match="expected a parameter of init to be floating-point"):
        layer(lambda key, shape: jnp.ones(shape, jnp.int32), affine).init(KEY, (3,))
    with pytest.raises(TypeError, match="expected apply to be a function"):
        layer(start, dense(3))  # pyright: ignore[reportArgumentType]


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("init", "given", "message"),
    [
        (
            start,
            {"apply": lambda x: x},
            r"expected apply to take (params, x), got one of (x). For ",
        ),
        (lambda shape: (), {"apply": affine}, "expected init to take (key, in_shape), got one of "),
        (
            start,
            {"apply": affine, "backward": lambda params, dy: dy},
            "expected backward to take (params, x, dy), got one of (params, dy).",
        ),
    ],
)
def test_functions_of_other_arguments_are_refused_at_once(
    init: Any, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError) as found:
        layer(init, **given)
    assert message in str(found.value)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("combine", [serial, parallel, lambda *of: shared(*of, uses=[0, 1])])
def test_what_is_no_layer_is_refused_at_once(combine: Any) -> None:
    message = r"expected layer 1 to be a Layer, got a function\. Call the function that makes it"
    with pytest.raises(TypeError, match=message):
        combine(activation("relu"), dense)
    with pytest.raises(TypeError, match="expected layer 0 to be a Layer"):
        residual(jnp.sin)  # pyright: ignore[reportArgumentType]
