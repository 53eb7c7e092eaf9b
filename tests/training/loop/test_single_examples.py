"""Batch normalization of mini-batches of one: refused wherever they come from, if all are."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer, layer_from_forward
from jaxnet.data import Examples
from jaxnet.inspection import map_batch_gradients, measured_variance
from jaxnet.layers import batch_norm, dense, parallel, residual, serial, shared
from jaxnet.training import (
    Recipe,
    cross_validate,
    find_learning_rate,
    fit,
    grid,
    make_objective,
    make_train,
    successive_halving,
    sweep,
    tune,
)

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
EXAMPLES = Examples(RNG.normal(size=(5, 3)), np.arange(5) % 2)
NETWORK = jaxnet.mlp((3, 4, 2), batch_norm="before")
REFUSED = r"^expected batch_size to be 2 or more with batch normalization, got 1\."


def build(learning_rate: Any) -> Recipe:
    return Recipe(NETWORK, jaxnet.optim.sgd(learning_rate))


RATES = {"learning_rate": [0.1, 0.2]}
SWEEP = {"key": KEY, "settings": grid(**RATES), "epochs": 1, "batch_size": 1}

PATHS: dict[str, Callable[[], Any]] = {
    "make_train": lambda: make_train(build, EXAMPLES, epochs=1, batch_size=1)(
        KEY, {"learning_rate": 0.1}
    ),
    "sweep": lambda: sweep(build, EXAMPLES, **SWEEP),
    "cross_validate": lambda: cross_validate(build, EXAMPLES, folds=2, **SWEEP),
    "tune": lambda: tune(build, EXAMPLES, EXAMPLES, **SWEEP),
    "successive_halving": lambda: successive_halving(build, EXAMPLES, EXAMPLES, **SWEEP),
    "find_learning_rate": lambda: find_learning_rate(build, EXAMPLES, key=KEY, batch_size=1),
}


def train(network: Layer, *, batch_size: int = 1, examples: Examples = EXAMPLES, **how: Any) -> Any:
    optimizer = jaxnet.optim.sgd(0.1)
    options = {"epochs": 1, "batch_size": batch_size, "optimizer": optimizer, **how}
    return fit(network, examples, key=KEY, **options)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_path_refuses_them(path: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=REFUSED.format(r"\w+")):
        path()


def wrapped(layer: Layer, *, keeps: bool) -> Layer:
    """Return a layer as of one's own: without a description, and with any residual."""

    def forward(params: Any, statistics: Any, x: jax.Array, **how: Any) -> Any:
        y, kept, updated = layer.forward(params, statistics, x, **how)
        return y, kept if keeps else (x, statistics), updated

    def backward(params: Any, kept: Any, dy: jax.Array) -> Any:
        raise NotImplementedError

    return layer_from_forward(
        init=layer.init, forward=forward, backward=backward, out_shape=layer.out_shape
    )


NESTED = {
    "mlp, before": NETWORK,
    "mlp, after": jaxnet.mlp((3, 4, 2), batch_norm="after", batch_norm_convention="torch"),
    "serial": serial(batch_norm(), dense(2)),
    "residual": serial(residual(serial(dense(3), batch_norm())), dense(2)),
    "parallel": serial(parallel(dense(3), batch_norm(), combine="sum"), dense(2)),
    "shared": serial(shared(batch_norm(), dense(3), uses=[0, 1, 0]), dense(2)),
    "deep": serial(parallel(residual(shared(serial(batch_norm()), uses=[0, 0]))), dense(2)),
    "of one's own": serial(wrapped(batch_norm(), keeps=True), dense(2)),
    "of one's own, by autodiff": serial(wrapped(batch_norm(), keeps=False), dense(2)),
}


@pytest.mark.parametrize("network", NESTED.values(), ids=NESTED)
def test_fit_refuses_them_in_every_network(network: Layer) -> None:
    ways: list[dict[str, Any]] = [
        {},
        {"short_batch": "drop"},
        {"gradient": "by_hand"},
        {"shuffle": False},
    ]
    for how in ways:
        with pytest.raises(ValueError, match=REFUSED.format("fit")):
            train(network, **how)
    with pytest.raises(ValueError, match=REFUSED.format("fit")):  # all there is
        train(network, examples=EXAMPLES.take(slice(0, 1)))


@pytest.mark.parametrize("short_batch", ["equal", "mean", "drop"])
def test_a_last_mini_batch_of_one_is_fine(short_batch: Any) -> None:
    for batch_size in (2, 4):  # of five examples
        result = train(NETWORK, batch_size=batch_size, short_batch=short_batch)
        leaves = jax.tree.leaves((result.params, result.statistics, result.history))
        assert all(np.isfinite(leaf).all() for leaf in leaves)


def test_other_networks_may_learn_example_by_example() -> None:
    result = train(jaxnet.mlp((3, 4, 2), drop_rate=0.5))
    assert np.isfinite(result.history.train["loss"]).all()


def by_position(layer: Layer) -> Layer:
    """Return a layer of one's own that takes the positions of each example for examples."""

    def forward(params: Any, statistics: Any, x: jax.Array, **how: Any) -> Any:
        flat = x.reshape(-1, x.shape[-1])
        y, kept, updated = layer.forward(params, statistics, flat, **how)
        return y.reshape(len(x), -1), kept, updated

    def backward(params: Any, kept: Any, dy: jax.Array) -> Any:
        dparams, dx = layer.backward(params, kept, dy.reshape(kept.u.shape))
        return dparams, dx.reshape(len(dy), -1, dx.shape[-1])

    return layer_from_forward(
        init=lambda key, in_shape: layer.init(key, in_shape[-1:]),
        forward=forward,
        backward=backward,
        out_shape=lambda in_shape: (in_shape[0] * in_shape[1],),
    )


@pytest.mark.parametrize("gradient", ["autodiff", "by_hand"])
def test_one_example_of_several_positions_has_moments(gradient: str) -> None:
    images = Examples(RNG.normal(size=(4, 5, 3)), np.arange(4) % 2)
    network = serial(by_position(batch_norm()), dense(2))
    first, last = (
        train(network, examples=images, gradient=gradient, epochs=n).history.train["loss"][-1]
        for n in (1, 30)
    )
    assert last < first / 2


@pytest.mark.parametrize(("batch_size", "training"), [(1, False), (2, True)])
def test_instruments_of_mini_batches(batch_size: int, training: bool) -> None:
    objective = make_objective(NETWORK)
    params, statistics = NETWORK.init(KEY, (3,))
    given = (objective, params, statistics, jax.tree.map(jnp.asarray, EXAMPLES))
    how = {"draws": 2, "key": KEY}
    total = functools.partial(map_batch_gradients, lambda g: g[0].bias.sum())
    for name, measure in (("map_batch_gradients", total), ("measured_variance", measured_variance)):
        measure(*given, batch_size=batch_size, training=training, **how)
        with pytest.raises(ValueError, match=REFUSED.format(name)):
            measure(*given, batch_size=1, training=True, **how)
