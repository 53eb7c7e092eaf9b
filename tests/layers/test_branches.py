"""Parallel layers and shortcuts: by hand, against each other, errors."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.types import Array, Layer, Shape, layer_from_forward
from jaxnet.layers import Dense, activation, dense, parallel, rescale, residual, serial
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.law import draw, passed


def reporter() -> Layer:
    """Return a layer that adds its key's draw to ``x``, and counts how often it was passed."""

    def init(key: Any, in_shape: Shape) -> tuple[Any, Array]:
        return jax.random.normal(key, in_shape), jnp.zeros((), jnp.int32)

    def forward(
        params: Any, statistics: Array, x: Array, *, key: Any, training: bool
    ) -> tuple[Array, tuple[()], Array]:
        noise = 0.0 if key is None else jax.random.normal(key, x.shape, x.dtype)
        return x + noise, (), statistics + int(training)

    return layer_from_forward(
        init=init,
        forward=forward,
        backward=lambda params, kept, dy: (jnp.zeros_like(params), dy),
        out_shape=lambda in_shape: in_shape,
    )


# x = (1, 2), a layer A = ((1, 1)), b = (0) and a layer B = ((2, 0)), b = (1):
# A x + b = 3, B x + b = 3; with dy = (1, 10): dx = 1 (1, 1) + 10 (2, 0) = (21, 1)
def _two(dtype: np.dtype) -> tuple[Any, Array]:
    a = Dense(jnp.array([[1, 1]], dtype), jnp.array([0], dtype))
    b = Dense(jnp.array([[2, 0]], dtype), jnp.array([1], dtype))
    return (a, b), jnp.array([[1, 2]], dtype)


def test_concatenation_worked_by_hand(dtype: np.dtype) -> None:
    params, x = _two(dtype)
    layer = parallel(dense(1), dense(1))
    y, (dparams, dx) = passed(layer, params, ((), ()), x, jnp.array([[1, 10]], dtype))
    assert_trees_close(y, np.array([[3, 3]], dtype))
    expected = (
        Dense(jnp.array([[1, 2]], dtype), jnp.array([1], dtype)),
        Dense(jnp.array([[10, 20]], dtype), jnp.array([10], dtype)),
    )
    assert_trees_close((dparams, dx), (expected, np.array([[21, 1]], dtype)))


def test_sum_worked_by_hand(dtype: np.dtype) -> None:
    params, x = _two(dtype)
    layer = parallel(dense(1), dense(1), combine="sum")
    y, (dparams, dx) = passed(layer, params, ((), ()), x, jnp.array([[10]], dtype))
    assert_trees_close(y, np.array([[6]], dtype))
    # the sum hands all of dy = 10 to both: dx = 10 (1, 1) + 10 (2, 0)
    same = Dense(jnp.array([[10, 20]], dtype), jnp.array([10], dtype))
    assert_trees_close((dparams, dx), ((same, same), np.array([[30, 10]], dtype)))


def test_residual_worked_by_hand(dtype: np.dtype) -> None:
    params = Dense(jnp.array([[0, 1], [3, 0]], dtype), jnp.array([0, 1], dtype))
    layer = residual(dense(2))
    x, dy = jnp.array([[1, 2]], dtype), jnp.array([[1, 10]], dtype)
    y, (_, dx) = passed(layer, (params,), ((),), x, dy)
    assert_trees_close(y, np.array([[1 + 2, 2 + 4]], dtype))
    # dy + dy W = (1, 10) + (1 * 0 + 10 * 3, 1 * 1 + 10 * 0)
    assert_trees_close(dx, np.array([[31, 11]], dtype))


def test_residual_equals_a_sum_with_the_identity(dtype: np.dtype) -> None:
    block = serial(dense(4), activation("tanh"), dense(3))
    case = LayerCase("residual", residual(block), (3,))
    params, statistics, x = draw(case)
    peer = parallel(serial(), block, combine="sum")
    expected = jax.jit(peer.apply)(((), *params), ((), *statistics), x)[0]
    assert_trees_close(jax.jit(case.layer.apply)(params, statistics, x)[0], expected)
    assert x.dtype == dtype


