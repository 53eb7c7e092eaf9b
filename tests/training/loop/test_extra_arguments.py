"""What `fit` gives to optimizers that take more than gradients: risks and gradients elsewhere."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.layers import activation, batch_norm, dense, dropout, serial
from jaxnet.training.loop.gradient import ENGINES
from tests.comparison import assert_trees_close
from tests.training.toys import blobs

NETWORK = dense(3)
PENALTY = jaxnet.penalties.get_penalty("l2", strength=0.01)

FROM_OPTAX = {
    "lbfgs": optax.lbfgs(memory_size=3),
    "sam": optax.contrib.sam(
        optax.sgd(0.2),
        optax.chain(optax.contrib.normalize(), optax.sgd(0.05)),
        opaque_mode=True,
    ),
    "reduce-on-plateau": optax.chain(
        optax.sgd(0.2), optax.contrib.reduce_on_plateau(factor=0.5, patience=1)
    ),
    "polyak-sgd": optax.polyak_sgd(max_learning_rate=0.2),
    "sophia": optax.contrib.sophia(0.05),
}


def run(optimizer: Any, **options: Any) -> jaxnet.training.FitResult:
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 37, "penalty": PENALTY}
    # as users of optax do: its optimizers promote dtypes
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return jaxnet.training.fit(
            options.pop("net", NETWORK),
            blobs(),
            key=jax.random.key(0),
            optimizer=optimizer,
            **(settings | options),
        )


@pytest.mark.parametrize("name", FROM_OPTAX)
def test_optimizers_of_optax_run(name: str) -> None:
    loss = run(FROM_OPTAX[name]).history.train["loss"]
    assert loss[-1] < 0.9 * loss[0]


def test_sharpness_aware_minimization_uses_the_hand_derived_gradient() -> None:
    hand, auto = (run(FROM_OPTAX["sam"], gradient=engine) for engine in ENGINES)
    assert_trees_close(hand.state.params, auto.state.params)


class Probe(NamedTuple):
    """What the probe below has seen: numbers that should be 0, and the risk."""

    errors: dict[str, jax.Array]
    value: jax.Array


def probe() -> optax.GradientTransformationExtraArgs:
    """Return gradient descent that holds the extra arguments against each other."""

    def init(params: Any) -> Probe:
        names = ("value_fn", "obj_fn", "grad_fn", "parts", "derivative")
        return Probe({name: jnp.zeros(()) for name in names}, jnp.zeros(()))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> Any:
        value, w = extra["value"], params
        parts = extra["loss_fn"](extra["outputs_fn"](w)) + extra["penalty_fn"](w)
        found = {
            "value_fn": extra["value_fn"](w) - value,
            "obj_fn": extra["obj_fn"](w) - value,
            "grad_fn": distance(extra["grad_fn"](w, 3), updates),
            "parts": parts - value,
            "derivative": distance(jax.grad(extra["value_fn"])(w), extra["grad"]),
        }
        errors = {name: jnp.maximum(state.errors[name], abs(e)) for name, e in found.items()}
        return jax.tree.map(lambda g: -0.1 * g, updates), Probe(errors, value)

    return optax.GradientTransformationExtraArgs(init, update)


def distance(a: Any, b: Any) -> jax.Array:
    leaves = jax.tree.leaves(jax.tree.map(lambda x, y: jnp.max(jnp.abs(x - y)), a, b))
    return jnp.max(jnp.stack(leaves))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_all_functions_see_the_batch_the_dropout_mask_and_the_penalty(
    engine: str, float64: np.dtype
) -> None:
    net = serial(dense(6), batch_norm(), activation("tanh"), dropout(0.5), dense(3))
    # 37 examples: a short mini-batch, whose sum is divided by 8 like the others
    state = run(probe(), net=net, batch_size=8, gradient=engine).state.opt_state
    assert {name: float(e) for name, e in state.errors.items() if e > 1e-14} == {}


def test_the_value_is_the_risk_worked_by_hand() -> None:
    # w = 2, x = 3, target 1: (2 * 3 - 1)^2 = 25, and the penalty 0.5 * 2^2 = 2
    net = dense(1, bias_initializer=None, initializer=lambda *_: jnp.full((1, 1), 2.0))
    train = jaxnet.data.Examples(np.full((1, 1), 3.0, np.float32), np.ones((1, 1), np.float32))
    penalty = jaxnet.penalties.get_penalty("l2", strength=0.5)
    options = {"epochs": 1, "batch_size": 1, "loss": "squared_error", "penalty": penalty}
    result = jaxnet.training.fit(
        net, train, key=jax.random.key(0), optimizer=probe(), metrics=(), **options
    )
    assert float(result.state.opt_state.value) == 27.0


def test_the_plateau_is_that_of_the_risk() -> None:
    """A rate so small that nothing improves is halved at each step after the first."""
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1, rtol=0.5)
    state = run(optax.chain(optax.sgd(1e-9), plateau)).state.opt_state
    assert float(state[1].scale) == 0.5**3


def test_who_takes_no_extra_arguments_has_the_same_bits_and_no_more_to_trace() -> None:
    def penalty(params: Any) -> jax.Array:
        traces.append(1)
        return 0.01 * jnp.sum(jnp.square(params.weights))

    traces: list[int] = []
    plain = run(jaxnet.optim.sgd(0.1), penalty=penalty)
    once = len(traces)
    extra = run(optax.with_extra_args_support(jaxnet.optim.sgd(0.1)), penalty=penalty)
    assert digest(plain.state.params) == digest(extra.state.params)
    assert len(traces) > 2 * once  # the penalty of `value` is written into that program
