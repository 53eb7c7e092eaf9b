"""Ours within optax, optax's within ours: equal paths, extra arguments, hyperparameters, states."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import (
    accumulate,
    adam,
    add_decayed_weights,
    apply_if_finite,
    average_parameters,
    averaged_params,
    chain,
    clip,
    clip_by_global_norm,
    freeze,
    masked,
    momentum,
    per_group,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
    set_to_zero,
    sgd,
    zero_nans,
)
from tests.comparison import assert_trees_close
from tests.trajectories import gradients, start

LABELS = {"weights": "w", "bias": "b"}
WEIGHTS = {"weights": True, "bias": False}
BIASES = {"weights": False, "bias": True}


def _ours(rate: Any) -> Any:
    """Return a composition with something of every kind in it."""
    inner = chain(add_decayed_weights(0.1, mask=WEIGHTS), momentum(rate))
    groups = per_group({"w": inner, "b": masked(sgd(rate), BIASES)}, LABELS)
    return chain(zero_nans(), clip_by_global_norm(0.5), apply_if_finite(groups, 3))


def _optax(rate: Any) -> Any:
    inner = optax.chain(optax.add_decayed_weights(0.1, mask=WEIGHTS), optax.sgd(rate, 0.9))
    groups = optax.partition({"w": inner, "b": optax.masked(optax.sgd(rate), BIASES)}, LABELS)
    return optax.chain(
        optax.zero_nans(), optax.clip_by_global_norm(0.5), optax.apply_if_finite(groups, 3)
    )


def _multi_steps(inner: Any) -> Any:
    steps = optax.MultiSteps(inner, 2, accumulator_dtype="float64")
    return steps.gradient_transformation()


def _lookahead(inner: Any) -> Any:
    """Return what moves the slow weights, behind the interface of an optimizer."""
    transformation: Any = optax.lookahead(inner, sync_period=3, slow_step_size=0.5)

    def init(params: Any) -> Any:
        both = optax.LookaheadParams.init_synced(params)
        return both, transformation.init(both)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        both, inner_state = state
        changes, inner_state = transformation.update(updates, inner_state, both)
        both = optax.apply_updates(both, changes)
        return changes.slow, (both, inner_state)

    return optax.GradientTransformation(init, update)


def _assert_same_walk(ours: Any, theirs: Any) -> None:
    """Assert that two optimizers go the same way for twelve steps, in one compiled step."""
    rows, both = gradients(12, np.float64), (ours, theirs)

    @jax.jit
    def step(carry: Any, row: Any) -> Any:
        moved = []
        for optimizer, (params, state) in zip(both, carry, strict=True):
            updates, state = optimizer.update(row, state, params)
            moved.append((optax.apply_updates(params, updates), state))
        return moved

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        carry = [(start(np.float64), optimizer.init(start(np.float64))) for optimizer in both]
        for t in range(12):
            carry = step(carry, jax.tree.map(lambda leaf, t=t: leaf[t], rows))
            assert_trees_close(carry[0][0], carry[1][0])


WITHIN_OPTAX: dict[str, Callable[[Any], Any]] = {
    "chain": lambda inner: optax.chain(inner, optax.scale(0.5)),
    "masked": lambda inner: optax.masked(inner, {"weights": True, "bias": True}),
    "MultiSteps": _multi_steps,
    "multi_transform": lambda inner: optax.multi_transform({0: inner}, 0),
    "apply_if_finite": lambda inner: optax.apply_if_finite(inner, 2),
    "lookahead": _lookahead,
}


@pytest.mark.parametrize("name", WITHIN_OPTAX)
def test_a_composition_of_ours_within_optax(name: str, float64: np.dtype) -> None:
    """Equal to optax's own composition within the same wrapper."""
    wrap = WITHIN_OPTAX[name]
    _assert_same_walk(*(wrap(make(lambda count: 0.1 / (1 + count))) for make in (_ours, _optax)))


WITHIN_OURS: dict[str, tuple[Any, Any]] = {
    "adamw": (lambda inner: chain(clip(0.3), inner), lambda inner: (optax.clip(0.3), inner)),
    "lion": (lambda inner: accumulate(inner, 1), lambda inner: (inner,)),
    "rmsprop": (lambda inner: apply_if_finite(inner, 2), lambda inner: (inner,)),
    "adagrad": (lambda inner: per_group({"a": inner}, "a"), lambda inner: (inner,)),
    "novograd": (lambda inner: average_parameters(inner, 0.9), lambda inner: (inner,)),
    "adafactor": (
        lambda inner: chain(masked(inner, WEIGHTS), freeze(BIASES)),
        lambda inner: (
            optax.masked(inner, WEIGHTS),
            optax.masked(optax.set_to_zero(), BIASES),
        ),
    ),
}
"""optax's optimizer -> our composition around it, and the parts of optax's chain that is equal."""


@pytest.mark.parametrize("name", WITHIN_OURS)
def test_an_optimizer_of_optax_within_ours(name: str, float64: np.dtype) -> None:
    ours, theirs = WITHIN_OURS[name]
    inner = getattr(optax, name)(0.1)
    _assert_same_walk(ours(inner), optax.chain(*theirs(inner)))


