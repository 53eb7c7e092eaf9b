"""To and from PyTorch: the ``state_dict`` of an ``nn.Sequential``."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_count, check_instance
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Layer, Params, Statistics
from jaxnet.interchange.layout import ParameterNames, read, spell, take_apart
from jaxnet.interchange.library_layers import Native, make_activation, output_dtype
from jaxnet.interchange.parts import FlatLayer, flat_layers, lay_out, rebuild
from jaxnet.layers.batch_norm import CONVENTIONS

NAMES = {
    "weights": "weight",
    "bias": "bias",
    "scale": "weight",
    "offset": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}
"""Field -> PyTorch's name."""

TORCH = ParameterNames(lambda part, field: f"{part.place}.{NAMES[field]}", transposed=False)

ACTIVATIONS = {
    "linear": Native("Identity"),
    "sigmoid": Native("Sigmoid"),
    "tanh": Native("Tanh"),
    "relu": Native("ReLU"),
    "leaky_relu": Native("LeakyReLU", options={"negative_slope": 0.01}),
    "elu": Native("ELU", options={"alpha": 1.0}),
    "selu": Native("SELU"),
    # its default takes z for the result above 20, where the two are 2e-9 apart; above 40, 4e-18
    "softplus": Native("Softplus", {"threshold": 40.0}),
    "silu": Native("SiLU"),
    "gelu": Native("GELU"),
    "gelu_tanh": Native("GELU", {"approximate": "tanh"}),
    "softmax": Native("Softmax", {"dim": -1}),
    "log_softmax": Native("LogSoftmax", {"dim": -1}),
}
"""Name -> PyTorch's module; it has none for the others."""


def to_torch(
    network: Layer, params: Params, statistics: Statistics, *, batch_size: int | None = None
) -> dict[str, Any]:
    """Return the PyTorch ``state_dict`` of the network.

    Layer ``i`` is number ``i`` of an ``nn.Sequential``; layers without arrays count, rescaling too,
    for which PyTorch has no module: see `torch_module`.

    PyTorch averages the unbiased variance of each mini-batch, over n - 1; jaxnet's conventions
    other than ``"torch"`` average the one over n. By default the moving variances are passed on
    as they are, and outputs in evaluation are equal. With ``batch_size`` n they are multiplied by
    n / (n - 1), and are what PyTorch would have averaged from the same mini-batches, all of size
    n; but for the start value 1, which is multiplied, too, and whose share is momentum^steps.
    Outputs of batch normalization in evaluation are then smaller by about one part in 2 n.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists.
        params: the network's parameters.
        statistics: the network's statistics.
        batch_size: of the mini-batches that the moving variances come from, 2 or more, to make
            them unbiased; those of convention ``"torch"`` are and stay so.

    Returns:
        Name -> tensor, such as ``"0.weight"`` (out, in) and ``"1.running_var"``. jaxnet does not
        count mini-batches: ``num_batches_tracked`` is 0, and unused unless momentum is None.

    Raises:
        ImportError: if torch is not installed.
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.

    Source: lecture 004, "batch normalization"; the unbiased variance in lecture 002.
    """
    torch = import_package("torch")
    parts = take_apart(network, params, statistics)
    parts = _corrected(parts, batch_size, inverse=False)
    state = {key: _tensor(torch, array) for key, array in spell(parts, TORCH).items()}
    return state | {key: torch.tensor(0) for key in _counters(network)}


def from_torch(
    network: Layer, state_dict: Mapping[str, Any], *, batch_size: int | None = None
) -> tuple[Params, Statistics]:
    """Return a network's parameters and statistics from PyTorch's, the inverse of `to_torch`.

    Needs no torch: NumPy arrays will do for tensors.

    Args:
        network: the same network, made with jaxnet.
        state_dict: of an ``nn.Sequential`` with a module for each layer. ``num_batches_tracked``
            may be there or not; it is not used.
        batch_size: of the mini-batches that the running variances come from, 2 or more, to multiply
            them by (n - 1) / n; those of convention ``"torch"`` stay unbiased. By default they are
            passed on as they are, and outputs in evaluation are equal.

    Returns:
        ``params, statistics``, copies with the dtypes of the network.

    Raises:
        ValueError: for a layer without counterpart, for missing or unknown names, or for an
            array of a wrong shape or not finite.
        TypeError: for an array of another dtype than the network's.

    >>> from jaxnet.layers import dense
    >>> state = {"0.weight": np.array([[1, 2]], "float32"), "0.bias": np.zeros(1, "float32")}
    >>> from_torch(dense(1, dtype="float32"), state)[0].weights.tolist()
    [[1.0, 2.0]]
    """
    remedy = "Pass module.state_dict()."
    check_instance("state_dict", state_dict, Mapping, "to be a mapping", remedy)
    counters = _counters(network)
    arrays = {key: _array(value) for key, value in state_dict.items() if key not in counters}
    params, statistics = read(network, arrays, TORCH)
    parts = lay_out(network, params, statistics)
    parts = _corrected(parts, batch_size, inverse=True)
    return params, rebuild(network, statistics, (part.arrays for part in parts))


