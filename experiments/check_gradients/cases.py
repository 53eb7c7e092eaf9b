"""Cases of the gradient check: every layer, activation, loss and head, and networks of many kinds.

The tests of jaxnet run over the same layers and networks.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet import activations, losses
from jaxnet.core.types import Array, ElementwiseLoss, Layer, Params, Residual, Shape
from jaxnet.layers import (
    activation,
    active_units,
    batch_norm,
    dense,
    dropout,
    flatten,
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
from jaxnet.networks import HEADS, polynomial


class LayerCase(NamedTuple):
    """A layer or network with the shape of its inputs."""

    name: str
    layer: Layer
    in_shape: Shape
    batch: int = 4


_SQUARE = activations.Activation(lambda z: z * z, lambda z, _, dy: 2 * z * dy)
_BLOCK = serial(dense(5), activation("relu"), dense(3))
_EXAMPLES = np.array([[1.0, 2.0, 3.0], [4.0, 2.0, 9.0], [7.0, 2.0, 0.0], [0.0, 2.0, 1.0]])

ACTIVATIONS = [
    *[LayerCase(name, activation(name), (6,)) for name in activations.ACTIVATIONS],
    LayerCase("leaky_relu-.2", activation("leaky_relu", negative_slope=0.2), (6,)),
    LayerCase("elu-.5", activation("elu", alpha=0.5), (6,)),
    LayerCase("softmax-batch-1", activation("softmax"), (3,), 1),
    LayerCase("relu-of-images", activation("relu"), (2, 3)),
    LayerCase("activation-by-autodiff", activation(jnp.sin), (6,)),
    LayerCase("activation-by-user", activation(_SQUARE), (6,)),
]

LAYERS = [
    LayerCase("dense-5-3", dense(3), (5,)),
    LayerCase("dense-5-3-batch-1", dense(3), (5,), 1),
    LayerCase("dense-1-1", dense(1), (1,)),
    LayerCase("rescale", rescale(1 / 255, -0.5), (6,)),
    LayerCase("batch-norm-lecture", batch_norm(), (3,)),
    LayerCase("batch-norm-torch", batch_norm(like="torch"), (3,)),
    LayerCase("batch-norm-flax", batch_norm(like="flax"), (3,)),
    LayerCase("batch-norm-keras", batch_norm(like="keras"), (3,)),
    LayerCase("batch-norm-batch-1", batch_norm(), (3,), 1),
    LayerCase("batch-norm-of-images", batch_norm(), (2, 3), 5),
    *[LayerCase(f"dropout-inverted-{p}", dropout(p), (6,)) for p in (0, 0.2, 0.5, 0.75)],
    *[
        LayerCase(f"dropout-lecture-{p}", dropout(p, like="lecture"), (6,))
        for p in (0, 0.2, 0.5, 0.75)
    ],
    LayerCase("dropout-of-images", dropout(0.3), (2, 3), 5),
    LayerCase("flatten", flatten(), (2, 3), 5),
    LayerCase("dropout-of-whole-examples", dropout(0.5, whole_examples=True), (2, 3), 12),
    LayerCase("active-units", active_units(2), (3,)),
    LayerCase("active-units-all-of-images", active_units(3), (2, 3)),
    LayerCase("gaussian-noise", gaussian_noise(0.5), (3,)),
    LayerCase("gaussian-noise-0", gaussian_noise(0), (2, 3)),
    LayerCase("powers", powers(5), (1,)),
    LayerCase("powers-1", powers(1), (1,), 1),
    LayerCase("serial-of-none", serial(), (3,)),
    LayerCase("serial-of-one", serial(dense(2)), (3,)),
    LayerCase("serial-of-softmax", serial(dense(4), activation("softmax"), dense(2)), (3,)),
    LayerCase(
        "serial-of-serial",
        serial(serial(rescale(2.0), dense(4)), serial(activation("tanh"), serial(dense(2)))),
        (3,),
    ),
    LayerCase("dense-without-bias", dense(3, bias_initializer=None), (5,)),
    LayerCase("maxout", maxout(3, 4), (5,)),
    LayerCase("maxout-without-bias", maxout(2, 2, bias_initializer=None), (3,), 1),
    LayerCase("maxout-of-one-piece", maxout(3, 1), (5,)),
    LayerCase("standardize", standardize(_EXAMPLES), (3,)),
    LayerCase("standardize-images", standardize(_EXAMPLES.reshape(3, 2, 2), ddof=1), (2, 2)),
    LayerCase("parallel-of-one", parallel(dense(2)), (3,)),
    LayerCase("parallel-concatenated", parallel(dense(2), serial(), dense(4)), (3,)),
    LayerCase("parallel-of-images", parallel(activation("tanh"), rescale(2.0)), (2, 3)),
    LayerCase("parallel-summed", parallel(_BLOCK, dense(3), serial(), combine="sum"), (3,)),
    LayerCase("residual", residual(dense(3)), (3,), 1),
    LayerCase("residual-of-serial", residual(_BLOCK), (3,)),
    LayerCase("parallel-of-residual", parallel(residual(_BLOCK), maxout(2, 2)), (3,)),
    LayerCase("shared-twice", shared(dense(3), uses=[0, 0]), (3,)),
    LayerCase("shared-with-itself", shared(dense(2), uses=[(0, 0)]), (3,)),
    LayerCase(
        "shared-modulelist", shared(*[dense(4)] * 4, uses=[(i // 2, i) for i in range(4)]), (4,)
    ),
    LayerCase("shared-serial", shared(_BLOCK, dense(3), uses=[1, (0, 1), 0]), (3,)),
    LayerCase(
        "serial-of-branches",
        serial(standardize(_EXAMPLES), residual(parallel(dense(1), maxout(2, 2))), dense(2)),
        (3,),
    ),
]

_TANH: dict[str, Any] = {"activation": "tanh", "drop_rate": (0.5, 0.0)}

NETWORKS = [
    LayerCase("mlp-3-4-2", jaxnet.mlp((3, 4, 2)), (3,)),
    LayerCase("mlp-4-3", jaxnet.mlp((4, 3)), (4,)),
    LayerCase("mlp-5-7-4-3-tanh", jaxnet.mlp((5, 7, 4, 3), activation="tanh"), (5,), 8),
    LayerCase(
        "mlp-5-7-4-3-sigmoid-batch-1", jaxnet.mlp((5, 7, 4, 3), activation="sigmoid"), (5,), 1
    ),
    LayerCase("mlp-6-8-8-8-3-softmax", jaxnet.mlp((6, 8, 8, 8, 3), activation="softmax"), (6,)),
    LayerCase("mlp-4-6-2-scaled", jaxnet.mlp((4, 6, 2), input_scale=1 / 16), (4,)),
    LayerCase("mlp-1-1-1", jaxnet.mlp((1, 1, 1), activation="linear"), (1,), 2),
    LayerCase(
        "mlp-4-6-5-2-batch-norm-before",
        jaxnet.mlp((4, 6, 5, 2), batch_norm="before", **_TANH),
        (4,),
        6,
    ),
    LayerCase(
        "mlp-4-6-5-2-batch-norm-after",
        jaxnet.mlp((4, 6, 5, 2), batch_norm="after", **_TANH),
        (4,),
        6,
    ),
    LayerCase("mlp-9-layers-gelu", jaxnet.mlp((4, *[5] * 8, 2), activation="gelu"), (4,)),
    LayerCase("polynomial", polynomial(5, order=2), (1,)),
    LayerCase(
        "mlp-4-6-5-2-active",
        jaxnet.mlp((4, 6, 5, 2), active_units=(2, 5), input_noise=0.1, activation="sigmoid"),
        (4,),
    ),
    LayerCase("mlp-5-7-4-3", jaxnet.mlp((5, 7, 4, 3)), (5,), 6),
    LayerCase("mlp-5-100-3-gelu", jaxnet.mlp((5, 100, 3), activation="gelu"), (5,)),
    LayerCase(
        "mlp-5-7-4-3-dropout", jaxnet.mlp((5, 7, 4, 3), drop_rate=0.5, input_drop_rate=0.2), (5,), 6
    ),
    LayerCase(
        "mlp-5-7-4-3-elu", jaxnet.mlp((5, 7, 4, 3), activation="elu", input_scale=1 / 16), (5,)
    ),
    LayerCase("mlp-784-30-10", jaxnet.mlp((784, 30, 10)), (784,), 16),
]


CLASSES = 3

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
    """A network under a loss.

    Attributes:
        group: layer, activation, loss, head or network.
        name: of the case.
        network: the network.
        in_shape: shape of one input.
        batch: number of inputs.
        loss: a name in `jaxnet.losses.LOSSES`, a loss, or a function.
        targets: draws the targets, given the outputs' shape.
    """

    group: str
    name: str
    network: Layer
    in_shape: Shape = (5,)
    batch: int = 6
    loss: str | losses.Loss | ElementwiseLoss = "half_squared_error"
    targets: Targets = _values


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
"""Loss -> activation of the outputs, and targets; the others take any values."""

_HEADS: dict[str, tuple[dict[str, Any], int, Targets]] = {
    "binary": ({}, 1, _bits),
    "multiclass": ({}, CLASSES, _labels),
    "regression": ({}, 2, _values),
    "bounded_regression": ({"low": -2.0, "high": 5.0}, 2, _values),
}


def _layer_case(group: str, case: LayerCase) -> Case:
    if len(case.layer.out_shape(case.in_shape)) == 1:
        return Case(group, *case)
    return Case(group, *case, loss=_sum_of_squares)


def _sum_of_squares(outputs: Array, targets: Array) -> Array:
    return jnp.sum((outputs - targets) ** 2, axis=tuple(range(1, outputs.ndim))) / 2


def _loss_case(name: str, loss: str | losses.Loss, output: str | None, targets: Targets) -> Case:
    layers = [dense(4), activation("tanh"), dense(CLASSES)]
    network = serial(*layers, *([activation(output)] if output else []))
    return Case("loss", name, network, loss=loss, targets=targets)


def _head_case(name: str, options: dict[str, Any], outputs: int, targets: Targets) -> Case:
    head = HEADS[name](**options)
    network = serial(dense(4), activation("tanh"), dense(outputs), head.layer)
    return Case("head", name, network, loss=head.loss, targets=targets)


def _network_case(case: LayerCase) -> Case:
    if case.layer.out_shape(case.in_shape) == (1,):
        return Case("network", *case)
    return Case("network", *case, loss="softmax_cross_entropy", targets=_labels)


_SMOOTHED = losses.get_loss("softmax_cross_entropy", label_smoothing=0.1)

CASES = [
    *[_layer_case("layer", case) for case in LAYERS],
    *[_layer_case("activation", case) for case in ACTIVATIONS],
    *[_loss_case(n, n, *_LOSSES.get(n, (None, _values))) for n in losses.LOSSES],
    _loss_case("label smoothing", _SMOOTHED, None, _labels),
    *[_head_case(name, *row) for name, row in _HEADS.items()],
    *[_network_case(case) for case in NETWORKS],
]


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
    x = jnp.asarray(rng.normal(size=(case.batch, *case.in_shape)), kind)
    targets = case.targets(rng, (case.batch, *case.network.out_shape(case.in_shape)))
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
