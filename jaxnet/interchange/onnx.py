"""To ONNX: a model file for inference by onnxruntime and others."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import require_type
from jaxnet.core.files import check_path, write_atomically
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Layer, Params, Shape, Statistics
from jaxnet.core.version import VERSION
from jaxnet.interchange.layout import OURS, input_shape, take_apart
from jaxnet.interchange.library_layers import named_activation
from jaxnet.interchange.parts import FlatLayer
from jaxnet.networks.model_metadata import check_input_shape

OPSET = 17
"""Version of ONNX's operators; onnxruntime knows it since 1.12."""

IR_VERSION = 8
"""Version of the file format that belongs to it."""


def to_onnx(
    network: Layer,
    params: Params,
    statistics: Statistics,
    path: str | Path | None = None,
    *,
    in_shape: Shape | None = None,
) -> Any:
    """Return the network in evaluation as an ONNX model.

    Its input ``inputs`` has the shape ``(batch, *in_shape)``, its output ``outputs`` is that of
    the network: logits for a head of classes, values for a regression. The batch may have any
    size. Both are of the dtype of the parameters: bytes are to be converted before. Dropout is
    left out.

    Args:
        network: a `serial` of layers that `jaxnet.interchange` lists; activations by their names.
        params: the network's parameters, in float16, float32 or float64.
        statistics: the network's statistics.
        path: file to write the model to, atomically; none by default.
        in_shape: shape of one input; by default that of standardization, or one row.

    Returns:
        An ``onnx.ModelProto`` with the operators of version 17.

    Raises:
        ImportError: if onnx is not installed.
        ValueError: for a layer without counterpart, an array of a wrong shape or not finite, or a
            file that cannot be written.
        TypeError: for params or statistics of another structure than the network's, or a dtype
            that ONNX does not compute with.

    Source: https://onnx.ai/onnx/operators.
    """
    onnx = import_package("onnx")
    target = None if path is None else check_path("path", path)
    parts = take_apart(network, params, statistics)
    shape = input_shape(parts, OURS) if in_shape is None else check_input_shape(in_shape)
    leaves = jax.tree.leaves((params, statistics))
    dtype = np.dtype(leaves[0].dtype if leaves else jnp.result_type(float))
    good = dtype.name in ("float16", "float32", "float64")
    require_type(good, "params", "to be float16, float32 or float64", dtype, "Cast them.")
    graph = _Graph(onnx, dtype)
    name = "inputs"
    for part in parts:
        name = _BUILDERS[part.kind](graph, part, name)
    model = graph.model(name, shape, network.out_shape(shape))
    if target is not None:
        content = model.SerializeToString()
        remedy = "Make room, or choose another place."
        write_atomically(target, lambda file: file.write_bytes(content), remedy=remedy)
    return model


