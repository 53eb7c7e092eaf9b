"""To and from flax linen: the variables of a compact module."""

from collections.abc import Mapping
from typing import Any

from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Layer, Params, Statistics
from jaxnet.interchange.layout import ParameterNames, flatten, nest, read, spell, take_apart
from jaxnet.interchange.library_layers import plain_function
from jaxnet.interchange.parts import FlatLayer

NAMES = {
    "weights": ("params", "kernel"),
    "bias": ("params", "bias"),
    "scale": ("params", "scale"),
    "offset": ("params", "bias"),
    "mean": ("batch_stats", "mean"),
    "variance": ("batch_stats", "var"),
}
"""Field -> flax's collection and name."""

MODULES = {"dense": "Dense", "batch_norm": "BatchNorm"}
"""Kind -> flax's class, for each kind with arrays."""


def _key(part: FlatLayer, field: str) -> str:
    collection, name = NAMES[field]
    return f"{collection}/{MODULES[part.kind]}_{part.rank}/{name}"


LINEN = ParameterNames(_key, transposed=True)


def to_linen(network: Layer, params: Params, statistics: Statistics) -> dict[str, Any]:
    """Return the flax linen variables of the network.

    Named as a compact module names them: ``Dense_0``, ``BatchNorm_0``, ``Dense_1``, each kind
    counted for itself. Kernels are the weights transposed, (in, out). Needs no flax, and works
    under ``jax.jit`` and ``jax.grad``.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters.
        statistics: the network's statistics.

    Returns:
        ``{"params": ..., "batch_stats": ...}``, nested dicts of arrays; a collection without
        arrays is left out, as by flax.

    Raises:
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.

    >>> import jax, jaxnet
    >>> network = jaxnet.mlp((4, 3, 2))
    >>> variables = to_linen(network, *network.init(jax.random.key(0), (4,)))
    >>> jax.tree.map(lambda array: array.shape, variables["params"]["Dense_0"])
    {'bias': (3,), 'kernel': (4, 3)}
    """
    return nest(spell(take_apart(network, params, statistics), LINEN))


def from_linen(network: Layer, variables: Mapping[str, Any]) -> tuple[Params, Statistics]:
    """Return a network's parameters and statistics from flax linen's, the inverse of `to_linen`.

    Args:
        network: the same network, made with jaxnet.
        variables: ``{"params": ..., "batch_stats": ...}`` with the names of `to_linen`.

    Returns:
        ``params, statistics``, copies with the dtypes of the network.

    Raises:
        ValueError: for a layer without counterpart, for missing or unknown names, or for an
            array of a wrong shape or not finite.
        TypeError: for an array of another dtype than the network's.

    >>> import numpy as np
    >>> from jaxnet.layers import dense
    >>> kernel, bias = np.array([[1, 2, 3], [4, 5, 6]], "float32"), np.zeros(3, "float32")
    >>> layer = dense(3, dtype="float32")
    >>> params, _ = from_linen(layer, {"params": {"Dense_0": {"kernel": kernel, "bias": bias}}})
    >>> params.weights.tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    return read(network, flatten("variables", variables), LINEN)


def linen_module(network: Layer, params: Params, statistics: Statistics) -> Any:
    """Return the flax linen module whose variables are those of `to_linen`.

    ``module.apply(to_linen(...), x)`` is ``network.apply(...)`` in evaluation. For training call
    ``module.apply(variables, x, training=True, mutable=["batch_stats"], rngs={"dropout": key})``.
    Momentum and eps are carried over; the moving variance is then over n, as in all conventions
    but ``"torch"``. Activations, rescaling and standardization are the network's own functions,
    whatever they are.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters, for the presence of biases and the dtypes.
        statistics: the network's statistics.

    Raises:
        ImportError: if flax is not installed.
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.
    """
    linen = import_package("flax.linen")
    parts = take_apart(network, params, statistics)

    class Network(linen.Module):
        """The layers of a jaxnet network in turn."""

        @linen.compact
        def __call__(self, x: Any, *, training: bool = False) -> Any:
            """Propagate a batch forward."""
            for part in parts:
                x = _BUILDERS[part.kind](linen, part, training)(x)
            return x

    return Network()


def _dense(linen: Any, part: FlatLayer, training: bool) -> Any:
    del training
    weights = part.arrays["weights"]
    return linen.Dense(len(weights), use_bias="bias" in part.arrays, param_dtype=weights.dtype)


def _batch_norm(linen: Any, part: FlatLayer, training: bool) -> Any:
    return linen.BatchNorm(
        use_running_average=not training,
        momentum=part.old_weight,
        epsilon=float(part.settings["eps"]),
        param_dtype=part.arrays["scale"].dtype,
        use_fast_variance=False,  # which cancels: E x^2 - (E x)^2
    )


def _dropout(linen: Any, part: FlatLayer, training: bool) -> Any:
    return linen.Dropout(float(part.settings["drop_rate"]), deterministic=not training)


def _function(linen: Any, part: FlatLayer, training: bool) -> Any:
    del linen, training
    return plain_function(part)


_BUILDERS = {
    "activation": _function,
    "batch_norm": _batch_norm,
    "dense": _dense,
    "dropout": _dropout,
    "flatten": _function,
    "rescale": _function,
    "standardize": _function,
}
