"""Compositions in the loops of others and in our own: flax's TrainState, nnx, `fit`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.optim import (
    accumulate,
    adam,
    add_decayed_weights,
    average_parameters,
    averaged_params,
    chain,
    clip,
    clip_by_global_norm,
    momentum,
    per_group,
    scale,
    scale_by_learning_rate,
    sgd,
)
from tests.comparison import assert_trees_close
from tests.training.toys import blobs

X = np.linspace(-1, 1, 12).reshape(4, 3)
PARAMS = {"kernel": np.linspace(-1, 1, 6).reshape(3, 2), "bias": np.zeros(2)}


def _ours() -> Any:
    return chain(clip_by_global_norm(1.0), accumulate(average_parameters(momentum(0.1), 0.9), 2))


def _optax() -> Any:
    steps = optax.MultiSteps(optax.sgd(0.1, 0.9), 2, accumulator_dtype="float64")
    return optax.chain(optax.clip_by_global_norm(1.0), steps.gradient_transformation())


def _risk(params: Any) -> Any:
    return jnp.mean((X @ params["kernel"] + params["bias"][None, :] - 1.0) ** 2)


def test_in_a_loop_of_flax_train_state(float64: np.dtype) -> None:
    train_state = pytest.importorskip("flax.training.train_state")

    def train(optimizer: Any) -> Any:
        params = jax.tree.map(jnp.asarray, PARAMS)
        state = train_state.TrainState.create(apply_fn=None, params=params, tx=optimizer)

        def step(state: Any, _: Any) -> Any:
            return state.apply_gradients(grads=jax.grad(_risk)(state.params)), None

        return jax.lax.scan(step, state, length=10)[0]

    with jax.numpy_dtype_promotion("standard"):
        ours, theirs = jax.jit(lambda: train(_ours()))(), jax.jit(lambda: train(_optax()))()
    assert_trees_close(ours.params, theirs.params)
    assert int(ours.step) == 10
    average = averaged_params(ours.opt_state)
    assert _risk(ours.params) < _risk(average) < _risk(PARAMS)


def test_in_a_loop_of_an_nnx_optimizer(float64: np.dtype) -> None:
    nnx = pytest.importorskip("flax.nnx")

    def train(optimizer: Any) -> Any:
        model = nnx.Linear(3, 2, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        model.kernel[...] = jnp.asarray(PARAMS["kernel"])
        wrapped = nnx.Optimizer(model, optimizer, wrt=nnx.Param)

        @nnx.jit
        def step(model: Any, wrapped: Any) -> None:
            gradients = nnx.grad(lambda model: jnp.mean((model(jnp.asarray(X)) - 1.0) ** 2))(model)
            wrapped.update(model, gradients)

        for _ in range(4):
            step(model, wrapped)
        return {"kernel": model.kernel[...], "bias": model.bias[...]}, wrapped

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        (ours, _), (theirs, _) = train(_ours()), train(_optax())
    assert_trees_close(ours, theirs)
    assert _risk(ours) < _risk(PARAMS)


def _coupled(chain: Any, clip: Any, decay: Any, inner: Any) -> Any:
    return chain(clip(0.5), decay(0.01), inner)


PAIRS: list[tuple[Any, Any]] = [
    (sgd(0.1), optax.sgd(0.1)),
    (momentum(0.1, nesterov=True), optax.sgd(0.1, 0.9, nesterov=True)),
    (adam(lambda count: 0.1 / (1 + count)), optax.adam(lambda count: 0.1 / (1 + count))),
    (
        chain(adam(1.0), scale(-1.0), add_decayed_weights(0.1), scale_by_learning_rate(0.1)),
        optax.adamw(0.1, weight_decay=0.1),
    ),
    (
        _coupled(chain, clip, add_decayed_weights, momentum(0.1)),
        _coupled(optax.chain, optax.clip, optax.add_decayed_weights, optax.sgd(0.1, 0.9)),
    ),
    (accumulate(adam(0.1), 2), optax.MultiSteps(optax.adam(0.1), 2).gradient_transformation()),
]
"""Optimizer of ours, and of optax."""


def _number_leaves(params: Any) -> Any:
    leaves, structure = jax.tree.flatten(params)
    return structure.unflatten(range(len(leaves)))


def test_optimizers_of_optax_train_in_fit_as_ours_do() -> None:
    """Each leaf of a network of three layers has an optimizer of its own; the average is kept."""
    network = jaxnet.mlp((3, 5, 5, 3), activation="tanh")
    results = []
    for member in (0, 1):
        groups = per_group({i: pair[member] for i, pair in enumerate(PAIRS)}, _number_leaves)
        with jax.numpy_dtype_promotion("standard"):
            results.append(
                jaxnet.training.fit(
                    network,
                    blobs(40),
                    key=jax.random.key(0),
                    optimizer=average_parameters(groups, 0.9),
                    epochs=4,
                    batch_size=8,
                )
            )
    ours, theirs = (result.state.params for result in results)
    assert len(jax.tree.leaves(ours)) == len(PAIRS)
    assert_trees_close(ours, theirs)
    losses = results[0].history.train["loss"]
    assert losses[-1] < 0.7 * losses[0]
    average = averaged_params(results[0].state.opt_state)
    distance = optax.tree.norm(jax.tree.map(jnp.subtract, average, ours))
    assert 0 < float(distance) < 0.5 * float(optax.tree.norm(average))
