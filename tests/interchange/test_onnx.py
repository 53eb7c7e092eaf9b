"""ONNX models: the outputs of onnxruntime are the network's, and what is refused."""

import importlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer
from jaxnet.functions.activations import ACTIVATIONS
from jaxnet.interchange import to_onnx
from jaxnet.layers import activation, dense, flatten, rescale, serial, standardize
from tests.cases import LayerCase
from tests.comparison import Tolerance, assert_trees_close
from tests.law import draw
from tests.peers import need, peers

pytestmark = peers

TOLERANCE = Tolerance(rtol=1e-5, floor=1e-6)

ROWS = np.random.default_rng(0).normal(size=(20, 5))
IMAGES = np.random.default_rng(0).uniform(0, 255, (20, 2, 3))


def outputs(model: Any, x: Any) -> np.ndarray:
    runtime = need("onnxruntime")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"inputs": np.asarray(x)})[0]


NETWORKS = {
    "mlp": (jaxnet.mlp((5, 7, 4, 3)), ROWS),
    "regularized": (
        jaxnet.mlp((5, 7, 1), batch_norm="before", drop_rate=0.5, input_scale=0.1, head="binary"),
        ROWS,
    ),
    "standardized": (jaxnet.mlp((5, 7, 3), batch_norm="after", standardize_like=ROWS), ROWS),
    "images": (serial(standardize(IMAGES), flatten(), dense(2, bias_initializer=None)), IMAGES),
    "bounded": (jaxnet.mlp((5, 1), head=jaxnet.networks.bounded_regression(-2, 5)), ROWS),
    **{
        name: (serial(rescale(3.0, 0.5), dense(4), activation(name), dense(2)), ROWS)
        for name in ACTIVATIONS
    },
    "steep": (serial(dense(4), activation("elu", alpha=0.5)), ROWS),
    "leaky": (serial(dense(4), activation("leaky_relu", negative_slope=0.3)), ROWS),
}


@pytest.mark.parametrize(("network", "x"), NETWORKS.values(), ids=NETWORKS.keys())
def test_onnxruntime_computes_the_network(network: Layer, x: np.ndarray, tmp_path: Path) -> None:
    need("onnx")
    params, statistics, _ = draw(LayerCase("network", network, x.shape[1:]))
    x = x.astype(np.float32)
    path = tmp_path / "model.onnx"
    model = to_onnx(network, params, statistics, path)
    assert path.read_bytes() == model.SerializeToString()
    expected = network.apply(params, statistics, jnp.asarray(x))[0]
    for n in (1, 20):
        assert_trees_close(outputs(path, x[:n]), np.asarray(expected[:n]), tolerance=TOLERANCE)


def test_float64_and_shapes_of_ones_own(float64: np.dtype) -> None:
    need("onnx")
    network = serial(flatten(), dense(3), activation("tanh"))
    params, statistics = network.init(jax.random.key(0), (2, 3))
    model = to_onnx(network, params, statistics, in_shape=(2, 3))
    found = outputs(model.SerializeToString(), IMAGES / 255)
    expected = network.apply(params, statistics, jnp.asarray(IMAGES / 255))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_onnx_does_not_have() -> None:
    need("onnx")
    with pytest.raises(
        ValueError, match=r"layer 0 \(activation\) to be one of bounded_sigmoid, el"
    ):
        to_onnx(activation(jnp.sin), (), ())
    network = jaxnet.mlp((5, 3), dtype=jnp.bfloat16)
    trees = network.init(jax.random.key(0), (5,))
    with pytest.raises(TypeError, match="to be float16, float32 or float64, got bfloat16"):
        to_onnx(network, *trees)


def test_onnx_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match="Install it by: pip install onnx"):
        to_onnx(dense(3), *dense(3).init(jax.random.key(0), (5,)))
