"""Activation functions, each with its hand-derived gradient.

An entrywise function ``y = f(z)`` has beside it ``NAME_derivative(z, y) -> f'(z)``, which takes
whichever of the pre-activation and the output serves better; its backward rule is
``dz = dy f'(z)``. A vector function has ``NAME_backward(z, y, dy) -> J^T dy``. Both follow
lecture 001. All these arrays have one shape and one dtype; options are keywords. Except for
`linear`, `step` and `sign`, inputs that are not floating-point raise a TypeError.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice, require_type
from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.functions.activations.piecewise import (
    elu,
    elu_derivative,
    leaky_relu,
    leaky_relu_derivative,
    linear,
    linear_derivative,
    relu,
    relu_derivative,
    selu,
    selu_derivative,
    sign,
    sign_derivative,
    step,
    step_derivative,
)
from jaxnet.functions.activations.smooth import (
    gelu,
    gelu_derivative,
    gelu_tanh,
    gelu_tanh_derivative,
    sigmoid,
    sigmoid_derivative,
    silu,
    silu_derivative,
    softplus,
    softplus_derivative,
    tanh,
    tanh_derivative,
)
from jaxnet.functions.activations.vector import (
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)

ActivationFunction: TypeAlias = Callable[..., Array]
"""``(z, **options) -> y``."""

Derivative: TypeAlias = Callable[..., Array]
"""``(z, y, **options) -> f'(z)``, of an entrywise function."""

BackwardRule: TypeAlias = Callable[[Array, Array, Array], Array]
"""``(z, y, dy) -> dz``."""


class Activation(NamedTuple):
    """An entrywise activation function with its hand-derived backward rule.

    Attributes:
        function: ``z -> y``, each entry of ``y`` of that entry of ``z`` alone.
        backward: ``(z, y, dy) -> dz``.
    """

    function: ActivationFunction
    backward: BackwardRule

    __repr__ = represent

    entrywise = True


class VectorActivation(Activation):
    """An activation function of whole vectors, such as softmax, with its backward rule."""

    __slots__ = ()

    entrywise = False


def entrywise(function: ActivationFunction, derivative: Derivative) -> Activation:
    """Return an entrywise function with the backward rule ``dz = dy f'(z)`` (lecture 001).

    Args:
        function: ``z -> y``, entry by entry.
        derivative: ``(z, y) -> f'(z)``, written with whichever of the two serves better.

    >>> square = entrywise(lambda z: z * z, lambda z, y: 2 * z)
    >>> z = jnp.array([1.0, 3.0])
    >>> square.backward(z, square.function(z), jnp.array([1.0, 10.0])).tolist()
    [2.0, 60.0]
    """

    def backward(z: Array, y: Array, dy: Array) -> Array:
        return dy * derivative(z, y)

    return Activation(function, backward)


ACTIVATIONS: dict[str, ActivationFunction] = {
    "linear": linear,
    "step": step,
    "sign": sign,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
"""Name -> function, for every activation."""

DERIVATIVES: dict[str, Derivative] = {
    "linear": linear_derivative,
    "step": step_derivative,
    "sign": sign_derivative,
    "sigmoid": sigmoid_derivative,
    "tanh": tanh_derivative,
    "relu": relu_derivative,
    "leaky_relu": leaky_relu_derivative,
    "elu": elu_derivative,
    "selu": selu_derivative,
    "softplus": softplus_derivative,
    "silu": silu_derivative,
    "gelu": gelu_derivative,
    "gelu_tanh": gelu_tanh_derivative,
}
"""Name -> derivative, for the entrywise ones."""

_VECTORS = {
    "softmax": VectorActivation(softmax, softmax_backward),
    "log_softmax": VectorActivation(log_softmax, log_softmax_backward),
}


@cache_by_value
def get_activation(name: str, **options: Any) -> Activation:
    """Return the function called ``name`` with its backward rule, options bound into both.

    Args:
        name: a name in `ACTIVATIONS`.
        options: the function's keywords, such as ``alpha=0.5`` for ``"elu"``.

    Returns:
        For equal arguments the identical object, so that compiled programs are reused.

    Raises:
        ValueError: if there is no such activation; the known ones are listed. If an option given
            as a number is out of its range.
        TypeError: for an option that the function does not have; those that it has are listed.

    >>> pair = get_activation("leaky_relu", negative_slope=0.25)
    >>> z = jnp.array([-2.0, 3.0])
    >>> y = pair.function(z)
    >>> y.tolist(), pair.backward(z, y, jnp.ones(2)).tolist()
    ([-0.5, 3.0], [0.25, 1.0])
    """
    function = check_choice("name", name, ACTIVATIONS)
    if options:
        _check_options(name, function, options)
        function = functools.partial(function, **options)
    if name in _VECTORS:
        return _VECTORS[name]
    derivative = DERIVATIVES[name]
    return entrywise(function, functools.partial(derivative, **options) if options else derivative)


def _check_options(name: str, function: ActivationFunction, options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [option for option in options if option not in known]
    expected = f"to have {'only ' + ', '.join(known) if known else 'no options'}"
    require_type(not unknown, name, expected, ", ".join(unknown))
    # the function checks the ranges while it is traced
    jax.eval_shape(lambda z: function(z, **options), jax.ShapeDtypeStruct((), jnp.float32))


__all__ = [
    "ACTIVATIONS",
    "DERIVATIVES",
    "Activation",
    "ActivationFunction",
    "BackwardRule",
    "Derivative",
    "VectorActivation",
    "elu",
    "elu_derivative",
    "entrywise",
    "gelu",
    "gelu_derivative",
    "gelu_tanh",
    "gelu_tanh_derivative",
    "get_activation",
    "leaky_relu",
    "leaky_relu_derivative",
    "linear",
    "linear_derivative",
    "log_softmax",
    "log_softmax_backward",
    "relu",
    "relu_derivative",
    "selu",
    "selu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "sign",
    "sign_derivative",
    "silu",
    "silu_derivative",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_derivative",
    "step",
    "step_derivative",
    "tanh",
    "tanh_derivative",
]

__dir__ = __all__.copy  # dir() shows these names alone
