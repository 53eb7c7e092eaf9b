"""Losses ``(outputs, targets) -> one value per example``; training takes their mean.

Each has a hand-derived gradient: ``huber_backward`` and so on return ``dL/doutputs`` in the
outputs' shape, not divided by anything. The last axis of the outputs holds the entries of
an example; the losses of independent entries are summed over it, but for `mean_squared_error`.

All take `jax.numpy`'s keyword ``where=``, a boolean mask of examples: masked ones have loss 0 and
gradient 0. Their risk is ``jnp.mean(losses, where=where)``; by hand the gradient
of that is ``huber_backward(..., where=where) / where.sum()``.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice, check_function, check_options
from jaxnet.core.errors import invalid_type
from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array, ElementwiseLoss
from jaxnet.functions.losses.cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
    entropy,
    kl_divergence,
    kl_divergence_backward,
    sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    softmax_kl_divergence,
    softmax_kl_divergence_backward,
)
from jaxnet.functions.losses.margin import (
    hinge,
    hinge_backward,
    perceptron,
    perceptron_backward,
    squared_hinge,
    squared_hinge_backward,
    zero_one,
    zero_one_backward,
)
from jaxnet.functions.losses.regression import (
    absolute_error,
    absolute_error_backward,
    half_squared_error,
    half_squared_error_backward,
    huber,
    huber_backward,
    log_cosh,
    log_cosh_backward,
    mean_squared_error,
    mean_squared_error_backward,
    minkowski_error,
    minkowski_error_backward,
    squared_error,
    squared_error_backward,
)
from jaxnet.functions.losses.targets import one_hot_targets, smooth_labels


class Loss(NamedTuple):
    """A loss with its hand-derived gradient.

    Attributes:
        function: ``(outputs, targets) -> L``, one value per example.
        backward: ``(outputs, targets) -> dL/doutputs``, of the outputs' shape.
    """

    function: Callable[..., Array]
    backward: Callable[..., Array]

    __repr__ = represent


_PAIRS = {
    "absolute_error": Loss(absolute_error, absolute_error_backward),
    "squared_error": Loss(squared_error, squared_error_backward),
    "half_squared_error": Loss(half_squared_error, half_squared_error_backward),
    "mean_squared_error": Loss(mean_squared_error, mean_squared_error_backward),
    "minkowski_error": Loss(minkowski_error, minkowski_error_backward),
    "huber": Loss(huber, huber_backward),
    "log_cosh": Loss(log_cosh, log_cosh_backward),
    "zero_one": Loss(zero_one, zero_one_backward),
    "hinge": Loss(hinge, hinge_backward),
    "squared_hinge": Loss(squared_hinge, squared_hinge_backward),
    "perceptron": Loss(perceptron, perceptron_backward),
    "binary_cross_entropy": Loss(binary_cross_entropy, binary_cross_entropy_backward),
    "sigmoid_binary_cross_entropy": Loss(
        sigmoid_binary_cross_entropy, sigmoid_binary_cross_entropy_backward
    ),
    "categorical_cross_entropy": Loss(
        categorical_cross_entropy, categorical_cross_entropy_backward
    ),
    "softmax_cross_entropy": Loss(softmax_cross_entropy, softmax_cross_entropy_backward),
    "kl_divergence": Loss(kl_divergence, kl_divergence_backward),
    "softmax_kl_divergence": Loss(softmax_kl_divergence, softmax_kl_divergence_backward),
}

LOSSES: dict[str, ElementwiseLoss] = {name: pair.function for name, pair in _PAIRS.items()}
"""Name -> loss."""


@cache_by_value
def get_loss(name: str, **options: Any) -> Loss:
    """Return the loss called ``name`` with its hand-derived gradient, both with these options.

    Args:
        name: a name in `LOSSES`.
        options: keyword options of that loss, such as ``delta`` of `huber`.

    Returns:
        For equal arguments the identical object, so that compiled programs are reused.

    Raises:
        ValueError: for an unknown name or option; the known ones are listed.

    >>> get_loss("huber", delta=2.0).backward(jnp.array([[5.0]]), jnp.array([0])).tolist()
    [[2.0]]
    """
    pair = check_choice("name", name, _PAIRS)
    check_options(inspect.unwrap(pair.function), options, data=2)
    return Loss(*(functools.partial(part, **options) if options else part for part in pair))


def as_loss(loss: str | ElementwiseLoss | Loss | tuple[Callable[..., Array], ...]) -> Loss:
    """Return a loss with its gradient.

    Args:
        loss: a name in `LOSSES`; a function of that table, whose hand-derived gradient it finds;
            any other differentiable function ``(outputs, targets) -> one value per example``, whose
            gradient autodiff derives; or a `Loss`, or a tuple like it, which brings it.

    Raises:
        TypeError: if it is none of these.
        ValueError: for an unknown name; the known ones are listed.

    >>> as_loss(huber) == get_loss("huber")
    True
    """
    if isinstance(loss, str):
        return get_loss(loss)
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, tuple) and len(loss) == 2 and all(map(callable, loss)):
        return Loss(*loss)
    if not callable(loss):
        expected = "to be a name, a function of outputs and targets, or a pair with its gradient"
        raise invalid_type("loss", expected, repr(loss))
    check_function("loss", loss, takes="outputs, targets")
    known = [pair for pair in _PAIRS.values() if pair.function is loss]
    return known[0] if known else Loss(loss, _autodiff_rule(loss))


@cache_by_value
def _autodiff_rule(function: ElementwiseLoss) -> Callable[[Array, AnyArray], Array]:
    """Return the gradient of a function; memoized, so that compiled programs are reused."""

    def rule(outputs: Array, targets: AnyArray) -> Array:
        losses, pullback = jax.vjp(lambda y: function(y, jnp.asarray(targets)), outputs)
        return pullback(jnp.ones_like(losses))[0]

    return rule


__all__ = [
    "LOSSES",
    "Loss",
    "absolute_error",
    "absolute_error_backward",
    "as_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "categorical_cross_entropy",
    "categorical_cross_entropy_backward",
    "entropy",
    "get_loss",
    "half_squared_error",
    "half_squared_error_backward",
    "hinge",
    "hinge_backward",
    "huber",
    "huber_backward",
    "kl_divergence",
    "kl_divergence_backward",
    "log_cosh",
    "log_cosh_backward",
    "mean_squared_error",
    "mean_squared_error_backward",
    "minkowski_error",
    "minkowski_error_backward",
    "one_hot_targets",
    "perceptron",
    "perceptron_backward",
    "sigmoid_binary_cross_entropy",
    "sigmoid_binary_cross_entropy_backward",
    "smooth_labels",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "softmax_kl_divergence",
    "softmax_kl_divergence_backward",
    "squared_error",
    "squared_error_backward",
    "squared_hinge",
    "squared_hinge_backward",
    "zero_one",
    "zero_one_backward",
]

__dir__ = __all__.copy  # dir() shows these names alone
