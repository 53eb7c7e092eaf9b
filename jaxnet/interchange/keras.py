"""To and from Keras: the weights of a ``keras.Sequential``."""

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import require
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Layer, Params, Shape, Statistics
from jaxnet.interchange.layout import (
    OURS,
    ParameterNames,
    expected_names,
    input_shape,
    read,
    spell,
    take_apart,
)
from jaxnet.interchange.library_layers import Native, make_activation
from jaxnet.interchange.parts import FlatLayer
from jaxnet.networks.model_metadata import check_input_shape

NAMES = {
    "weights": "kernel",
    "bias": "bias",
    "scale": "gamma",
    "offset": "beta",
    "mean": "moving_mean",
    "variance": "moving_variance",
}
"""Field -> Keras's name."""

KERAS = ParameterNames(lambda part, field: f"{NAMES[field]} of {part.name}", transposed=True)

ACTIVATIONS = {
    "leaky_relu": Native("LeakyReLU", options={"negative_slope": 0.01}),
    "elu": Native("ELU", options={"alpha": 1.0}),
    **{
        name: Native("Activation", {"activation": name})
        for name in (
            "linear",
            "sigmoid",
            "tanh",
            "relu",
            "selu",
            "softplus",
            "silu",
            "gelu",
            "softmax",
            "log_softmax",
        )
    },
}
"""Name -> Keras's layer. ``gelu_tanh`` is none: a saved one would be loaded as the exact gelu."""


def to_keras(network: Layer, params: Params, statistics: Statistics) -> list[np.ndarray]:
    """Return the Keras weights of the network, for ``model.set_weights``.

    In the order of ``model.get_weights()``: layer by layer, kernel and bias, or gamma, beta, moving
    mean and moving variance. Kernels are the weights transposed, (in, out). Needs no Keras.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters.
        statistics: the network's statistics.

    Returns:
        NumPy arrays, copies.

    Raises:
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.

    >>> import jax, jaxnet
    >>> network = jaxnet.mlp((4, 3, 2))
    >>> weights = to_keras(network, *network.init(jax.random.key(0), (4,)))
    >>> [array.shape for array in weights]
    [(4, 3), (3,), (3, 2), (2,)]
    """
    parts = take_apart(network, params, statistics)
    return [np.array(array) for array in spell(parts, KERAS).values()]


def from_keras(network: Layer, weights: Iterable[Any]) -> tuple[Params, Statistics]:
    """Return a network's parameters and statistics from Keras's, the inverse of `to_keras`.

    Args:
        network: the same network, made with jaxnet.
        weights: ``model.get_weights()``, arrays in the order of `to_keras`.

    Returns:
        ``params, statistics``, copies with the dtypes of the network.

    Raises:
        ValueError: for a layer without counterpart, for another number of arrays than the
            network's, or for an array of a wrong shape or not finite.
        TypeError: for an array of another dtype than the network's.

    >>> from jaxnet.layers import dense
    >>> kernel, bias = np.array([[1, 2, 3], [4, 5, 6]], "float32"), np.zeros(3, "float32")
    >>> from_keras(dense(3, dtype="float32"), [kernel, bias])[0].weights.tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    arrays = [np.asarray(array) for array in weights]
    names = expected_names(network, arrays[0].shape[:1] if arrays else (1,), KERAS)
    expected = f"to be {len(names)} arrays: {', '.join(names)}"
    require(len(arrays) == len(names), "weights", expected, len(arrays))
    return read(network, dict(zip(names, arrays, strict=True)), KERAS)


def keras_model(
    network: Layer, params: Params, statistics: Statistics, *, in_shape: Shape | None = None
) -> Any:
    """Return a ``keras.Sequential`` that computes the network, with these arrays.

    ``model(x)`` is ``network.apply(params, statistics, x)``; ``model(x, training=True)`` and
    ``model.fit`` train. Momentum and eps are carried over; the moving variance is then over n, as
    in all conventions but ``"torch"``. Rescaling becomes
    ``keras.layers.Rescaling``, standardization ``keras.layers.Normalization``.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists; activations by their names.
        params: the network's parameters.
        statistics: the network's statistics.
        in_shape: shape of one input; by default that of standardization, or one row.

    Raises:
        ImportError: if Keras, or the library that it is set to compute with, is not installed.
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.
    """
    backend = "Where TensorFlow is not, set KERAS_BACKEND=jax before Keras is first imported."
    keras = import_package("keras", remedy=backend)
    parts = take_apart(network, params, statistics)
    weights = to_keras(network, params, statistics)
    dtype = weights[0].dtype.name if weights else jnp.result_type(float).name
    shape = input_shape(parts, OURS) if in_shape is None else check_input_shape(in_shape)
    inputs = [keras.Input(shape, dtype=dtype)] if weights else []
    layers = [_BUILDERS[part.kind](keras.layers, part, dtype) for part in parts]
    model = keras.Sequential(inputs + layers)
    model.set_weights(weights)
    return model


def _dense(layers: Any, part: FlatLayer, dtype: str) -> Any:
    return layers.Dense(
        len(part.arrays["weights"]),
        use_bias="bias" in part.arrays,
        kernel_initializer="zeros",  # the network's own follow
        dtype=dtype,
    )


def _batch_norm(layers: Any, part: FlatLayer, dtype: str) -> Any:
    eps = float(part.settings["eps"])
    return layers.BatchNormalization(momentum=part.old_weight, epsilon=eps, dtype=dtype)


def _dropout(layers: Any, part: FlatLayer, dtype: str) -> Any:
    return layers.Dropout(float(part.settings["drop_rate"]), dtype=dtype)


def _activation(layers: Any, part: FlatLayer, dtype: str) -> Any:
    return make_activation(layers, part, ACTIVATIONS, dtype=dtype)


def _rescale(layers: Any, part: FlatLayer, dtype: str) -> Any:
    scale, offset = float(part.settings["scale"]), float(part.settings["offset"])
    return layers.Rescaling(scale, offset, dtype=dtype)


def _flatten(layers: Any, part: FlatLayer, dtype: str) -> Any:
    del part
    return layers.Flatten(dtype=dtype)


def _standardize(layers: Any, part: FlatLayer, dtype: str) -> Any:
    mean, std = (np.asarray(part.arrays[name], np.float64) for name in ("mean", "std"))
    least, remedy = float(std.min()), "Leave out features that hardly vary."
    # Keras divides by 1e-7 at least
    require(least > 1e-7, part.name, "to divide by more than 1e-7", least, remedy)
    axes = tuple(range(1, 1 + mean.ndim))
    return layers.Normalization(axes, mean=mean, variance=std**2, dtype=dtype)


_BUILDERS = {
    "activation": _activation,
    "batch_norm": _batch_norm,
    "dense": _dense,
    "dropout": _dropout,
    "flatten": _flatten,
    "rescale": _rescale,
    "standardize": _standardize,
}
