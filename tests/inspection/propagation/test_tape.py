"""The tape: every number of a forward and a backward pass, by hand and by autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.inspection import features, tape
from jaxnet.layers import Dense, activation, batch_norm, dense, dropout, residual, serial
from tests.comparison import assert_trees_close
from tests.networks.test_backpropagation import FEATURES, LABEL, LOSS, PARAMS, X

S = np.e / (1 + np.e)  # softmax of the wrong class in the network worked by hand, see there


def worked_by_hand(dtype: np.dtype):
    """Return the 2-2-2 network of test_backpropagation, its parameters and its example."""
    layers = [Dense(*(jnp.asarray(part, dtype) for part in pair)) for pair in PARAMS]
    network = serial(dense(2), activation("relu"), dense(2))
    return network, (layers[0], (), layers[1]), jnp.asarray(X, dtype), jnp.asarray(LABEL)


def test_a_pass_worked_by_hand(dtype: np.dtype) -> None:
    network, params, x, label = worked_by_hand(dtype)
    record = tape(network, params, ((), (), ()), x, label)
    assert [entry.symbols for entry in record.entries] == [
        ("z1", "dz1"),
        ("y1", "dy1"),
        ("z2", "dz2"),
    ]
    assert_trees_close([e.y for e in record.entries], [np.array(f, dtype) for f in FEATURES])
    assert_trees_close(record.losses, np.array([LOSS], dtype))
    dz2, dy1 = [[-S, S]], [[-3 * S, S]]
    dz1 = [[0.0, S]]  # the first unit is off
    messages = [np.array(message, dtype) for message in (dz1, dy1, dz2)]
    assert_trees_close([entry.dy for entry in record.entries], messages)
    # dW2 = dz2 y1^T, dW1 = dz1 x^T, dx = W1^T dz1
    weights = {0: [[0.0, 0.0], [S, 2 * S]], 2: [[0.0, -S], [0.0, S]]}
    for i, expected in weights.items():
        assert_trees_close(record.entries[i].dparams.weights, np.array(expected, dtype))
    assert_trees_close(record.entries[0].dx, np.array([[0.5 * S, 0.25 * S]], dtype))


def test_the_tape_of_a_nested_random_network_is_its_gradient(float64: np.dtype) -> None:
    network = serial(
        serial(dense(4), serial(batch_norm(), activation("tanh"))),
        dropout(0.5),
        residual(dense(4)),
        dense(3),
    )
    params, statistics = network.init(jax.random.key(0), (5,))
    x = jax.random.normal(jax.random.key(1), (6, 5), float64)
    labels = jnp.array([0, 1, 2, 0, 1, 2])
    key = jax.random.key(2)

    def risk(params, x):
        outputs, _ = network.apply(params, statistics, x, key=key, training=True)
        return jaxnet.losses.softmax_cross_entropy(outputs, labels).mean()

    record = tape(network, params, statistics, x, labels, key=key, training=True)
    dparams, dx = jax.jit(jax.grad(risk, argnums=(0, 1)))(params, x)
    assert_trees_close(
        jax.tree.leaves([entry.dparams for entry in record.entries]), jax.tree.leaves(dparams)
    )
    assert_trees_close(record.entries[0].dx, dx)
    assert [(entry.path, entry.kind) for entry in record.entries] == [
        ("0.0", "dense"),
        ("0.1.0", "batch_norm"),
        ("0.1.1", "tanh"),
        ("1", "dropout"),
        ("2", "residual"),
        ("3", "dense"),
    ]
    # each message is what the layer after it sends
    for entry, following in zip(record.entries[:-1], record.entries[1:], strict=True):
        assert_trees_close(entry.dy, following.dx)


def test_features_are_named_as_in_the_lectures() -> None:
    network = serial(
        dropout(0.0), dense(4), batch_norm(), activation("relu"), dense(2), activation("softmax")
    )
    params, statistics = network.init(jax.random.key(0), (3,))
    found = features(network, params, statistics, jnp.ones((2, 3)))
    assert list(found) == ["y0", "z1", "y1", "y1'", "z2", "y2"]
    assert found["z1"].shape == (2, 4)
    np.testing.assert_allclose(found["y2"].sum(axis=1), 1, rtol=1e-6)


def test_printed_tape_is_forward_then_backward() -> None:
    network, params, x, label = worked_by_hand(np.dtype("float32"))
    lines = str(tape(network, params, ((), (), ()), x, label)).splitlines()
    assert [line.split(" ")[2] if line[0] == " " else line for line in lines] == [
        *("forward", "x", "z1", "y1", "z2", "loss"),
        *("backward", "dz2", "dy1", "dz1", "dx"),
    ]
    assert lines[2].endswith("= [-0.5, 1]")
    assert "dweights = [[0, -0.7311], [0, 0.7311]]    dbias = [-0.7311, 0.7311]" in lines[7]


def test_large_arrays_are_summarized() -> None:
    network = jaxnet.mlp((20, 3))
    params, statistics = network.init(jax.random.key(0), (20,))
    text = str(tape(network, params, statistics, jnp.ones((2, 20)), jnp.array([0, 1])))
    assert "= array (2, 20) of norm 6.325" in text  # sqrt(40)


def test_one_layer_is_a_network(dtype: np.dtype) -> None:
    layer = activation("sigmoid")
    record = tape(
        layer, (), (), jnp.zeros((1, 1), dtype), jnp.ones((1, 1), dtype), loss="squared_error"
    )
    # y = 1/2, dy = 2 (1/2 - 1) = -1, dx = -1 * 1/4
    assert [record.entries[0].path, float(record.entries[0].dy[0, 0])] == ["0", -1.0]
    assert float(record.entries[0].dx[0, 0]) == pytest.approx(-0.25)
