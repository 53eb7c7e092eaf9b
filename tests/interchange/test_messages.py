"""Errors of the interchange: exact messages."""

import importlib
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Description
from jaxnet.interchange import from_keras, from_linen, from_nnx, from_torch, to_linen, to_torch
from jaxnet.layers import activation, batch_norm, dense, dropout, serial
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.interchange.peers import PEERS, Peer
from tests.law import draw
from tests.peers import need, peers

pytestmark = peers

NETWORK = serial(dense(3), batch_norm(), activation("relu"), dense(2, bias_initializer=None))
PARAMS, STATISTICS, _ = draw(LayerCase("network", NETWORK, (4,)))

each_peer = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


def _numpy(tree: Any) -> Any:
    return jax.tree.map(np.array, tree)


def _linen(**changes: Any) -> dict[str, Any]:
    """Return the variables of the network, with changes to its first layer; None drops."""
    variables = _numpy(to_linen(NETWORK, PARAMS, STATISTICS))
    first = variables["params"]["Dense_0"] | changes
    variables["params"]["Dense_0"] = {key: a for key, a in first.items() if a is not None}
    return variables


def test_the_variables_unchanged_are_accepted() -> None:
    params, statistics = from_linen(NETWORK, _linen())
    assert_trees_close((params, statistics), (PARAMS, STATISTICS))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        pytest.param(
            {"kernel": None},
            ValueError,
            r"^expected params/Dense_0/kernel to be given, got none\.",
            id="missing-first",
        ),
        pytest.param(
            {"bias": None},
            ValueError,
            r"^expected arrays to be those of the network, "
            r"got arrays without params/Dense_0/bias\. Rename or drop",
            id="missing",
        ),
        pytest.param(
            {"biass": np.zeros(3), "bias": None},
            ValueError,
            r"got arrays without params/Dense_0/bias and unknown arrays params/Dense_0/biass\.",
            id="misspelt",
        ),
        pytest.param(
            {"bias": np.zeros(4, "float32")},
            ValueError,
            r"^expected params/Dense_0/bias of shape \(3,\), got \(4,\)\. Make the net",
            id="bias-shape",
        ),
        pytest.param(
            {"kernel": np.zeros((4, 5), "float32")},
            ValueError,
            r"^expected params/Dense_0/kernel of shape \(4, 3\), got \(4, 5\)\.",
            id="kernel-shape",
        ),
        pytest.param(
            {"bias": np.zeros(3)},
            TypeError,
            r"^expected params/Dense_0/bias of dtype float32, got float64\. Cast it, "
            r"or make the network with dtype=float64\.",
            id="dtype",
        ),
        pytest.param(
            {"bias": [0, 0, 0]}, TypeError, r"Dense_0/bias of dtype float32, got int64", id="list"
        ),
        pytest.param(
            {"bias": np.array([0, np.nan, 0], "float32")},
            ValueError,
            r"^expected params/Dense_0/bias to be finite everywhere, got 1 NaN or "
            r"infinite values, the first at index \(1,\)\. Go back",
            id="nan",
        ),
    ],
)
def test_bad_arrays(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_linen(NETWORK, _linen(**changes))


def test_inputs_that_the_network_does_not_take() -> None:
    message = (
        r"^expected arrays to fit the network, got inputs of shape \(5,\)\. "
        r"The network's error: expected in_shape to be \(4,\), got \(5,\)\. The first"
    )
    with pytest.raises(ValueError, match=message):
        from_torch(jaxnet.mlp((4, 3)), {"0.weight": np.zeros((3, 5), "float32")})


def test_names_of_another_layer() -> None:
    weights, bias = np.zeros((3, 4), "float32"), np.zeros(3, "float32")
    message = r"^expected 0\.weight to be given, got none\."
    with pytest.raises(ValueError, match=message):
        from_torch(dense(3), {"1.weight": weights, "1.bias": bias})
    message = (
        r"^expected arrays to be those of the network, got unknown arrays layers/1/kernel\. Rename"
    )
    state = {"layers": {0: {"kernel": weights.T, "bias": bias}, 1: {"kernel": weights}}}
    with pytest.raises(ValueError, match=message):
        from_nnx(dense(3), state)


def test_another_number_of_keras_weights() -> None:
    message = (
        r"^expected weights to be 2 arrays: kernel of layer 0 \(dense\), "
        r"bias of layer 0 \(dense\), got 1\."
    )
    with pytest.raises(ValueError, match=message):
        from_keras(dense(3), [np.zeros((4, 3), "float32")])


def test_something_else_than_arrays_by_name(no_type_checks: None) -> None:
    layer: Any = dense(3)
    wrong: Any = [1]
    with pytest.raises(TypeError, match=r"^expected variables to be a mapping, got a li"):
        from_linen(layer, wrong)
    with pytest.raises(TypeError, match=r"^expected state_dict to be a mapping, got a l"):
        from_torch(layer, wrong)
    need("flax")
    with pytest.raises(
        TypeError, match=r"^expected source to be a module, a state or a dict of arrays, g"
    ):
        from_nnx(layer, wrong)


@each_peer
def test_params_of_another_network(peer: Peer) -> None:
    need(peer.package)
    message = r"expected params to be a tuple of 4, one per layer, got 3\."
    with pytest.raises(TypeError, match=f"^{message}"):
        peer.to(NETWORK, PARAMS[:-1], STATISTICS)
    message = r"expected statistics to be a tuple of 4, one per layer, got NoneType\."
    with pytest.raises(TypeError, match=f"^{message}"):
        peer.module(NETWORK, PARAMS, None)


def test_params_of_another_structure_or_shape() -> None:
    with_bias = PARAMS[3]._replace(bias=jnp.zeros(2))
    with pytest.raises(TypeError, match=r"^expected params to be like PyTreeDef\(.*"):
        to_linen(NETWORK, (*PARAMS[:3], with_bias), STATISTICS)
    wide = PARAMS[3]._replace(weights=jnp.zeros((2, 5)))
    message = r"^expected weights of layer 3 \(dense\) of shape \(2, 3\), got \(2, 5\)\. Make"
    with pytest.raises(ValueError, match=message):
        to_linen(NETWORK, (*PARAMS[:3], wide), STATISTICS)
    broken = PARAMS[3]._replace(weights=PARAMS[3].weights.at[1, 0].set(jnp.inf))
    message = r"^expected weights of layer 3 \(dense\) to be finite everywhere, got 1 NaN"
    with pytest.raises(ValueError, match=message):
        to_linen(NETWORK, (*PARAMS[:3], broken), STATISTICS)
    with pytest.raises(ValueError, match=r"^expected weights of layer 0 \(dense\) to be"):
        to_linen(dense(3), (), ())


@each_peer
def test_a_layer_without_counterpart(peer: Peer) -> None:
    need(peer.package)
    strange = dense(3)._replace(description=Description("residual", parts=(dense(3),)))
    message = (
        r"expected network to be made of serial, activation, batch_norm, dense, dropout, flatten, "
        r"rescale, standardize, got residual\."
    )
    with pytest.raises(ValueError, match=message):
        peer.to(serial(strange), (PARAMS[0],), ((),))


def test_normalized_images() -> None:
    layer = batch_norm()
    params, statistics = layer.init(jax.random.key(0), (2, 3))
    message = r"^expected scale of layer 0 \(batch_norm\) of shape \(3,\), got \(2, 3\)\."
    with pytest.raises(ValueError, match=message):
        to_linen(layer, params, statistics)


@each_peer
def test_the_lectures_dropout(peer: Peer) -> None:
    need(peer.package)
    message = (
        r"expected dropout of the inverted form, got the lecture's\. Multiply the weights of the "
        r"dense layer after each dropout by 1 - drop_rate"
    )
    with pytest.raises(ValueError, match=message):
        peer.to(dropout(0.5, like="lecture"), (), ())


@each_peer
def test_dropout_of_whole_examples(peer: Peer) -> None:
    need(peer.package)
    with pytest.raises(ValueError, match="expected dropout of single entries, got that of whole"):
        peer.to(dropout(0.5, whole_examples=True), (), ())


@pytest.mark.parametrize("training", [True, False])
def test_the_remedy_for_the_lectures_dropout(training: bool, float64: np.dtype) -> None:
    lecture, inverted = (
        serial(dense(6), activation("tanh"), dropout(0.2, like=form), dense(3))
        for form in ("lecture", "inverted")
    )
    params, _, x = draw(LayerCase("lecture", lecture, (5,)))
    last = params[3]._replace(weights=0.8 * params[3].weights)
    key = jax.random.key(3)
    y, _ = lecture.apply(params, ((),) * 4, x, key=key, training=training)
    same, _ = inverted.apply((*params[:3], last), ((),) * 4, x, key=key, training=training)
    assert_trees_close(same, y)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_a_function_that_is_only_called_as_an_activation_is(name: str) -> None:
    peer = next(peer for peer in PEERS if peer.name == name)
    need(name)

    def relu(z: Any) -> Any:
        return jnp.maximum(z, 1.0)

    message = r"^expected layer 0 \(activation\) to be one of elu, gelu, "
    for function in (relu, jnp.sin):
        with pytest.raises(ValueError, match=message):
            peer.module(activation(function), (), ())
    peer.module(activation(jax.nn.relu), (), ())


@each_peer
def test_a_missing_package(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", missing)
    message = (
        rf"^expected package {peer.package} to be installed, "
        rf"got No module named '{peer.package}.*'\. Install it by: pip install {peer.package}\."
    )
    with pytest.raises(ImportError, match=message) as info:
        peer.module(NETWORK, PARAMS, STATISTICS)
    assert ("KERAS_BACKEND=jax" in str(info.value)) == (peer.name == "keras")


def test_arrays_alone_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flax", "flax.linen", "flax.nnx", "torch", "keras"):
        monkeypatch.setitem(sys.modules, name, None)  # what makes importing it fail
    for peer in PEERS:
        if peer.name != "torch":  # whose arrays are tensors
            back = peer.back(NETWORK, peer.to(NETWORK, PARAMS, STATISTICS))
            assert_trees_close(back, (PARAMS, STATISTICS))


@pytest.mark.parametrize("batch_size", [1, 0])
def test_a_batch_too_small_for_an_unbiased_variance(batch_size: int) -> None:
    need("torch")
    with pytest.raises(ValueError, match=r"^expected batch_size >= 2, got [01]\."):
        to_torch(NETWORK, PARAMS, STATISTICS, batch_size=batch_size)
