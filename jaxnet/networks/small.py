"""Small networks of lectures 002 and 003, with hand-written training steps."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.checks import check_choice, check_count, check_range, require
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array, Layer
from jaxnet.functions.activations import Activation, get_activation
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import activation as activation_layer
from jaxnet.layers import dense, serial, shared


def perceptron(
    inputs: int,
    *,
    activation: str = "linear",
    bias: bool = False,
    initializer: str | Initializer = "he_normal",
    dtype: Any = None,
) -> Layer:
    """Return one neuron, ``y = f(w x)``.

    By hand: ``dw = dz x`` with ``dz = dy f'(z)``, which for ``sign`` and ``step`` is 0: no
    gradient trains those, `perceptron_rule` does.

    Args:
        inputs: number of inputs.
        activation: ``"linear"``; ``"sign"`` of z, 0 at 0; or ``"step"``, 1 for z >= 0, else 0.
        bias: whether there is one: ``z = w x + b``.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        dtype: of the parameters; by default JAX's floating-point default.

    Raises:
        ValueError: for no inputs, or an unknown activation or initializer.

    Source: lecture 003, "world's smallest perceptron" and the second smallest, of two inputs.

    >>> neuron = perceptron(1, initializer="ones")
    >>> params, statistics = neuron.init(jax.random.key(0), (1,))
    >>> neuron.apply(params, statistics, jnp.array([[3.5]]))[0].tolist()
    [[3.5]]
    """
    check_count("inputs", inputs)
    function = check_choice("activation", activation, _ACTIVATIONS)
    affine = dense(
        1,
        in_features=inputs,
        initializer=initializer,
        bias_initializer="zeros" if bias else None,
        dtype=dtype,
    )
    return serial(affine, activation_layer(function))


def perceptron_rule(
    weights: Float[Array, "..."],
    x: Num[AnyArray, "..."],
    target: float | Num[AnyArray, ""],
    *,
    learning_rate: float | Array = 1.0,
    activation: str = "linear",
) -> Float[Array, "..."]:
    """Return the perceptron's update ``w + learning_rate (v - y) x`` with ``y = f(w x)``.

    With the linear activation it is a step of gradient descent on ``L = 1/2 (v - y)^2``, whose
    gradient is ``dL/dw = -(v - y) x``. With ``sign`` or ``step`` it is Rosenblatt's rule: only
    mistakes move the weights, and if some weights separate the samples, it ends without any.
    From zero weights ``step`` makes at most ``(R / g)^2`` mistakes, ``R`` the largest norm of an
    ``x`` and ``g`` the margin of a separating plane (Novikoff 1962).

    Args:
        weights: shape ``(inputs,)``. A bias is the weight of an input that is always 1.
        x: one sample, shape ``(inputs,)``.
        target: its value, or label: -1 or 1 for ``sign``, 0 or 1 for ``step``.
        learning_rate: 0 or more; the lecture's rule has 1.
        activation: as for `perceptron`.

    Returns:
        The new weights, shape ``(inputs,)``.

    Raises:
        ValueError: for an unknown activation, a learning rate below 0, or shapes that differ.

    Source: lecture 003, which forgets the square in the loss of two inputs, once writes
    ``theta += eta dL/dtheta`` for minus, and puts eta into the derivative; it belongs here.

    >>> perceptron_rule(jnp.array([0.0]), jnp.array([2.0]), 2.0, learning_rate=0.5).tolist()
    [2.0]
    """
    check_range("learning_rate", learning_rate, low=0.0)
    function = check_choice("activation", activation, _ACTIVATIONS).function
    good, remedy = weights.ndim == 1 and x.shape == weights.shape, "perceptron_pass takes several."
    require(good, "x", f"of shape {weights.shape}", x.shape, remedy)
    x, v, eta = (jnp.asarray(value, weights.dtype) for value in (x, target, learning_rate))
    return weights + eta * (v - function(weights @ x)) * x


def perceptron_pass(
    weights: Float[Array, "..."],
    inputs: Num[AnyArray, "..."],
    targets: Num[AnyArray, "..."],
    *,
    learning_rate: float | Array = 1.0,
    activation: str = "linear",
) -> Float[Array, "..."]:
    """Apply `perceptron_rule` to one sample after the other: ``for n = 1 ... N``.

    Args:
        weights: shape ``(inputs,)``.
        inputs: the samples in order, shape ``(N, inputs)``.
        targets: shape ``(N,)``.
        learning_rate: as for `perceptron_rule`.
        activation: as for `perceptron`.

    Returns:
        The weights after each sample, shape ``(N, inputs)``; the last row goes on.

    Raises:
        ValueError: as `perceptron_rule`, or if there is not one target per sample.

    Source: lecture 003, "code to train your perceptron".

    >>> path = perceptron_pass(jnp.zeros(1), jnp.ones((3, 1)), jnp.ones(3), learning_rate=0.5)
    >>> path[:, 0].tolist()
    [0.5, 0.75, 0.875]
    """
    samples = inputs.shape[:1]
    require(targets.shape == samples, "targets", f"of shape {samples}", targets.shape)

    def step(weights: Array, sample: tuple[Array, Array]) -> tuple[Array, Array]:
        x, target = sample
        weights = perceptron_rule(
            weights, x, target, learning_rate=learning_rate, activation=activation
        )
        return weights, weights

    return jax.lax.scan(step, weights, (jnp.asarray(inputs), jnp.asarray(targets)))[1]


class Chain(NamedTuple):
    """The four parameters of `chain`, or a gradient with respect to them.

    Attributes:
        w1: weight of the first layer, a scalar like the others.
        b1: its bias.
        w2: weight of the second layer.
        w3: weight of the third layer.
    """

    w1: Array
    b1: Array
    w2: Array
    w3: Array

    __repr__ = represent


def chain(
    *,
    activations: Sequence[str] = ("sigmoid", "sigmoid", "sigmoid"),
    initializer: str | Initializer = "he_normal",
    dtype: Any = None,
) -> Layer:
    """Return the network of four parameters: ``y = f3(w3 f2(w2 f1(w1 x + b1)))``.

    `chain_backward` writes its gradient out; as a network it is a `serial` like any other.

    Args:
        activations: names of ``f1``, ``f2`` and ``f3``.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        dtype: of the parameters; by default JAX's floating-point default.

    Raises:
        ValueError: for other than three activations, or an unknown name.

    Source: lecture 003.

    >>> from jaxnet.core.trees import count_parameters
    >>> count_parameters(chain().init(jax.random.key(0), (1,))[0])
    4
    """
    f1, f2, f3 = _three(activations)
    first = dense(1, in_features=1, initializer=initializer, dtype=dtype)
    later = dense(1, initializer=initializer, bias_initializer=None, dtype=dtype)
    layers = first, activation_layer(f1), later, activation_layer(f2), later, activation_layer(f3)
    return serial(*layers)


def chain_backward(
    params: Chain,
    x: Float[Array, ""],
    target: Float[Array, ""],
    *,
    activations: Sequence[str] = ("sigmoid", "sigmoid", "sigmoid"),
) -> Chain:
    """Return the gradient of ``L = 1/2 (v - y)^2`` for one sample by the chain rule.

    With ``a1 = w1 x + b1``, ``a2 = w2 f1``, ``a3 = w3 f2`` and ``y = f3``:

    ``dL/dw3 = dL/df3 df3/da3 da3/dw3 = -(v - y) f3' f2``,
    ``dL/dw2 = dL/df3 df3/da3 da3/df2 df2/da2 da2/dw2``,
    ``dL/dw1 = dL/df3 df3/da3 da3/df2 df2/da2 da2/df1 df1/da1 da1/dw1``,
    and ``dL/db1`` the same with ``da1/db1 = 1`` for ``da1/dw1 = x``. Each starts with the links
    of the one before, already computed: that is backpropagation.

    Args:
        params: the four parameters, scalars.
        x: the input, a scalar; `jax.vmap` takes several.
        target: ``v``, a scalar.
        activations: names of ``f1``, ``f2`` and ``f3``, entrywise ones.

    Returns:
        The gradient, in the form of the parameters.

    Raises:
        ValueError: for other than three activations, or an unknown name.

    Source: lecture 003, with the learning rate, which the slide has in the derivative, left to
    the update.

    >>> params = Chain(*(jnp.array(value) for value in (2.0, 1.0, 3.0, 5.0)))
    >>> linear = ("linear", "linear", "linear")  # y = 5 * 3 * (2 x + 1) = 45 at x = 1
    >>> [
    ...     float(d)
    ...     for d in chain_backward(params, jnp.ones(()), jnp.array(44.0), activations=linear)
    ... ]
    [15.0, 15.0, 15.0, 9.0]
    """
    f1, f2, f3 = (get_activation(name) for name in _three(activations))
    w1, b1, w2, w3 = params
    a1 = w1 * x + b1
    y1 = f1.function(a1)
    a2 = w2 * y1
    y2 = f2.function(a2)
    a3 = w3 * y2
    y3 = f3.function(a3)
    dl_df3 = -(target - y3)
    dl_da3 = dl_df3 * _slope(f3, a3, y3)
    dl_dw3 = dl_da3 * y2
    dl_df2 = dl_da3 * w3
    dl_da2 = dl_df2 * _slope(f2, a2, y2)
    dl_dw2 = dl_da2 * y1
    dl_df1 = dl_da2 * w2
    dl_da1 = dl_df1 * _slope(f1, a1, y1)
    dl_dw1 = dl_da1 * x
    dl_db1 = dl_da1
    return Chain(dl_dw1, dl_db1, dl_dw2, dl_dw3)


def shared_linears(
    features: int = 10,
    linears: int = 10,
    *,
    initializer: str | Initializer = "he_normal",
    dtype: Any = None,
) -> Layer:
    """Return a network that reuses its first dense layers.

    ``x <- linear_{i // 2}(x) + linear_i(x)`` for i = 0, 1, ...: in step 0 the first is added to
    itself. The gradient of a layer is the sum over its uses.

    Args:
        features: inputs and outputs of each layer.
        linears: number of layers and of steps.
        initializer: of the weights, as for `jaxnet.layers.dense`.
        dtype: of the parameters; by default JAX's floating-point default.

    Raises:
        ValueError: for no features or no layers, or an unknown initializer.

    Source: lecture 002, the example of ModuleList.

    >>> from jaxnet.core.trees import count_parameters
    >>> count_parameters(shared_linears().init(jax.random.key(0), (10,))[0])
    1100
    """
    check_count("linears", linears)
    layer = dense(features, in_features=features, initializer=initializer, dtype=dtype)
    return shared(*[layer] * linears, uses=[(i // 2, i) for i in range(linears)])


def _three(activations: Sequence[str]) -> Sequence[str]:
    require(len(activations) == 3, "activations", "to be three", tuple(activations))
    return activations


def _slope(function: Activation, z: Array, y: Array) -> Array:
    return function.backward(z, y, jnp.ones_like(y))


_ACTIVATIONS = {name: get_activation(name) for name in ("linear", "sign", "step")}
"""Activations of a perceptron's rule; all but ``linear`` have a useless gradient."""