class _Graph:
    """Nodes and constants of a model, as they are added."""

    def __init__(self, onnx: Any, dtype: np.dtype):
        self.number = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self._dtype, self._onnx = dtype, onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = f"{operator}_{len(self._nodes)}"
        node = self._onnx.helper.make_node(operator, inputs, [name], name=name, **attributes)
        self._nodes.append(node)
        return name

    def constant(self, name: str, values: Any) -> str:
        """Add an array, and return its name with a number."""
        name = f"{name}_{len(self._constants)}"
        array = np.asarray(values, self._dtype)
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def model(self, last: str, in_shape: Shape, out_shape: Shape) -> Any:
        """Return the model whose output is that of the node called ``last``."""
        helper = self._onnx.helper
        ends = [
            [helper.make_tensor_value_info(name, self.number, ["batch", *shape])]
            for name, shape in {"inputs": in_shape, "outputs": out_shape}.items()
        ]
        nodes = [*self._nodes, helper.make_node("Identity", [last], ["outputs"])]
        model = helper.make_model(
            helper.make_graph(nodes, "jaxnet", *ends, self._constants),
            producer_name="jaxnet",
            producer_version=VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model


def _dense(graph: _Graph, part: FlatLayer, x: str) -> str:
    arrays = [graph.constant(name, array) for name, array in part.arrays.items()]
    return graph.add("Gemm", x, *arrays, transB=1)  # weights are (out, in)


def _batch_norm(graph: _Graph, part: FlatLayer, x: str) -> str:
    names = ("scale", "offset", "mean", "variance")
    arrays = [graph.constant(name, part.arrays[name]) for name in names]
    return graph.add("BatchNormalization", x, *arrays, epsilon=float(part.settings["eps"]))


def _dropout(graph: _Graph, part: FlatLayer, x: str) -> str:
    del graph, part
    return x


def _flatten(graph: _Graph, part: FlatLayer, x: str) -> str:
    del part
    return graph.add("Flatten", x, axis=1)


def _rescale(graph: _Graph, part: FlatLayer, x: str) -> str:
    scale, offset = (graph.constant(n, float(part.settings[n])) for n in ("scale", "offset"))
    return graph.add("Add", graph.add("Mul", x, scale), offset)


def _standardize(graph: _Graph, part: FlatLayer, x: str) -> str:
    mean, std = (graph.constant(name, part.arrays[name]) for name in ("mean", "std"))
    return graph.add("Div", graph.add("Sub", x, mean), std)


def _activation(graph: _Graph, part: FlatLayer, x: str) -> str:
    remedy = "Give it by name."
    known = {name: options for name, (options, _) in _ACTIVATIONS.items()}
    name, options = named_activation(part, known, remedy)
    return _ACTIVATIONS[name][1](graph, x, **options)


_BUILDERS = {
    "activation": _activation,
    "batch_norm": _batch_norm,
    "dense": _dense,
    "dropout": _dropout,
    "flatten": _flatten,
    "rescale": _rescale,
    "standardize": _standardize,
}


def _operator(name: str, **fixed: Any) -> Callable[..., str]:
    """Return the function that adds an operator of one input."""

    def add(graph: _Graph, x: str, **options: float) -> str:
        return graph.add(name, x, **fixed, **options)

    return add


def _step(graph: _Graph, x: str) -> str:
    positive = graph.add("GreaterOrEqual", x, graph.constant("zero", 0))
    return graph.add("Cast", positive, to=graph.number)


def _leaky_relu(graph: _Graph, x: str, negative_slope: float) -> str:
    return graph.add("LeakyRelu", x, alpha=negative_slope)


def _silu(graph: _Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _gelu(graph: _Graph, x: str) -> str:
    """``x (1 + erf(x / sqrt 2)) / 2``."""
    shares = graph.add("Erf", graph.add("Mul", x, graph.constant("scale", math.sqrt(0.5))))
    return _half_of_product(graph, x, shares)


def _gelu_tanh(graph: _Graph, x: str) -> str:
    """``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``."""
    square = graph.add("Mul", x, x)
    slope, cubic = math.sqrt(2 / math.pi), math.sqrt(2 / math.pi) * 0.044715
    factor = graph.add("Mul", square, graph.constant("cubic", cubic))
    factor = graph.add("Add", factor, graph.constant("slope", slope))
    return _half_of_product(graph, x, graph.add("Tanh", graph.add("Mul", x, factor)))


def _half_of_product(graph: _Graph, x: str, shares: str) -> str:
    above = graph.add("Add", shares, graph.constant("one", 1))
    return graph.add("Mul", graph.add("Mul", x, graph.constant("half", 0.5)), above)


def _bounded_sigmoid(graph: _Graph, x: str, low: float, high: float) -> str:
    share = graph.add("Sigmoid", x)
    above = graph.add("Mul", share, graph.constant("width", high - low))
    return graph.add("Add", above, graph.constant("low", low))


def _linear(graph: _Graph, x: str) -> str:
    del graph
    return x


_ACTIVATIONS: dict[str, tuple[dict[str, float], Callable[..., str]]] = {
    "linear": ({}, _linear),
    "step": ({}, _step),
    "sign": ({}, _operator("Sign")),
    "sigmoid": ({}, _operator("Sigmoid")),
    "tanh": ({}, _operator("Tanh")),
    "relu": ({}, _operator("Relu")),
    "selu": ({}, _operator("Selu")),
    "softplus": ({}, _operator("Softplus")),
    "silu": ({}, _silu),
    "gelu": ({}, _gelu),
    "gelu_tanh": ({}, _gelu_tanh),
    "softmax": ({}, _operator("Softmax", axis=-1)),
    "log_softmax": ({}, _operator("LogSoftmax", axis=-1)),
    "elu": ({"alpha": 1.0}, _operator("Elu")),
    "leaky_relu": ({"negative_slope": 0.01}, _leaky_relu),
    "bounded_sigmoid": ({"low": 0.0, "high": 1.0}, _bounded_sigmoid),
}
"""Name -> options with defaults, and the function that adds its nodes."""