def torch_module(network: Layer, params: Params, statistics: Statistics) -> Any:
    """Return an ``nn.Sequential`` that computes the network, with these arrays.

    It is in evaluation: ``module(x)`` is ``network.apply(params, statistics, x)``;
    ``module.train()`` turns to training. eps is carried over, and momentum as the weight of the new
    value, 1 - momentum of the conventions ``"lecture"``, ``"flax"`` and ``"keras"``; the running
    variance is then over n - 1, as in convention ``"torch"``. Rescaling and standardization
    become small modules of their own, without entries in the ``state_dict``. PyTorch's random
    state is not touched.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists; activations by their names.
        params: the network's parameters.
        statistics: the network's statistics.

    Raises:
        ImportError: if torch is not installed.
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for params or statistics of another structure than the network's.
    """
    torch = import_package("torch")
    parts = take_apart(network, params, statistics)
    module = torch.nn.Sequential(*(_BUILDERS[part.kind](torch, part) for part in parts))
    module.load_state_dict(to_torch(network, params, statistics), assign=True)
    return module.eval()


def _counters(network: Layer) -> set[str]:
    kinds = [layer.description.kind for layer in flat_layers(network)]
    return {f"{i}.num_batches_tracked" for i, kind in enumerate(kinds) if kind == "batch_norm"}


def _corrected(
    parts: tuple[FlatLayer, ...], batch_size: int | None, *, inverse: bool
) -> tuple[FlatLayer, ...]:
    """Convert moving variances of the parts between biased and unbiased."""
    if batch_size is None:
        return parts
    n = check_count("batch_size", batch_size, minimum=2)
    factor = (n - 1) / n if inverse else n / (n - 1)
    return tuple(_scaled_variance(part, factor) for part in parts)


def _scaled_variance(part: FlatLayer, factor: float) -> FlatLayer:
    if part.kind != "batch_norm" or CONVENTIONS[part.settings["like"]].unbiased:
        return part
    return part._replace(arrays={**part.arrays, "variance": part.arrays["variance"] * factor})


def _tensor(torch: Any, array: jax.Array) -> Any:
    if array.dtype == jnp.bfloat16:  # converted through NumPy as float32
        return torch.tensor(np.asarray(array, np.float32)).to(torch.bfloat16)
    return torch.tensor(np.asarray(array))


def _array(value: Any) -> np.ndarray:
    tensor = value.detach().cpu() if hasattr(value, "detach") else value
    if str(tensor.dtype) == "torch.bfloat16":
        return tensor.float().numpy().astype(jnp.bfloat16)
    return np.asarray(tensor)


def _dense(torch: Any, part: FlatLayer) -> Any:
    features, inputs = part.arrays["weights"].shape
    return torch.nn.Linear(inputs, features, bias="bias" in part.arrays, device="meta")


def _batch_norm(torch: Any, part: FlatLayer) -> Any:
    eps, momentum = float(part.settings["eps"]), 1 - part.old_weight
    width = len(part.arrays["scale"])
    return torch.nn.BatchNorm1d(width, eps=eps, momentum=momentum, device="meta")


def _dropout(torch: Any, part: FlatLayer) -> Any:
    return torch.nn.Dropout(float(part.settings["drop_rate"]))


def _activation(torch: Any, part: FlatLayer) -> Any:
    return make_activation(torch.nn, part, ACTIVATIONS)


def _rescale(torch: Any, part: FlatLayer) -> Any:
    scale, offset = float(part.settings["scale"]), float(part.settings["offset"])
    dtype = getattr(torch, output_dtype(part))

    class Rescale(torch.nn.Module):
        """Scale x + offset, in floating-point."""

        def forward(self, x: Any) -> Any:
            return x.to(dtype) * scale + offset

    return Rescale()


def _flatten(torch: Any, part: FlatLayer) -> Any:
    del part
    return torch.nn.Flatten()


def _standardize(torch: Any, part: FlatLayer) -> Any:
    class Standardize(torch.nn.Module):
        """(x - mean) / std, in floating-point."""

        def __init__(self) -> None:
            super().__init__()
            for name, array in part.arrays.items():
                self.register_buffer(name, _tensor(torch, array), persistent=False)

        def forward(self, x: Any) -> Any:
            return (x.to(self.mean.dtype) - self.mean) / self.std

    return Standardize()


_BUILDERS = {
    "activation": _activation,
    "batch_norm": _batch_norm,
    "dense": _dense,
    "dropout": _dropout,
    "flatten": _flatten,
    "rescale": _rescale,
    "standardize": _standardize,
}
