"""The multilayer perceptron: the fully-connected feed-forward network of lecture 001."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias, get_args

from jaxnet.core.checks import check_choice, check_count
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import AnyArray, Array, Layer
from jaxnet.functions.activations import ACTIVATIONS, Activation, ActivationFunction
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import activation as activation_layer
from jaxnet.layers import batch_norm as batch_norm_layer
from jaxnet.layers import dense, dropout, rescale, serial, standardize
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.layers.dropout import DropoutForm
from jaxnet.networks.heads import HEADS, Head, get_head

Place: TypeAlias = Literal["before", "after"]
"""Where batch normalization stands: before the activation or after it."""


def mlp(
    widths: Sequence[int],
    *,
    activation: str | ActivationFunction | Activation = "relu",
    initializer: str | Initializer = "he_normal",
    input_scale: float | None = None,
    standardize_like: AnyArray | None = None,
    batch_norm: Place | None = None,
    batch_norm_convention: ConventionName = "lecture",
    drop_rate: float | Array | Sequence[float | Array] = 0.0,
    input_drop_rate: float | Array = 0.0,
    dropout_form: DropoutForm = "inverted",
    head: str | Head | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a multilayer perceptron: dense layers with an activation between each two.

    A hidden layer is, in this order: dense, batch normalization if ``"before"``, activation, batch
    normalization if ``"after"``, dropout. The outputs are linear, logits for a classifier, values
    for a regression, unless the head says otherwise. What else there is, `jaxnet.layers.serial`
    puts together. The network's description keeps the arguments, so that `save_model` can write
    and `load_model` rebuild it.

    Args:
        widths: input, hidden and output widths, such as ``(784, 100, 100, 10)``.
        activation: of the hidden layers, as for `jaxnet.layers.activation`.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        input_scale: factor for the inputs, such as ``1 / 255`` for pixels of one byte.
        standardize_like: training inputs by whose mean and deviation all inputs are standardized;
            not together with ``input_scale``.
        batch_norm: where it stands in each hidden layer; by default nowhere.
        batch_norm_convention: as for `jaxnet.layers.batch_norm`.
        drop_rate: of dropout after each hidden layer, in [0, 1); one for all or one for each.
        input_drop_rate: of dropout on the inputs.
        dropout_form: as for `jaxnet.layers.dropout`.
        head: what the outputs mean: a head, or the name in `jaxnet.networks.HEADS` of one that
            needs no settings.
        dtype: of the parameters and of rescaled inputs; by default JAX's floating-point default.

    Raises:
        ValueError: for fewer than two widths, a width below 1, an unknown name, a rate out of
            range, or a number of rates that is not that of the hidden layers.

    >>> import jax
    >>> from jaxnet.core.trees import count_parameters
    >>> network = mlp((784, 100, 100, 10))
    >>> params, statistics = network.init(jax.random.key(0), (784,))
    >>> count_parameters(params)
    89610
    """
    arguments = {**locals(), "standardize_like": standardize_like is not None}  # not the examples
    if len(widths) < 2:
        remedy = "Give at least the number of inputs and the number of outputs."
        raise invalid_value("mlp", "widths", "to hold 2 or more", tuple(widths), remedy)
    for width in widths:
        check_count("mlp", "each of widths", width)
    rates = _drop_rates(drop_rate, len(widths) - 2)
    if isinstance(activation, str):
        check_choice("mlp", "activation", activation, ACTIVATIONS)
    if isinstance(head, str):
        check_choice("mlp", "head", head, HEADS)
    if batch_norm is not None:
        check_choice("mlp", "batch_norm", batch_norm, dict.fromkeys(get_args(Place)))
    normalization = batch_norm_layer(convention=batch_norm_convention, dtype=dtype)

    def affine(fan_in: int, fan_out: int) -> Layer:
        return dense(fan_out, in_features=fan_in, initializer=initializer, dtype=dtype)

    layers = list(_inputs(input_scale, standardize_like, dtype))
    layers += _dropout(input_drop_rate, dropout_form)
    for (fan_in, fan_out), rate in zip(itertools.pairwise(widths[:-1]), rates, strict=True):
        layers.append(affine(fan_in, fan_out))
        layers += [normalization] if batch_norm == "before" else []
        layers.append(activation_layer(activation))
        layers += [normalization] if batch_norm == "after" else []
        layers += _dropout(rate, dropout_form)
    layers.append(affine(*widths[-2:]))
    if head is not None:
        layers.append(get_head(head).layer if isinstance(head, str) else head.layer)
    arguments |= {"widths": tuple(widths), "drop_rate": tuple(rates)}
    network = serial(*layers)
    return network._replace(
        description=dataclasses.replace(network.description, settings={"mlp": arguments})
    )


def _inputs(scale: float | None, examples: AnyArray | None, dtype: Any) -> Iterator[Layer]:
    if scale is not None and examples is not None:
        remedy = "Standardizing undoes any scale; leave one of them out."
        raise invalid_value("mlp", "input_scale", "without standardize_like", "both", remedy)
    if scale is not None:
        yield rescale(scale, dtype=dtype)
    if examples is not None:
        yield standardize(examples, dtype=dtype)


def _dropout(drop_rate: float | Array, form: DropoutForm) -> list[Layer]:
    layer = dropout(drop_rate, form=form)  # checks both
    return [] if isinstance(drop_rate, int | float) and drop_rate == 0 else [layer]


def _drop_rates(
    drop_rate: float | Array | Sequence[float | Array], hidden: int
) -> Sequence[float | Array]:
    if not isinstance(drop_rate, Sequence):
        return [drop_rate] * hidden
    if len(drop_rate) != hidden:
        remedy = "Give one rate for all hidden layers, or one for each."
        expected = f"to hold {hidden}, one a hidden layer"
        raise invalid_value("mlp", "drop_rate", expected, tuple(drop_rate), remedy)
    return drop_rate
