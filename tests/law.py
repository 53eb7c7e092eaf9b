"""The central law: a layer's hand-derived backward pass is the gradient of its `apply`."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.types import Array, Layer
from tests.cases import LayerCase, random_like
from tests.comparison import assert_trees_close


def draw(case: LayerCase, *, seed: int = 0) -> tuple[Any, Any, Array]:
    """Draw parameters (biases too), positive statistics and a batch of inputs for a case."""
    params, statistics = jax.eval_shape(
        lambda k: case.layer.init(k, case.in_shape), jax.random.key(0)
    )
    x = jax.ShapeDtypeStruct((case.batch, *case.in_shape), jnp.result_type(float))
    params, statistics, x = random_like((params, statistics, x), seed=seed)
    return params, jax.tree.map(jnp.abs, statistics), x  # a variance is not negative


def passed(layer: Layer, params: Any, statistics: Any, x: Array, dy: Array) -> tuple[Any, Any]:
    """Return a layer's outputs, and gradients by hand, of one pass in training: one program."""

    @jax.jit
    def both(params: Any, x: Array, dy: Array) -> tuple[Any, Any]:
        y, residual, _ = layer.forward(params, statistics, x, key=None, training=True)
        return y, layer.backward(params, residual, dy)

    return both(params, x, dy)


def assert_law(layer: Layer, params: Any, statistics: Any, x: Array) -> None:
    """Assert that `forward` computes `apply`, and `backward` its vector-Jacobian product.

    In training and in evaluation, which some layers tell apart: as one program.
    """
    shape = jax.eval_shape(lambda p, x: layer.apply(p, statistics, x)[0], params, x)
    dy = random_like(shape, seed=1)

    def both(params: Any, x: Array, dy: Array, *, training: bool) -> Any:
        key = jax.random.key(7) if training else None

        def apply(params: Any, x: Array) -> Any:
            return layer.apply(params, statistics, x, key=key, training=training)

        y, residual, updated = layer.forward(params, statistics, x, key=key, training=training)
        by_hand = y, updated, layer.backward(params, residual, dy)
        y, pullback, updated = jax.vjp(apply, params, x, has_aux=True)
        return by_hand, (y, updated, pullback(dy))

    modes = jax.jit(lambda *given: [both(*given, training=mode) for mode in (True, False)])
    for by_hand, by_autodiff in modes(params, x, dy):
        assert_trees_close(by_hand, by_autodiff)
