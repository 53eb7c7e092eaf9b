"""Modules that were written and initialized with the library itself, and numbers by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.trees import digest
from jaxnet.interchange import (
    from_keras,
    from_linen,
    from_nnx,
    from_torch,
    keras_model,
    linen_module,
    nnx_module,
    to_keras,
    to_linen,
    to_nnx,
    to_torch,
    torch_module,
)
from jaxnet.layers import activation, batch_norm, dense, dropout, flatten, rescale, serial
from jaxnet.layers.batch_norm import BatchNorm, ConventionName, MovingMoments
from jaxnet.layers.dense import Dense
from tests.comparison import assert_trees_close
from tests.interchange.peers import as_peers_are_used
from tests.peers import need, peers

pytestmark = peers

X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 5)), jnp.float32)


def _network(convention: ConventionName) -> Any:
    return serial(
        dense(7),
        batch_norm(like=convention),
        activation("relu"),
        dropout(0.5),
        dense(3, bias_initializer=None),
    )


def _assert_same_outputs(network: Any, params: Any, statistics: Any, expected: Any) -> None:
    assert_trees_close(network.apply(params, statistics, X)[0], jnp.asarray(expected))


def test_a_linen_module() -> None:
    nn = need("flax.linen")

    class Peer(nn.Module):
        @nn.compact
        def __call__(self, x: Any, training: bool = False) -> Any:
            x = nn.BatchNorm(use_running_average=not training)(nn.Dense(7)(x))
            x = nn.Dropout(0.5, deterministic=not training)(nn.relu(x))
            return nn.Dense(3, use_bias=False)(x)

    with as_peers_are_used():
        variables = Peer().init(jax.random.key(0), X)
        expected = Peer().apply(variables, X)
        params, statistics = from_linen(_network("flax"), variables)
        ours = linen_module(_network("flax"), params, statistics).init(jax.random.key(1), X)
    _assert_same_outputs(_network("flax"), params, statistics, expected)
    assert digest(to_linen(_network("flax"), params, statistics)) == digest(variables)
    assert jax.tree.structure(ours) == jax.tree.structure(variables)


def test_an_nnx_module() -> None:
    nnx, rngs = need("flax.nnx"), need("flax.nnx").Rngs(0)
    peer = nnx.Sequential(
        nnx.Linear(5, 7, rngs=rngs),
        nnx.BatchNorm(7, rngs=rngs),
        nnx.relu,
        nnx.Dropout(0.5, rngs=rngs),  # whose keys are in the state, too
        nnx.Linear(7, 3, use_bias=False, rngs=rngs),
    )
    peer.eval()
    with as_peers_are_used():
        expected = peer(X)
    params, statistics = from_nnx(_network("flax"), peer)
    _assert_same_outputs(_network("flax"), params, statistics, expected)
    pure = nnx.to_pure_dict(nnx.state(peer, (nnx.Param, nnx.BatchStat)))
    for same in (nnx.state(peer), pure):
        assert digest(from_nnx(_network("flax"), same)) == digest((params, statistics))
    assert digest(to_nnx(_network("flax"), params, statistics)) == digest(pure)


def test_a_pytorch_module() -> None:
    torch = need("torch")
    nn, inputs = torch.nn, torch.tensor(np.asarray(X))
    layers = (
        nn.Linear(5, 7),
        nn.BatchNorm1d(7),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(7, 3, bias=False),
    )
    peer = nn.Sequential(*layers)
    peer(inputs)  # so that its moving statistics are not those of the beginning
    params, statistics = from_torch(_network("torch"), peer.eval().state_dict())
    _assert_same_outputs(_network("torch"), params, statistics, peer(inputs).detach().numpy())
    back, state = to_torch(_network("torch"), params, statistics), peer.state_dict()
    assert set(back) == set(state)
    state["1.num_batches_tracked"] -= 1  # which jaxnet does not count
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_a_pytorch_module_can_train_on_without_changing_the_arrays_taken() -> None:
    torch = need("torch")
    peer = torch.nn.Sequential(torch.nn.Linear(5, 3))
    params, _ = from_torch(dense(3), peer.state_dict())
    before = digest(params)
    with torch.no_grad():
        peer[0].weight.mul_(2.0)
    assert digest(params) == before
    module = torch_module(dense(3), params, ())
    with torch.no_grad():
        module[0].weight.mul_(2.0)
    assert digest(params) == before
    assert module[0].weight.requires_grad


def test_a_keras_model() -> None:
    keras = need("keras")
    with as_peers_are_used():
        peer = keras.Sequential(
            [
                keras.Input((5,)),
                keras.layers.Dense(7),
                keras.layers.BatchNormalization(),
                keras.layers.Activation("relu"),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3, use_bias=False),
            ]
        )
        weights, expected = peer.get_weights(), peer(X)
    params, statistics = from_keras(_network("keras"), weights)
    _assert_same_outputs(_network("keras"), params, statistics, expected)
    assert digest(to_keras(_network("keras"), params, statistics)) == digest(weights)
    images, x = serial(flatten(), dense(3)), X[:, :4].reshape(8, 2, 2)
    trees = images.init(jax.random.key(0), (2, 2))
    with as_peers_are_used():
        y = keras_model(images, *trees, in_shape=(2, 2))(x)
    assert_trees_close(jnp.asarray(y), images.apply(*trees, x)[0])


# momentum 1/4 is the weight of the new value, 3/4 of the old one
BY_HAND = serial(dense(1), batch_norm(like="torch", momentum=0.25, eps=1.0), dropout(0.25))
PARAMS = (
    Dense(jnp.array([[1.0, 2.0]]), jnp.array([3.0])),
    BatchNorm(*jnp.array([[4.0], [5.0]])),
    (),
)
STATISTICS = ((), MovingMoments(*jnp.array([[6.0], [8.0]])), ())


def _lists(tree: Any) -> Any:
    return jax.tree.map(lambda array: array.tolist(), tree)


def test_names_and_order_by_hand() -> None:
    dense_0, norm_0 = {"kernel": [[1.0], [2.0]], "bias": [3.0]}, {"scale": [4.0], "bias": [5.0]}
    moments = {"mean": [6.0], "var": [8.0]}
    linen, nnx, keras = (to(BY_HAND, PARAMS, STATISTICS) for to in (to_linen, to_nnx, to_keras))
    assert _lists(linen) == {
        "params": {"Dense_0": dense_0, "BatchNorm_0": norm_0},
        "batch_stats": {"BatchNorm_0": moments},
    }
    assert _lists(nnx) == {"layers": {0: dense_0, 1: norm_0 | moments}}
    assert _lists(keras) == [[[1.0], [2.0]], [3.0], [4.0], [5.0], [6.0], [8.0]]


def test_names_and_variances_of_pytorch_by_hand() -> None:
    need("torch")
    biased = serial(dense(1), batch_norm(), dropout(0.25))
    expected: dict[str, Any] = {
        "0.weight": [[1.0, 2.0]],
        "0.bias": [3.0],
        "1.weight": [4.0],
        "1.bias": [5.0],
        "1.running_mean": [6.0],
        "1.running_var": [8.0],
        "1.num_batches_tracked": 0,
    }
    state = to_torch(biased, PARAMS, STATISTICS)
    assert _lists(state) == expected
    state = to_torch(biased, PARAMS, STATISTICS, batch_size=5)  # 8 * 5 / 4
    expected["1.running_var"] = [10.0]
    assert _lists(state) == expected
    back = from_torch(biased, state, batch_size=5)
    assert digest(back) == digest((PARAMS, STATISTICS))
    state = to_torch(BY_HAND, PARAMS, STATISTICS, batch_size=5)  # unbiased as it is
    assert state["1.running_var"].tolist() == [8.0]


def test_a_variance_made_unbiased_is_the_one_that_pytorch_averages() -> None:
    torch = need("torch")
    layer = batch_norm(momentum=0.0)  # nothing of the start value is left
    params, statistics = layer.init(jax.random.key(0), (5,))
    peer = torch_module(layer, params, statistics).train()
    peer(torch.tensor(np.asarray(X)))
    _, statistics = layer.apply(params, statistics, X, training=True)
    ours = to_torch(layer, params, statistics, batch_size=len(X))["0.running_var"]
    assert_trees_close(ours.numpy(), peer.state_dict()["0.running_var"].numpy())


def test_settings_are_carried_over() -> None:
    for package in ("torch", "keras", "flax"):
        need(package)
    norm, drop = torch_module(BY_HAND, PARAMS, STATISTICS)[1:]
    assert (norm.momentum, norm.eps, drop.p, norm.training) == (0.25, 1.0, 0.25, False)
    with as_peers_are_used():
        norm, drop = keras_model(BY_HAND, PARAMS, STATISTICS).layers[1:]
        assert (norm.momentum, norm.epsilon, drop.rate) == (0.75, 1.0, 0.25)
        norm, drop = nnx_module(BY_HAND, PARAMS, STATISTICS).layers[1:]
        assert (norm.momentum, norm.epsilon, drop.rate) == (0.75, 1.0, 0.25)


@pytest.mark.parametrize("name", ["linen", "nnx", "torch", "keras"])
def test_pixels_of_one_byte(name: str) -> None:
    need({"torch": "torch", "keras": "keras"}.get(name, "flax"))
    network = serial(rescale(1 / 255, -0.5), dense(2))
    params, statistics = network.init(jax.random.key(0), (3,))
    x = jnp.arange(0, 252, 42, jnp.uint8).reshape(2, 3)
    arguments = network, params, statistics
    with as_peers_are_used():
        if name == "torch":
            y = torch_module(*arguments)(need("torch").tensor(np.asarray(x))).detach().numpy()
        elif name == "linen":
            y = linen_module(*arguments).apply(to_linen(*arguments), x)
        else:
            y = {"nnx": nnx_module, "keras": keras_model}[name](*arguments)(x)
    assert_trees_close(jnp.asarray(y), network.apply(params, statistics, x)[0])


def test_dropout_while_training_keeps_the_mean() -> None:
    torch, nnx, _ = need("torch"), need("flax.nnx"), need("keras")
    layer, ones = dropout(0.25), np.ones((100, 100), np.float32)
    with as_peers_are_used():
        outputs = [
            torch_module(layer, (), ()).train()(torch.tensor(ones)).numpy(),
            keras_model(layer, (), ())(ones, training=True),
            linen_module(layer, (), ()).apply(
                {}, ones, training=True, rngs={"dropout": jax.random.key(0)}
            ),
        ]
        module = nnx_module(layer, (), ())
        module.train()
        outputs.append(module(jnp.asarray(ones), rngs=nnx.Rngs(dropout=0)))
    for y in outputs:
        kept = np.asarray(y) > 0
        np.testing.assert_allclose(np.asarray(y)[kept], 4 / 3, rtol=1e-6)
        # 10,000 draws: four standard errors of 0.0043
        assert abs(kept.mean() - 0.75) < 4 * np.sqrt(0.75 * 0.25 / kept.size)


def test_trip_under_jit_and_grad() -> None:
    network = _network("flax")
    params, statistics = network.init(jax.random.key(0), (5,))

    def there_and_back(params: Any) -> Any:
        return from_linen(network, to_linen(network, params, statistics))[0]

    assert digest(jax.jit(there_and_back)(params)) == digest(params)
    squares = jax.grad(lambda p: sum(jnp.sum(a**2) for a in jax.tree.leaves(there_and_back(p))))
    assert_trees_close(squares(params), jax.tree.map(lambda a: 2 * a, params))


def test_bfloat16() -> None:
    need("torch")
    layer = dense(3, dtype=jnp.bfloat16)
    params, _ = layer.init(jax.random.key(0), (4,))
    state = to_torch(layer, params, ())
    assert str(state["0.weight"].dtype) == "torch.bfloat16"
    assert digest(from_torch(layer, state)[0]) == digest(params)
