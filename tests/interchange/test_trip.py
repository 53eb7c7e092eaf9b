"""Round trips for every library: arrays bitwise, outputs, gradients, moving statistics."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.functions.activations import ACTIVATIONS
from jaxnet.functions.losses import softmax_cross_entropy
from jaxnet.layers import (
    activation,
    batch_norm,
    dense,
    dropout,
    flatten,
    rescale,
    serial,
    standardize,
)
from tests.cases import LayerCase, over
from tests.comparison import Tolerance, assert_trees_close
from tests.interchange.peers import PEERS, Peer, as_peers_are_used
from tests.law import draw
from tests.peers import need, peers

pytestmark = peers

# Worst measured, over all libraries and cases: 4e-7 in float32, 6.1e-16 in float64.
TOLERANCES = {
    np.dtype("float32"): Tolerance(rtol=1e-6, floor=1e-6),
    np.dtype("float64"): Tolerance(rtol=1e-12, floor=1e-14),
}


def _tolerance(peer: Peer, case: LayerCase, dtype: np.dtype) -> Tolerance:
    """Return how close a library has to come: Keras on JAX to float32 only, mostly.

    It promotes float64 with float32 to float32, and so computes batch normalization and all
    activations but relu, whatever the dtypes of its layers are; an mlp with relu it does not.
    """
    single = peer.name == "keras" and case.name != "mlp"
    return TOLERANCES[np.dtype("float32") if single else dtype]


def _with_batch_norm(convention: Any) -> LayerCase:
    """Return the 5-7-4-3 network with batch normalization before each activation."""
    layers = [
        layer
        for width in (7, 4)
        for layer in (dense(width), batch_norm(like=convention), activation("relu"))
    ]
    return LayerCase(f"batch-norm-{convention}", serial(*layers, dense(3)), (5,), 8)


_TANH = activation("tanh")

CASES = [
    LayerCase("mlp", jaxnet.mlp((5, 7, 4, 3)), (5,), 8),
    _with_batch_norm("lecture"),
    LayerCase(
        "dropout-without-bias",
        serial(
            dropout(0.2),
            dense(7, bias_initializer=None),
            _TANH,
            dropout(0.5),
            dense(4),
            _TANH,
            dense(3, bias_initializer=None),
        ),
        (5,),
        8,
    ),
    LayerCase(
        "nested",
        serial(
            serial(rescale(1 / 16, -0.5), batch_norm(eps=1e-2, momentum=0.8)),
            serial(dense(7), serial(activation("sigmoid")), serial()),
            serial(serial(dense(4), activation("softmax")), dense(3)),
        ),
        (5,),
        8,
    ),
]

each_peer = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


@each_peer
@over([*CASES, LayerCase("dense-5-3", dense(3), (5,)), LayerCase("tanh", _TANH, (5,))])
def test_there_and_back_is_bitwise(peer: Peer, case: LayerCase, dtype: np.dtype) -> None:
    need(peer.package)
    params, statistics, x = draw(case)
    assert x.dtype == dtype
    back = peer.back(case.layer, peer.to(case.layer, params, statistics))
    assert digest(back) == digest((params, statistics))


@each_peer
@over(CASES)
def test_outputs_and_gradients_are_the_peers(peer: Peer, case: LayerCase, dtype: np.dtype) -> None:
    need(peer.package)
    params, statistics, x = draw(case)
    labels = jnp.arange(case.batch) % 3
    with as_peers_are_used():
        actual = peer.evaluate(case.layer, params, statistics, x, labels)
    assert_trees_close(actual, _evaluate(case, dtype), tolerance=_tolerance(peer, case, dtype))


@functools.cache  # for all libraries
def _evaluate(case: LayerCase, dtype: np.dtype) -> Any:
    """Return our own outputs, and gradients of the mean softmax cross-entropy."""
    params, statistics, x = draw(case)
    labels = jnp.arange(case.batch) % 3
    assert x.dtype == dtype

    def loss(params: Any) -> Any:
        y = case.layer.apply(params, statistics, x)[0]
        return softmax_cross_entropy(y, labels).mean(), y

    gradients, y = jax.jit(jax.grad(loss, has_aux=True))(params)
    return y, gradients


@each_peer
def test_moving_statistics_are_the_peers(peer: Peer, dtype: np.dtype) -> None:
    need(peer.package)
    case = _with_batch_norm(peer.convention)
    params, statistics, x = draw(case)
    with as_peers_are_used():
        actual = peer.train(case.layer, params, statistics, x)
    train = jax.jit(functools.partial(case.layer.apply, training=True))
    expected = train(params, statistics, x)[1]
    assert_trees_close(actual, expected, tolerance=_tolerance(peer, case, dtype))


IMAGES = np.random.default_rng(0).uniform(0, 255, (20, 2, 3))


@each_peer
def test_standardization_is_a_first_layer_there(peer: Peer, dtype: np.dtype) -> None:
    need(peer.package)
    network = serial(standardize(IMAGES), flatten(), dense(4), activation("relu"), dense(3))
    case = LayerCase("standardized", network, (2, 3), 8)
    params, statistics = network.init(jax.random.key(0), (2, 3))
    x = jnp.asarray(IMAGES[:8], dtype)
    with as_peers_are_used():
        back = peer.back(network, peer.to(network, params, statistics))
        actual, _ = peer.evaluate(network, params, statistics, x, jnp.arange(8) % 3)
    assert digest(back) == digest((params, statistics))
    expected = network.apply(params, statistics, x)[0]
    assert_trees_close(
        jnp.asarray(actual, dtype), expected, tolerance=_tolerance(peer, case, dtype)
    )


LACKING = {
    "linen": (),
    "nnx": (),
    "torch": ("step", "sign"),
    "keras": ("step", "sign", "gelu_tanh"),
}
"""Library -> the activations that it lacks; flax takes any function."""


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@each_peer
def test_an_activation_is_the_peers_or_refused(peer: Peer, name: str, float64: np.dtype) -> None:
    need(peer.package)
    case = LayerCase(name, serial(dense(3), activation(name)), (3,), 8)
    params, statistics, x = draw(case)
    network, x = case.layer, 16 * x  # far into the tails
    with as_peers_are_used():
        if name in LACKING[peer.name]:
            with pytest.raises(
                ValueError, match=r"expected layer 1 \(activation\) to be one of elu"
            ):
                peer.module(network, params, statistics)
            return
        actual, _ = peer.evaluate(network, params, statistics, x, jnp.arange(8) % 3)
    actual = jnp.asarray(actual, float64)
    expected = network.apply(params, statistics, x)[0]
    assert_trees_close(actual, expected, tolerance=_tolerance(peer, case, float64))
