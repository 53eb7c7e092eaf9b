"""The multilayer perceptron: the fully-connected feed-forward network of lecture 001."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias, get_args

from jaxnet.core.checks import check_choice, check_count, require
from jaxnet.core.memory import cache_by_value
from jaxnet.core.types import AnyArray, Array, Layer
from jaxnet.functions.activations import ACTIVATIONS, Activation, ActivationFunction
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import activation as activation_layer
from jaxnet.layers import active_units as active_units_layer
from jaxnet.layers import batch_norm as batch_norm_layer
from jaxnet.layers import dense, dropout, gaussian_noise, rescale, serial, standardize
from jaxnet.layers.active_units import check_active
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.layers.dropout import DropoutForm
from jaxnet.networks.active_width import narrow_initializer
from jaxnet.networks.heads import HEADS, Head, get_head

Place: TypeAlias = Literal["before", "after"]
"""Place of batch normalization: before the activation or after it."""


@cache_by_value
def mlp(
    widths: Sequence[int],
    *,
    activation: str | ActivationFunction | Activation = "relu",
    initializer: str | Initializer = "he_normal",
    input_scale: float | Array | None = None,
    standardize_like: AnyArray | None = None,
    batch_norm: Place | None = None,
    batch_norm_convention: ConventionName = "lecture",
    drop_rate: float | Array | Sequence[float | Array] = 0.0,
    input_drop_rate: float | Array = 0.0,
    input_noise: float | Array = 0.0,
    active_units: int | Array | Sequence[int | Array] | None = None,
    dropout_form: DropoutForm = "inverted",
    head: str | Head | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a multilayer perceptron: dense layers with an activation between each two.

    A hidden layer is, in this order: dense, batch normalization if ``"before"``, activation, batch
    normalization if ``"after"``, the mask of its active units, dropout. The outputs are linear,
    logits for a classifier, values for a regression, unless the head changes them. Other
    architectures are made with `jaxnet.layers.serial`. The network's description keeps the
    arguments, so that `save_model` can write and `load_model` rebuild it.

    Args:
        widths: input, hidden and output widths, such as ``(784, 100, 100, 10)``.
        activation: of the hidden layers, as for `jaxnet.layers.activation`.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        input_scale: factor for the inputs, such as ``1 / 255`` for pixels of one byte.
        standardize_like: training inputs by whose mean and deviation all inputs are standardized;
            not together with ``input_scale``.
        batch_norm: its place in each hidden layer; by default none.
        batch_norm_convention: as for `jaxnet.layers.batch_norm`.
        drop_rate: of dropout after each hidden layer, in [0, 1); one for all or one for each.
        input_drop_rate: of dropout on the inputs.
        input_noise: standard deviation of `jaxnet.layers.gaussian_noise` on the inputs, after they
            were rescaled, and before their dropout.
        active_units: how many units of each hidden layer take part, one number for all or one for
            each; may be traced, so that a sweep can go over widths. The network behaves like one
            of that width: its initial weights have the variance of the narrow one, the others are
            0 and stay so. Dropout draws another mask than for the narrow one. By default all.
        dropout_form: as for `jaxnet.layers.dropout`.
        head: output head, or the name in `jaxnet.networks.HEADS` of one that
            needs no settings.
        dtype: of the parameters and of rescaled inputs; by default JAX's floating-point default.

    Raises:
        ValueError: for fewer than two widths, a width below 1, an unknown name, a rate out of
            range, or a number of rates that is not that of the hidden layers; for active units
            beyond the width, or with an activation or an initializer that looks at all units.

    >>> import jax
    >>> from jaxnet.core.trees import count_parameters
    >>> network = mlp((784, 100, 100, 10))
    >>> params, statistics = network.init(jax.random.key(0), (784,))
    >>> count_parameters(params)
    89610
    """
    arguments = {**locals(), "standardize_like": standardize_like is not None}  # not the examples
    require(len(widths) > 1, "widths", "to hold 2 or more", tuple(widths))
    for width in widths:
        check_count("each of widths", width)
    rates = _one_each("drop_rate", drop_rate, len(widths) - 2)
    if isinstance(activation, str):
        check_choice("activation", activation, ACTIVATIONS)
    if isinstance(head, str):
        check_choice("head", head, HEADS)
    if batch_norm is not None:
        check_choice("batch_norm", batch_norm, dict.fromkeys(get_args(Place)))
    normalization = batch_norm_layer(like=batch_norm_convention, dtype=dtype)
    drawn, masks = [initializer] * (len(widths) - 1), [[]] * (len(widths) - 2)
    if active_units is not None:
        active = _active(active_units, widths, activation)
        drawn = list(_narrow(initializer, active))
        masks = [[active_units_layer(count)] for count in active[1:-1]]
        arguments["active_units"] = tuple(active[1:-1])

    def affine(place: int) -> Layer:
        kinds = {"initializer": drawn[place], "dtype": dtype}
        return dense(widths[place + 1], in_features=widths[place], **kinds)

    layers = list(_inputs(input_scale, standardize_like, dtype))
    layers += _noise(input_noise) + _dropout(input_drop_rate, dropout_form)
    for place, (mask, rate) in enumerate(zip(masks, rates, strict=True)):
        layers.append(affine(place))
        layers += [normalization] if batch_norm == "before" else []
        layers.append(activation_layer(activation))
        layers += [normalization] if batch_norm == "after" else []
        layers += mask + _dropout(rate, dropout_form)
    layers.append(affine(len(widths) - 2))
    if head is not None:
        layers.append(get_head(head).layer if isinstance(head, str) else head.layer)
    arguments |= {"widths": tuple(widths), "drop_rate": tuple(rates)}
    return _described(serial(*layers), arguments)


