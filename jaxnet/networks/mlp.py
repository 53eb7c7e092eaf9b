"""The multilayer perceptron: the fully-connected feed-forward network of lecture 001."""

import itertools
from collections.abc import Sequence
from typing import Any

from jaxnet.core.checks import check_count
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Layer
from jaxnet.functions.activations import Activation, ActivationFunction
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import activation as activation_layer
from jaxnet.layers import dense, rescale, serial


def mlp(
    widths: Sequence[int],
    *,
    activation: str | ActivationFunction | Activation = "relu",
    initializer: str | Initializer = "he_normal",
    input_scale: float | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a multilayer perceptron of dense layers with an activation between each two.

    The outputs are linear: logits for a classifier, values for a regression.

    Args:
        widths: input, hidden and output widths, such as ``(784, 100, 100, 10)``.
        activation: of the hidden layers, as for `jaxnet.layers.activation`.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        input_scale: factor for the inputs, such as ``1 / 255`` for pixels of one byte.
        dtype: of the parameters and of rescaled inputs; by default JAX's floating-point default.

    Raises:
        ValueError: for fewer than two widths, a width below 1, or an unknown name.

    >>> import jax
    >>> from jaxnet.core.trees import count_parameters
    >>> network = mlp((784, 100, 100, 10))
    >>> params, statistics = network.init(jax.random.key(0), (784,))
    >>> count_parameters(params)
    89610
    """
    if len(widths) < 2:
        remedy = "Give at least the number of inputs and the number of outputs."
        raise invalid_value("mlp", "widths", "to hold 2 or more", tuple(widths), remedy)
    for width in widths:
        check_count("mlp", "each of widths", width)
    layers: list[Layer] = []
    if input_scale is not None:
        layers.append(rescale(input_scale, dtype=dtype))
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        if i > 0:
            layers.append(activation_layer(activation))
        layers.append(dense(fan_out, in_features=fan_in, initializer=initializer, dtype=dtype))
    return serial(*layers)