def test_concatenation_of_dense_layers_is_one_dense_layer(dtype: np.dtype) -> None:
    case = LayerCase("parallel", parallel(dense(2), dense(3)), (4,))
    (a, b), statistics, x = draw(case)
    together = Dense(*(jnp.asarray(np.concatenate(pair)) for pair in zip(a, b, strict=True)))
    expected = jax.jit(dense(5).apply)(together, (), x)[0]
    assert_trees_close(jax.jit(case.layer.apply)((a, b), statistics, x)[0], expected)
    assert x.dtype == dtype


def test_each_layer_draws_its_own_parameters() -> None:
    params, _ = parallel(dense(3), dense(3)).init(jax.random.key(0), (3,))
    assert not np.allclose(params[0].weights, params[1].weights)
    first, _ = dense(3).init(jax.random.fold_in(jax.random.key(0), 0), (3,))
    assert_trees_close(params[0], first)


def test_keys_and_statistics_reach_each_layer() -> None:
    layer = parallel(reporter(), residual(reporter()), combine="sum")
    key, x = jax.random.key(1), jnp.zeros((4, 3))
    params, statistics = layer.init(key, (3,))
    y, updated = layer.apply(params, statistics, x, key=key, training=True)
    draws = [
        jax.random.normal(jax.random.fold_in(key, 0), x.shape),
        jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, 1), 0), x.shape),
    ]
    assert_trees_close(y, draws[0] + draws[1])
    assert jax.tree.leaves(updated) == [1, 1]
    assert jax.tree.leaves(layer.apply(params, statistics, x)[1]) == [0, 0]


def test_branches_are_layers_under_jit_and_vmap(dtype: np.dtype) -> None:
    case = LayerCase("parallel", parallel(residual(dense(3)), dense(2)), (3,), 6)
    params, statistics, x = draw(case)

    def outputs(x: Array) -> Array:
        y, kept, _ = case.layer.forward(params, statistics, x, key=None, training=False)
        return case.layer.backward(params, kept, y)[1]

    by_halves = jax.jit(jax.vmap(outputs))(np.asarray(x).reshape(2, 3, 3))
    assert_trees_close(np.asarray(by_halves).reshape(6, 3), outputs(x))
    assert x.dtype == dtype


def test_descriptions_hold_the_parts() -> None:
    parts = (dense(2), dense(3))
    assert parallel(*parts).description.parts == parts
    assert parallel(*parts).description.kind == "parallel"
    assert residual(parts[0]).description.parts == parts[:1]
    assert residual(parts[0]).description.kind == "residual"


def test_no_layers() -> None:
    message = "expected layers to be one or more, got none."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parallel()


def test_unknown_combination() -> None:
    message = r"expected combine to be one of concatenate, sum, got 'add'\."
    with pytest.raises(ValueError, match=message):
        parallel(dense(2), combine="add")


SUM = "expected layers to have one output shape, got [(2,), (3,)]."
CONCATENATE = (
    "expected layers to have output shapes that differ in the last axis only, got [(2,), (2, 3)]."
)
KEPT = "expected layer to keep the shape (3,), got (2,)."


def _reshaped(*out_shape: int) -> Layer:
    """Return a layer without parameters whose outputs are zeros of a shape."""
    return rescale(1.0)._replace(
        out_shape=lambda in_shape: out_shape,
        forward=lambda p, s, x, *, key, training: (jnp.zeros((len(x), *out_shape)), (), s),
    )


MISFITS = [
    pytest.param(parallel(dense(2), dense(3), combine="sum"), SUM, id="sum"),
    pytest.param(parallel(_reshaped(2), _reshaped(2, 3)), CONCATENATE, id="concatenate"),
    pytest.param(residual(dense(2)), KEPT, id="residual"),
]


@pytest.mark.parametrize(("layer", "message"), MISFITS)
def test_layers_that_do_not_fit_together(layer: Layer, message: str) -> None:
    for attempt in (
        lambda: layer.out_shape((3,)),
        lambda: layer.init(jax.random.key(0), (3,)),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            attempt()


def test_sums_never_broadcast() -> None:
    # parameters from elsewhere: neither init nor out_shape was there to complain
    x = jnp.ones((4, 3))
    narrow = Dense(jnp.ones((1, 3)), jnp.ones(1))
    with pytest.raises(ValueError, match=r"expected layer to keep the shape \(3,\)"):
        residual(dense(1)).apply((narrow,), ((),), x)
    with pytest.raises(ValueError, match=r"one output shape, got \[\(1,\), \(3,\)\]"):
        parallel(dense(1), serial(), combine="sum").apply((narrow, ()), ((), ()), x)
