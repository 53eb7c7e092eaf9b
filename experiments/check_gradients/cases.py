"""What check_gradients checks: every layer, activation, loss and head, and a grid of networks."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Array, Layer, Params, Residual, Shape
from jaxnet.functions.losses import Loss, get_loss
from jaxnet.layers import (
    activation,
    active_units,
    batch_norm,
    dense,
    dropout,
    gaussian_noise,
    maxout,
    parallel,
    powers,
    rescale,
    residual,
    serial,
    shared,
    standardize,
)
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.networks.heads import HEADS

EXAMPLES, CLASSES = 6, 3

Targets = Callable[[np.random.Generator, Shape], np.ndarray]


def _values(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.normal(size=shape)


def _signs(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.choice([-1.0, 1.0], size=shape)


def _bits(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.choice([0.0, 1.0], size=shape)


def _labels(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.integers(shape[-1], size=shape[:-1]).astype(np.int32)


def _distributions(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])


class Case(NamedTuple):
    """One thing to check: a network under a loss.

    Attributes:
        group: layer, activation, loss, head or network.
        name: of what is checked.
        network: what it is checked in.
        in_shape: shape of one input.
        loss: a name in `jaxnet.losses.LOSSES`, or a loss.
        targets: draws the targets, given the outputs' shape.
    """

    group: str
    name: str
    network: Layer
    in_shape: Shape = (5,)
    loss: str | Loss = "half_squared_error"
    targets: Targets = _values


_BRANCH = serial(dense(5), activation("tanh"))

_LAYERS = {
    "dense": dense(3),
    "dense without bias": dense(3, bias_initializer=None),
    "rescale": rescale(0.5, 1.0),
    "standardize": standardize(np.random.default_rng(1).normal(3.0, 2.0, size=(20, 5))),
    "maxout": maxout(3, 2),
    **{f"batch_norm, {name}": batch_norm(like=name) for name in get_args(ConventionName)},
    "dropout, inverted": dropout(0.3),
    "dropout, lecture": dropout(0.3, like="lecture"),
    "active_units": active_units(3),
    "gaussian_noise": gaussian_noise(0.5),
    "serial": serial(dense(4), activation("tanh"), dense(3)),
    "parallel, concatenate": parallel(dense(3), _BRANCH),
    "parallel, sum": parallel(_BRANCH, dense(5), combine="sum"),
    "residual": residual(_BRANCH),
    "shared": shared(dense(5), dense(5), uses=[0, (0, 1), 1]),
}

_LOSSES: dict[str, tuple[str | None, Targets]] = {
    "hinge": (None, _signs),
    "squared_hinge": (None, _signs),
    "perceptron": (None, _signs),
    "zero_one": (None, _labels),
    "binary_cross_entropy": ("sigmoid", _bits),
    "sigmoid_binary_cross_entropy": (None, _bits),
    "categorical_cross_entropy": ("softmax", _labels),
    "softmax_cross_entropy": (None, _labels),
    "kl_divergence": ("softmax", _distributions),
    "softmax_kl_divergence": (None, _distributions),
}
"""Loss -> activation of the outputs that it wants, and targets; all others take any values."""

_HEADS: dict[str, tuple[dict[str, Any], int, Targets]] = {
    "binary": ({}, 1, _bits),
    "multiclass": ({}, CLASSES, _labels),
    "regression": ({}, 2, _values),
    "bounded_regression": ({"low": -2.0, "high": 5.0}, 2, _values),
}


def _all() -> Iterator[Case]:
    for name, layer in _LAYERS.items():
        yield Case("layer", name, layer)
    yield Case("layer", "powers", powers(3), in_shape=(1,))
    for name in jaxnet.activations.ACTIVATIONS:
        yield Case("activation", name, serial(dense(4), activation(name)))
    for name in jaxnet.losses.LOSSES:
        output, targets = _LOSSES.get(name, (None, _values))
        layers = [dense(4), activation("tanh"), dense(CLASSES)]
        network = serial(*layers, *([activation(output)] if output else []))
        yield Case("loss", name, network, loss=name, targets=targets)
    smoothed = get_loss("softmax_cross_entropy", label_smoothing=0.1)
    network = serial(dense(4), activation("tanh"), dense(CLASSES))
    yield Case("loss", "label smoothing", network, loss=smoothed, targets=_labels)
    for name, (options, outputs, targets) in _HEADS.items():
        head = HEADS[name](**options)
        network = serial(dense(4), activation("tanh"), dense(outputs), head.layer)
        yield Case("head", name, network, loss=head.loss, targets=targets)
    for name, network in _networks():
        classes = {"loss": "softmax_cross_entropy", "targets": _labels}
        yield Case("network", name, network, **classes)


def _networks() -> Iterator[tuple[str, Layer]]:
    yield "5-7-4-3, lecture 002", jaxnet.mlp((5, 7, 4, 3), activation="relu")
    yield "5-3, no hidden layer", jaxnet.mlp((5, 3))
    yield "5-8-8-8-8-8-3, deep", jaxnet.mlp((5, 8, 8, 8, 8, 8, 3), activation="tanh")
    yield "5-100-3, wide", jaxnet.mlp((5, 100, 3), activation="gelu")
    for place in ("before", "after"):
        yield (
            f"5-7-4-3, batch norm {place}",
            jaxnet.mlp((5, 7, 4, 3), activation="sigmoid", batch_norm=place),
        )
    yield (
        "5-7-4-3, dropout",
        jaxnet.mlp((5, 7, 4, 3), activation="relu", drop_rate=0.5, input_drop_rate=0.2),
    )
    yield "5-7-4-3, elu", jaxnet.mlp((5, 7, 4, 3), activation="elu", input_scale=1 / 16)


CASES = list(_all())


def draw(case: Case, precision: str, *, seed: int) -> tuple[Params, Any, Array, Array]:
    """Draw parameters, positive statistics, inputs and targets for a case, by NumPy.

    The same numbers in each precision, but for rounding.
    """
    rng = np.random.default_rng(seed)
    kind = jnp.dtype(precision)
    shapes = jax.eval_shape(lambda key: case.network.init(key, case.in_shape), jax.random.key(0))

    def normal(leaf: jax.ShapeDtypeStruct) -> Array:
        return jnp.asarray(rng.normal(size=leaf.shape), kind)

    params, statistics = jax.tree.map(normal, shapes)
    x = jnp.asarray(rng.normal(size=(EXAMPLES, *case.in_shape)), kind)
    targets = case.targets(rng, (EXAMPLES, *case.network.out_shape(case.in_shape)))
    labels = np.issubdtype(targets.dtype, np.integer)
    return (
        params,
        jax.tree.map(jnp.abs, statistics),
        x,
        jnp.asarray(targets, None if labels else kind),
    )


def sabotaged() -> list[Case]:
    """Return the network of lecture 002 with one leaf of its gradient wrong by a thousandth.

    Once for each leaf: three weight matrices, three biases, and the inputs.
    """
    network = jaxnet.mlp((5, 7, 4, 3), activation="tanh")

    def broken(leaf: int) -> Layer:
        def backward(params: Params, kept: Residual, dy: Array) -> Any:
            leaves, structure = jax.tree.flatten(network.backward(params, kept, dy))
            leaves[leaf] = leaves[leaf] * 1.001
            return jax.tree.unflatten(structure, leaves)

        return network._replace(backward=backward)

    return [
        Case("sabotage", f"leaf {i}", broken(i), loss="softmax_cross_entropy", targets=_labels)
        for i in range(7)
    ]
