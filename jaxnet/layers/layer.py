"""Layers of your own from two functions, with the backward pass by autodiff or by hand."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_floating, check_function, require, require_type
from jaxnet.core.errors import invalid_value
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import (
    Array,
    Description,
    Key,
    Layer,
    Params,
    Residual,
    Shape,
    layer_from_forward,
)


@cache_by_value
def layer(
    init: Callable[[Key, Shape], Params],
    apply: Callable[[Params, Array], Array],
    *,
    backward: Callable[[Params, Array, Array], tuple[Params, Array]] | None = None,
) -> Layer:
    """Return a layer from its parameters and its outputs; autodiff supplies the backward pass.

    For layers whose outputs depend on parameters and inputs alone. One that is random, behaves
    differently in training, or has statistics is made by `layer_from_forward`.

    Args:
        init: ``(key, in_shape) -> params``, a pytree of floating-point arrays, ``()`` for none.
            ``in_shape`` leaves out the batch.
        apply: ``(params, x) -> y``, where ``x`` has the shape ``(batch, *in_shape)`` and ``y``
            one row an example as well.
        backward: ``(params, x, dy) -> (dparams, dx)``, the gradient by hand, which
            `jaxnet.inspection.check_layer` checks. By default that of autodiff, from the values
            that the forward pass has kept: it costs what `jax.grad` costs.

    Raises:
        TypeError: for what is no function of these arguments, and at the first use for outputs or
            parameters that are no floating-point arrays.
        ValueError: at the first use, for an input that ``apply`` does not take, or an output
            without a row an example.

    >>> gain = layer(lambda key, in_shape: jnp.ones(in_shape), lambda g, x: g[None] * x)
    >>> params, statistics = gain.init(jax.random.key(0), (2,))
    >>> y, residual, _ = gain.forward(params, statistics, jnp.ones((1, 2)))
    >>> gain.backward(params, residual, jnp.array([[3.0, 4.0]]))[0].tolist()
    [3.0, 4.0]
    """
    of_x = "For a function of x alone: jaxnet.layers.activation(function)."
    check_function("init", init, takes="key, in_shape")
    check_function("apply", apply, of_x, takes="params, x")
    if backward is not None:
        check_function("backward", backward, takes="params, x, dy")

    def begin(key: Key, in_shape: Shape) -> tuple[Params, tuple[()]]:
        params = init(key, in_shape)
        for leaf in jax.tree.leaves(params):
            check_floating("a parameter of init", leaf)
        return params, ()

    def out_shape(in_shape: Shape) -> Shape:
        x = jax.ShapeDtypeStruct((2, *in_shape), jnp.result_type(float))
        params = jax.eval_shape(lambda key: begin(key, in_shape)[0], jax.random.key(0))
        try:
            y = jax.eval_shape(apply, params, x)
        except (TypeError, ValueError) as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise invalid_value("in_shape", "that apply takes", f"{in_shape}: {said}") from error
        kind = getattr(y, "dtype", None)
        good = kind is not None and jnp.issubdtype(kind, jnp.floating)
        expected = "to return an array of floating-point numbers"
        require_type(good, "apply", expected, kind or type(y).__name__)
        rows = "to return a row an example, shape (2, ...) for two"
        require(y.shape[:1] == (2,), "apply", rows, y.shape)
        return y.shape[1:]

    def start(key: Key, in_shape: Shape) -> tuple[Params, tuple[()]]:
        out_shape(in_shape)
        return begin(key, in_shape)

    def forward(
        params: Params, statistics: Any, x: Array, *, key: Key | None = None, training: bool = False
    ) -> tuple[Array, Residual, Any]:
        del key, training
        if backward is not None:
            return apply(params, x), x, statistics
        y, pullback = jax.vjp(apply, params, x)
        return y, pullback, statistics

    def pull(params: Params, residual: Residual, dy: Array) -> tuple[Params, Array]:
        return residual(dy) if backward is None else backward(params, residual, dy)

    return layer_from_forward(
        init=start,
        forward=forward,
        backward=pull,
        out_shape=out_shape,
        description=Description("layer", {"apply": getattr(apply, "__name__", "apply")}),
    )