def _described(network: Layer, arguments: dict[str, Any]) -> Layer:
    widths = arguments["widths"]
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    if arguments["batch_norm"]:  # a scale and an offset for each hidden unit
        parameters += 2 * sum(widths[1:-1])
    facts = {"widths": widths, "parameters": parameters}
    own = {"settings": {"mlp": arguments}, "facts": facts}
    return network._replace(description=dataclasses.replace(network.description, **own))


def _inputs(scale: float | Array | None, examples: AnyArray | None, dtype: Any) -> Iterator[Layer]:
    both = scale is not None and examples is not None
    require(not both, "input_scale", "without standardize_like, which undoes any scale", "both")
    if scale is not None:
        yield rescale(scale, dtype=dtype)
    if examples is not None:
        yield standardize(examples, dtype=dtype)


def _dropout(drop_rate: float | Array, form: DropoutForm) -> list[Layer]:
    layer = dropout(drop_rate, like=form)  # checks both
    return [] if isinstance(drop_rate, int | float) and drop_rate == 0 else [layer]


def _noise(stddev: float | Array) -> list[Layer]:
    layer = gaussian_noise(stddev)  # checks it
    return [] if isinstance(stddev, int | float) and stddev == 0 else [layer]


def _one_each(argument: str, values: Any, hidden: int) -> Sequence[Any]:
    """Return one value per hidden layer, from one for all or one for each."""
    if not isinstance(values, Sequence):
        return [values] * hidden
    good = len(values) == hidden
    require(good, argument, f"to hold {hidden}, one a hidden layer", tuple(values))
    return values


def _active(active_units: Any, widths: Sequence[int], activation: Any) -> list[int | Array]:
    """Return the active widths of inputs, hidden layers and outputs."""
    counts = _one_each("active_units", active_units, len(widths) - 2)
    for count, width in zip(counts, widths[1:-1], strict=True):
        check_active("active_units", count, width=width)
    elementwise = activation not in ("softmax", "log_softmax")
    require(elementwise, "activation", "to go unit by unit with active_units", repr(activation))
    return [widths[0], *counts, widths[-1]]


def _narrow(
    initializer: str | Initializer, active: Sequence[int | Array]
) -> Iterator[str | Initializer]:
    for active_in, active_out in itertools.pairwise(active):
        yield narrow_initializer(initializer, active_in=active_in, active_out=active_out)
