"""Gradient engines: by hand and by autodiff train the same network to the same parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.layers import activation, batch_norm, dense, dropout, serial
from jaxnet.training import FitResult
from jaxnet.training.loop.gradient import ENGINES, BatchGradient, autodiff
from jaxnet.training.loop.objective import Objective, make_objective
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs, network

# Rounding of single gradients, 1e-7 and 1e-16, grown over 15 steps of training through a network
# with batch normalization: measured 1.2e-6 and 2.2e-15 for the worst leaf.
TRAINED = {"float32": Tolerance(1e-4, 1e-5), "float64": Tolerance(1e-12, 1e-13)}

OPTIMIZER = jaxnet.optim.sgd(0.1)

NETWORKS = {
    "plain": network(),
    "batch-norm-and-dropout": serial(
        dense(6), batch_norm(momentum=0.9), activation("tanh"), dropout(0.3), dense(3)
    ),
}


def run(net: jaxnet.layers.Layer, **options: Any) -> FitResult:
    settings: dict[str, Any] = {"optimizer": OPTIMIZER, "epochs": 3, "batch_size": 8}
    return jaxnet.training.fit(net, blobs(), key=jax.random.key(0), **(settings | options))


# in float64 an error of 1e-12 is seen; float32 is one more path through the same programs
@pytest.mark.parametrize(
    ("dtype", "penalty"),
    [("float64", None), ("float64", "l2"), ("float32", "l2")],
    indirect=["dtype"],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_both_engines_train_alike(name: str, penalty: str | None, dtype: np.dtype) -> None:
    term = penalty and jaxnet.penalties.get_penalty(penalty, strength=0.01)
    hand, auto = (run(NETWORKS[name], gradient=engine, penalty=term) for engine in ENGINES)
    assert_trees_close(
        (hand.state.params, hand.state.statistics),
        (auto.state.params, auto.state.statistics),
        tolerance=TRAINED[dtype.name],
    )
    np.testing.assert_allclose(hand.history.train["loss"], auto.history.train["loss"], rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_gradient_is_equal_leaf_by_leaf(name: str, dtype: np.dtype) -> None:
    net = NETWORKS[name]
    params, statistics = net.init(jax.random.key(0), (3,))
    batch = jax.tree.map(jnp.asarray, blobs())
    objective = make_objective(net, "softmax_cross_entropy", "accuracy")
    hand, auto = (
        jax.jit(engine(objective), static_argnums=4)(
            params, statistics, batch, jax.random.key(1), 37
        )
        for engine in ENGINES.values()
    )
    assert_trees_close(hand, auto)
    assert jax.tree.leaves(hand)[0].dtype == dtype


def test_the_penalty_shrinks_the_weights_only() -> None:
    free, bound = (
        run(network()),
        run(network(), penalty=jaxnet.penalties.get_penalty("l2", strength=0.1)),
    )

    def size(result: FitResult) -> float:
        return sum(float(jnp.sum(jnp.square(leaf.weights))) for leaf in result.state.params[::2])

    assert size(bound) < 0.8 * size(free)


def test_a_step_with_a_penalty_worked_by_hand() -> None:
    # one weight w = 2, no data term (the loss is always 0): w - 0.1 * 2 * 0.5 * 2 = 1.8
    net = dense(1, bias_initializer=None, initializer=lambda *_: jnp.full((1, 1), 2.0))
    examples = jaxnet.data.Examples(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32))
    state = jaxnet.training.fit(
        net,
        examples,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.sgd(0.1),
        epochs=1,
        batch_size=1,
        loss=lambda outputs, targets: 0 * outputs[:, 0],
        metrics=(),
        penalty=jaxnet.penalties.get_penalty("l2", strength=0.5),
    ).state
    assert float(state.params.weights[0, 0]) == pytest.approx(1.8)


def test_the_constraint_holds_after_every_update() -> None:
    limited = run(network(), constraint=lambda params: jaxnet.penalties.max_norm(params, 0.5))
    norms = [np.linalg.norm(layer.weights, axis=1) for layer in limited.state.params[::2]]
    assert max(map(np.max, norms)) <= 0.5 * (1 + 1e-6)
    assert min(map(np.max, norms)) == pytest.approx(0.5, rel=1e-5)


def test_an_engine_of_ones_own() -> None:
    def doubled(objective: Objective) -> Any:
        inner = autodiff(objective)

        def gradient(*arguments: Any) -> BatchGradient:
            result = inner(*arguments)
            return result._replace(dparams=jax.tree.map(lambda g: 2 * g, result.dparams))

        return gradient

    twice = run(network(), gradient=doubled)
    fast = run(network(), optimizer=jaxnet.optim.sgd(0.2))
    assert_trees_close(twice.state.params, fast.state.params)


def test_a_loss_of_ones_own_is_differentiated_by_the_hand_engine(dtype: np.dtype) -> None:
    def loss(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return jnp.sum(jnp.cos(outputs) * targets[:, None].astype(outputs.dtype), axis=-1)

    hand, auto = (run(network(), loss=loss, gradient=engine) for engine in ENGINES)
    assert_trees_close(hand.state.params, auto.state.params, tolerance=TRAINED[dtype.name])


def test_a_function_of_ones_own_is_compiled_once() -> None:
    def loss(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        traces.append(outputs.shape)
        return jaxnet.losses.softmax_cross_entropy(outputs, targets)

    traces: list[Any] = []
    net = network()
    penalty = lambda params: 0.01 * jnp.sum(jnp.square(params[0].weights))  # noqa: E731
    optimizer = jaxnet.optim.sgd(0.1)
    run(net, loss=loss, penalty=penalty, optimizer=optimizer)
    before = len(traces)
    run(net, loss=loss, penalty=penalty, optimizer=optimizer)
    # the second run looks at the shapes of loss and examples, but compiles nothing
    assert len(traces) == before + 1


def test_unknown_engine() -> None:
    message = r"expected gradient to be one of autodiff, by_hand, got 'hand'\."
    with pytest.raises(ValueError, match=message):
        run(network(), gradient="hand")
