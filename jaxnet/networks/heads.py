"""Output heads: the last layer, loss, metrics and decision of a task."""

import dataclasses
import inspect
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_choice, check_range, require, require_type
from jaxnet.core.classes import predicted_class
from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Layer
from jaxnet.functions.activations import Activation, sigmoid, sigmoid_derivative, softmax
from jaxnet.layers import activation, serial


class Head(NamedTuple):
    """The end of a network for one kind of task.

    Attributes:
        name: its name in `HEADS`.
        layer: the layer after the last dense one; ``serial()`` for none.
        loss: name in `jaxnet.losses.LOSSES` of the loss of the outputs.
        metrics: names in `jaxnet.metrics.METRICS`.
        respond: outputs of ``layer`` -> a probability, a distribution over the classes, or a
            value.
        decide: outputs of ``layer`` -> a label, or the value itself. With NaN among the outputs
            the label is -1, which is not a class.
    """

    name: str
    layer: Layer
    loss: str
    metrics: tuple[str, ...]
    respond: Callable[[Array], Array]
    decide: Callable[[Array], Array]

    __repr__ = represent


@cache_by_value
def binary() -> Head:
    """Return the head for two classes: one logit ``z``, the probability ``sigmoid(z)`` of class 1.

    Class 1 is decided from the threshold on: probability 0.5, logit 0. The sigmoid is not a layer
    but part of the loss, which is stable so; together their gradient is ``sigmoid(z) - v``.

    Source: lecture 000; lecture 001 for the loss.

    >>> head = binary()
    >>> logits = jnp.array([[-1e4], [0.0], [1e4]])
    >>> head.respond(logits).tolist(), head.decide(logits).tolist()
    ([0.0, 0.5, 1.0], [0, 1, 1])
    """
    return Head(
        name="binary",
        layer=serial(),
        loss="sigmoid_binary_cross_entropy",
        metrics=("binary_accuracy",),
        respond=lambda outputs: sigmoid(_one_logit(outputs)),
        decide=_decide_by_sign,
    )


@cache_by_value
def multiclass() -> Head:
    """Return the head for several classes: a logit each, the distribution ``softmax(z)``.

    The class of the largest logit is decided, the first of them if several are equal. The
    softmax is not a layer but part of the loss; together their gradient is ``softmax(z) - v``.

    Source: lecture 000; lecture 002 for the loss.

    >>> multiclass().decide(jnp.array([[3.2, 5.1, -1.7]])).tolist()
    [1]
    """
    return Head(
        name="multiclass",
        layer=serial(),
        loss="softmax_cross_entropy",
        metrics=("accuracy",),
        respond=softmax,
        decide=predicted_class,
    )


@cache_by_value
def regression() -> Head:
    """Return the head for values without bounds: the linear outputs themselves.

    Judged by the squared error; ``R^2`` belongs to a whole set and is not a metric of one example.

    Source: lecture 000.

    >>> regression().decide(jnp.array([[1.5]])).tolist()
    [[1.5]]
    """
    return Head("regression", serial(), "squared_error", (), _itself, _itself)


@cache_by_value
def bounded_regression(low: float | Array, high: float | Array) -> Head:
    """Return the head for values in [low, high]: ``y = low + (high - low) sigmoid(z)``.

    Its layer's backward rule is that of `bounded_sigmoid`.

    Args:
        low: lower bound, finite.
        high: upper bound, finite and above ``low``.

    Raises:
        ValueError: if a bound is not finite, or ``high`` is not above ``low``.

    Source: lecture 000, whose ``7 sigmoid(z) - 2`` maps to [-2, 5].

    >>> layer = bounded_regression(-2, 5).layer
    >>> layer.apply((), (), jnp.array([[-100.0, 0.0, 100.0]]))[0].tolist()
    [[-2.0, 1.5, 5.0]]
    """
    check_range("low", low)
    # bounds that are traced cannot be compared here
    above = float(low) if isinstance(low, numbers.Real) else -float("inf")
    check_range("high", high, low=above, low_open=True)
    layer = activation(bounded_sigmoid(low, high))
    settings = {"function": "bounded_sigmoid", "low": low, "high": high}
    return Head(
        name="bounded_regression",
        layer=layer._replace(description=dataclasses.replace(layer.description, settings=settings)),
        loss="squared_error",
        metrics=(),
        respond=_itself,
        decide=_itself,
    )


def bounded_sigmoid(low: float | Array, high: float | Array) -> Activation:
    """Return the activation ``y = low + (high - low) sigmoid(z)`` with its backward rule.

    By hand: ``dz = dy (high - low) s (1 - s)`` with ``s = sigmoid(z)``, computed from ``z``: in
    ``y`` the bounds may have swallowed its digits.

    Args:
        low: lower bound.
        high: upper bound, above ``low``.

    Source: lecture 000.
    """

    def function(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        a, b = jnp.asarray(low, z.dtype), jnp.asarray(high, z.dtype)
        return a + (b - a) * sigmoid(z)

    def backward(z: Array, y: Array, dy: Array) -> Array:
        width = jnp.asarray(high, z.dtype) - jnp.asarray(low, z.dtype)
        return dy * width * sigmoid_derivative(z, y)

    return Activation(function, backward)


def _itself(outputs: Array) -> Array:
    return outputs


def _one_logit(outputs: Float[Array, "..."]) -> Float[Array, "..."]:
    remedy = "End the network with one output, or take the multiclass head."
    require(outputs.shape[-1:] == (1,), "outputs", "of shape (..., 1)", outputs.shape, remedy)
    return outputs[..., 0]


def _decide_by_sign(outputs: Array) -> Array:
    logit = _one_logit(outputs)
    return jnp.where(jnp.isnan(logit), -1, (logit >= 0).astype(jnp.int32))


HEADS: dict[str, Callable[..., Head]] = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
    "bounded_regression": bounded_regression,
}
"""Name -> function that makes the head."""


def get_head(name: str, **settings: Any) -> Head:
    """Return the head called ``name``.

    Args:
        name: a name in `HEADS`.
        settings: arguments of the head's function, such as ``low`` and ``high``.

    Raises:
        ValueError: if there is no such head; the known ones are listed.
        TypeError: if the head takes other settings.

    >>> get_head("bounded_regression", low=0, high=1).loss
    'squared_error'
    """
    make = check_choice("name", name, HEADS)
    given, known = ", ".join(settings), ", ".join(inspect.signature(make).parameters)
    good = set(settings) == set(inspect.signature(make).parameters)
    require_type(good, "settings", f"of {name} to be {known or 'none'}", given or "none")
    return make(**settings)


def head_of(network: Layer) -> Head | None:
    """Return the head that a network was made with, or None.

    >>> from jaxnet.networks import mlp
    >>> head_of(mlp((3, 1), head="binary")) is binary(), head_of(mlp((3, 2))) is None
    (True, True)
    """
    description = network.description
    head = description.settings.get("mlp", {}).get("head")
    if head is None and description.kind == "serial" and description.parts:
        return head_of(description.parts[-1])
    return get_head(head) if isinstance(head, str) else head


__all__ = [
    "HEADS",
    "Head",
    "binary",
    "bounded_regression",
    "bounded_sigmoid",
    "get_head",
    "head_of",
    "multiclass",
    "regression",
]

__dir__ = __all__.copy  # dir() shows these names alone
