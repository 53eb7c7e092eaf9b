"""Interchange of networks with flax, PyTorch and Keras, and export to ONNX.

For each library three functions: ``to_NAME`` turns parameters and moving statistics into the
library's own form, ``from_NAME`` brings them back bit for bit, and a third builds the library's
module with them, so that its outputs are the network's. The library itself is imported only where
its objects are made; all translation is of plain arrays.

A network is taken as the flat sequence of its layers, nested `serial` opened up; layer ``i`` is
number ``i`` in a library's ``Sequential``. What is translated: dense, batch normalization,
activation, dropout in its inverted form, rescale, standardize, flatten. Any other layer raises an
error. The moments of `standardize` are constants of the library's module: they are not in its
state, and the way back takes those of the network.

Equalities and differences after the translation:

- weights are transposed for flax and Keras, (in, out), and passed on to PyTorch, (out, in);
- outputs in evaluation, and gradients, are equal but for rounding;
- in further training, each library averages moving variances in its own way: flax and Keras the
  variance over n, as conventions ``"lecture"``, ``"flax"`` and ``"keras"`` of `batch_norm` do;
  PyTorch the one over n - 1, as ``"torch"`` does. Momentum and eps are carried over by the modules,
  not by the arrays alone;
- dropout masks are other random numbers.
"""

from jaxnet.interchange.keras import from_keras, keras_model, to_keras
from jaxnet.interchange.linen import from_linen, linen_module, to_linen
from jaxnet.interchange.nnx import from_nnx, nnx_module, to_nnx
from jaxnet.interchange.onnx import to_onnx
from jaxnet.interchange.pytorch import from_torch, to_torch, torch_module

__all__ = [
    "from_keras",
    "from_linen",
    "from_nnx",
    "from_torch",
    "keras_model",
    "linen_module",
    "nnx_module",
    "to_keras",
    "to_linen",
    "to_nnx",
    "to_onnx",
    "to_torch",
    "torch_module",
]

__dir__ = __all__.copy  # dir() shows these names alone
