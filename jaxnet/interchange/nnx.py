"""To and from flax nnx: the state of an ``nnx.Sequential``."""

from typing import Any

from jaxnet.core.checks import check_instance
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Layer, Params, Statistics
from jaxnet.interchange.layout import ParameterNames, flatten, nest, read, spell, take_apart
from jaxnet.interchange.library_layers import plain_function
from jaxnet.interchange.linen import NAMES
from jaxnet.interchange.parts import FlatLayer

NNX = ParameterNames(lambda part, field: f"layers/{part.place}/{NAMES[field][1]}", transposed=True)


def to_nnx(network: Layer, params: Params, statistics: Statistics) -> dict[str, Any]:
    """Return the flax nnx state of the network as a pure dict.

    Layer ``i`` is number ``i`` of an ``nnx.Sequential``; layers without arrays count. Kernels are
    the weights transposed, (in, out). Needs no flax; ``nnx.update(module, to_nnx(...))`` puts the
    arrays into a module.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters.
        statistics: the network's statistics.

    Returns:
        ``{"layers": {0: {"kernel": ..., "bias": ...}, ...}}``, as ``nnx.to_pure_dict`` gives it.

    Raises:
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.

    >>> import jax, jaxnet
    >>> network = jaxnet.mlp((4, 3, 2))
    >>> state = to_nnx(network, *network.init(jax.random.key(0), (4,)))
    >>> jax.tree.map(lambda array: array.shape, state["layers"][2])
    {'bias': (2,), 'kernel': (3, 2)}
    """
    layers = nest(spell(take_apart(network, params, statistics), NNX)).get("layers", {})
    return {"layers": {int(index): arrays for index, arrays in layers.items()}} if layers else {}


def from_nnx(network: Layer, source: Any) -> tuple[Params, Statistics]:
    """Return a network's parameters and statistics from flax nnx's, the inverse of `to_nnx`.

    Args:
        network: the same network, made with jaxnet.
        source: an ``nnx.Sequential``, its ``nnx.State``, or that as a dict of arrays.

    Returns:
        ``params, statistics``, copies with the dtypes of the network.

    Raises:
        ImportError: for a module or state, if flax is not installed.
        ValueError: for a layer without counterpart, for missing or unknown names, or for an
            array of a wrong shape or not finite.
        TypeError: for an array of another dtype than the network's.

    >>> import numpy as np
    >>> from jaxnet.layers import dense
    >>> kernel = np.array([[1, 2, 3], [4, 5, 6]], "float32")
    >>> layer = dense(3, bias_initializer=None, dtype="float32")
    >>> from_nnx(layer, {"layers": {0: {"kernel": kernel}}})[0].weights.tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    arrays = source if isinstance(source, dict) else _pure_dict(source)
    return read(network, flatten("source", arrays), NNX)


def nnx_module(network: Layer, params: Params, statistics: Statistics) -> Any:
    """Return an ``nnx.Sequential`` that computes the network, with these arrays.

    It is in evaluation: ``module(x)`` is ``network.apply(params, statistics, x)``. For training
    call ``module.train()`` and then ``module(x, rngs=nnx.Rngs(dropout=seed))``. Momentum and eps
    are carried over; the moving variance is then over n, as in all conventions but ``"torch"``.
    Activations, rescaling and standardization are the network's own functions, whatever they are.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters.
        statistics: the network's statistics.

    Raises:
        ImportError: if flax is not installed.
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.
    """
    nnx = import_package("flax.nnx")
    parts = take_apart(network, params, statistics)
    module = nnx.Sequential(*(_BUILDERS[part.kind](nnx, part) for part in parts))
    nnx.update(module, to_nnx(network, params, statistics))
    module.eval()
    return module


def _pure_dict(source: Any) -> Any:
    nnx = import_package("flax.nnx")
    kinds = nnx.Param, nnx.BatchStat  # and not the keys of dropout
    state = nnx.state(source) if isinstance(source, nnx.Module) else source
    check_instance("source", state, nnx.State, "to be a module, a state or a dict of arrays")
    return nnx.to_pure_dict(nnx.filter_state(state, kinds))


def _dense(nnx: Any, part: FlatLayer) -> Any:
    features, inputs = part.arrays["weights"].shape
    zeros = nnx.initializers.zeros_init()  # the network's own follow
    return nnx.Linear(
        inputs, features, use_bias="bias" in part.arrays, kernel_init=zeros, rngs=nnx.Rngs(0)
    )


def _batch_norm(nnx: Any, part: FlatLayer) -> Any:
    return nnx.BatchNorm(
        len(part.arrays["scale"]),
        momentum=part.old_weight,
        epsilon=float(part.settings["eps"]),
        use_fast_variance=False,  # which cancels: E x^2 - (E x)^2
        rngs=nnx.Rngs(0),
    )


def _dropout(nnx: Any, part: FlatLayer) -> Any:
    return nnx.Dropout(float(part.settings["drop_rate"]))


def _function(nnx: Any, part: FlatLayer) -> Any:
    del nnx
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