INJECTED = [
    (clip, optax.clip, {"max_delta": 0.3}),
    (clip_by_global_norm, optax.clip_by_global_norm, {"max_norm": 0.3}),
    (add_decayed_weights, optax.add_decayed_weights, {"weight_decay": 0.3}),
    (scale, optax.scale, {"step_size": -0.3}),
    (scale_by_learning_rate, optax.scale_by_learning_rate, {"learning_rate": 0.3}),
    (momentum, optax.sgd, {"learning_rate": 0.3, "momentum": 0.8}),
    (adam, optax.adam, {"learning_rate": 0.3, "b1": 0.8}),
]


def test_hyperparameters_may_be_injected(float64: np.dtype) -> None:
    """As numbers in the state, of which one is changed, and as schedules."""
    params, rows = start(float64), gradients(1, float64)
    g = jax.tree.map(lambda leaf: leaf[0], rows)

    def run(factory: Any, numbers: dict[str, float]) -> Any:
        name = next(iter(numbers))
        schedule = lambda count: numbers[name] / (1 + count)  # noqa: E731
        found = []
        for options in (numbers, numbers | {name: schedule}):
            optimizer = optax.inject_hyperparams(factory)(**options)
            state: Any = optimizer.init(params)
            first, state = optimizer.update(g, state, params)
            state.hyperparams[name] = 0.5 * state.hyperparams[name]
            found += [first, optimizer.update(g, state, params)[0]]
        return found

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        ours = jax.jit(lambda: [run(factory, numbers) for factory, _, numbers in INJECTED])()
        theirs = jax.jit(lambda: [run(factory, numbers) for _, factory, numbers in INJECTED])()
    assert_trees_close(ours, theirs)
    assert not np.allclose(ours[0][0]["bias"], ours[0][1]["bias"])


def test_the_average_of_a_chain_of_optax() -> None:
    """Ours around optax's within optax's: the average is found in the state."""
    optimizer: Any = optax.chain(optax.clip(1.0), average_parameters(optax.sgd(0.5), None))
    w = jnp.array([4.0])
    state = optimizer.init(w)
    for _ in range(2):
        updates, state = optimizer.update(jnp.array([2.0]), state, w)
        w = optax.apply_updates(w, updates)
    assert averaged_params(state).tolist() == [3.25]  # of 3.5 and 3


def _seeing(seen: list[Any]) -> Any:
    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> Any:
        seen.append((float(extra["value"]), extra["value_fn"](3.0), sorted(extra)))
        return updates, state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "chain": lambda inner: chain(clip(1.0), sgd(0.1), optax.adam(0.1), inner, scale(1.0)),
    "accumulate": lambda inner: accumulate(inner, 1),
    "average_parameters": lambda inner: average_parameters(inner, 0.9),
    "apply_if_finite": lambda inner: apply_if_finite(inner, 1),
    "masked": lambda inner: masked(inner, True),
    "per_group": lambda inner: per_group({"a": inner, "b": sgd(0.1)}, "a"),
    "all of them": lambda inner: accumulate(
        per_group(
            {"a": masked(average_parameters(apply_if_finite(chain(inner), 1), 0), True)}, "a"
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_extra_arguments_pass_every_wrapper(name: str) -> None:
    """Numbers and functions, past those that take none."""
    seen: list[Any] = []
    optimizer = WRAPPERS[name](_seeing(seen))
    w = jnp.ones(2)
    with jax.numpy_dtype_promotion("standard"):
        optimizer.update(w, optimizer.init(w), w, value=2.0, value_fn=lambda x: 2 * x)
    assert seen == [(2.0, 6.0, ["value", "value_fn"])]


def test_an_optimizer_that_needs_the_risk(float64: np.dtype) -> None:
    """Polyak's step size ``f(w) / ||g||^2`` within ours, which pass the traced ``value`` on."""
    optimizer: Any = accumulate(chain(clip(100.0), apply_if_finite(optax.polyak_sgd(), 1)), 1)
    w = jnp.array([3.0, 4.0])

    def step(w: Any) -> Any:
        value, g = jax.value_and_grad(lambda w: jnp.sum(w * w))(w)
        return optimizer.update(g, optimizer.init(w), w, value=value)[0]

    # f = 25, g = (6, 8), so that the step is 25/100 g
    np.testing.assert_allclose(jax.jit(step)(w), [-1.5, -2.0], rtol=1e-14)


STATES = {
    "accumulate": accumulate(adam(0.1), 2),
    "average_parameters": average_parameters(momentum(0.1), 0.9),
    "chain": chain(add_decayed_weights(0.1, mask=WEIGHTS), adam(0.1)),
    "masked": masked(adam(0.1), WEIGHTS),
    "per_group": per_group({"w": adam(0.1), "b": set_to_zero()}, LABELS),
    "apply_if_finite": apply_if_finite(adam(0.1), 1),
    "scale_by_schedule": scale_by_schedule(lambda count: count),
}


@pytest.mark.parametrize("name", STATES)
def test_states_are_trees_that_optax_can_assert_same_walk(name: str) -> None:
    """`optax.tree_map_params`, by which states are sharded or saved, finds what is per weight."""
    optimizer: Any = STATES[name]
    state = optimizer.init({"weights": jnp.ones(2), "bias": jnp.ones(1)})
    marked = optax.tree_map_params(
        optimizer, lambda leaf: leaf + 1, state, transform_non_params=lambda _: None
    )
    kept = {leaf.shape for leaf in jax.tree.leaves(marked)}
    assert kept <= {(1,), (2,)}
    assert len(jax.tree.leaves(marked)) == sum(leaf.ndim == 1 for leaf in jax.tree.leaves(state))
