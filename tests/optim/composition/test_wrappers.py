"""Lookahead and sharpness-aware minimization: beside optax, by hand, in compositions, errors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.peers.objectives import COMPARISONS, compare
from experiments.peers.rows import BAD
from jaxnet.optim import (
    WRAPPERS,
    adam,
    average_parameters,
    averaged_params,
    lookahead,
    momentum,
    prodigy,
    sam,
    schedule_free,
    sgd,
)
from jaxnet.optim.verification import as_users_do


@pytest.mark.parametrize("name", COMPARISONS)
def test_equals_optax_down_an_objective(name: str) -> None:
    row = compare(name)
    assert row.verdict not in BAD, row


def _update(optimizer: Any, g: Any, w: Any, **extra: Any) -> Any:
    return optimizer.update(g, optimizer.init(w), w, **extra)[0]


def _walk(optimizer: Any, gradients: list[float]) -> tuple[list[float], list[float]]:
    """Return fast and slow weights after each step, from 0."""
    w: Any = jnp.array([0.0])
    fast, slow = [], []
    state = optimizer.init(w)
    for g in gradients:
        updates, state = optimizer.update(jnp.array([g]), state, w)
        w = optax.apply_updates(w, updates)
        fast.append(float(w[0]))
        slow.append(float(state.slow[0]))
    return fast, slow


def test_lookahead_by_hand() -> None:
    """After steps to 2 and 4 a quarter of the way: 1. After steps to 3 and 5: 1 + 4 / 4 = 2."""
    optimizer = lookahead(sgd(1.0), sync_period=2, slow_step_size=0.25)
    assert _walk(optimizer, [-2.0, -2.0, -2.0, -2.0]) == ([2, 1, 3, 2], [0, 1, 1, 2])


def test_lookahead_of_one_whole_step_is_the_inner_optimizer() -> None:
    steps = [-2.0, 1.0, -4.0]
    whole = lookahead(sgd(0.5), sync_period=1, slow_step_size=1.0)
    assert _walk(whole, steps)[0] == [1, 0.5, 2.5]


@pytest.mark.parametrize(("reset", "expected"), [(False, [1, 1.25, 2.5]), (True, [1, 1.25, 2.25])])
def test_lookahead_resets_the_inner_state_by_hand(reset: bool, expected: list[float]) -> None:
    """A trace of decay .5: steps of 1, 1.5, then 1.25 or, begun anew, 1. Synchronized at 2.5."""
    optimizer = lookahead(
        momentum(1.0, momentum=0.5), sync_period=2, slow_step_size=0.5, reset_state=reset
    )
    gradients = [-1.0, -1.0, -0.5 if not reset else -1.0]
    assert _walk(optimizer, gradients)[0] == expected


def test_a_reset_starts_at_the_synchronized_point() -> None:
    """From 0 by 1 and 1 to 2, back to 1/2: there an average begins anew, not at 1 or 2."""
    inner = average_parameters(sgd(1.0), 0.5, debias=False)
    optimizer = lookahead(inner, sync_period=2, slow_step_size=0.25, reset_state=True)
    w: Any = jnp.zeros(1)
    state: Any = optimizer.init(w)
    for _ in range(2):
        updates, state = optimizer.update(-jnp.ones(1), state, w)
        w = optax.apply_updates(w, updates)
    assert w.tolist() == averaged_params(state.fast_state).tolist() == [0.5]


def test_sam_by_hand() -> None:
    """From (3, 4) by 2.5 along the gradient (3, 4) / 5 to (4.5, 6), and once more to (6, 8)."""
    w = jnp.array([3.0, 4.0])
    for period, expected in ((1, [-3, -4]), (2, [-4.5, -6]), (3, [-6, -8])):
        optimizer = sam(sgd(1.0), rho=2.5, sync_period=period)
        updates = _update(optimizer, w, w, grad_fn=lambda w: w)
        assert updates.tolist() == expected


def test_adaptive_sam_by_hand() -> None:
    """With w = (3, 4) and g = (1, 1): w g is 5 long, the ascent of 5 is w^2 g = (9, 16)."""
    w, g = jnp.array([3.0, 4.0]), jnp.ones(2)
    optimizer = sam(sgd(1.0), rho=5.0, adaptive=True)
    updates = _update(optimizer, g, w, grad_fn=lambda w: w)
    assert updates.tolist() == [-12, -20]


def test_adaptive_sam_does_not_see_the_scale_of_layers(float64: np.dtype) -> None:
    """One layer doubled and the next halved: the same risk at the point of ascent."""

    def risk(params: Any) -> jax.Array:
        return jnp.sum((params["v"] * params["w"] - 1) ** 2)

    one = {"v": jnp.array([0.5, -1.0], float64), "w": jnp.array([2.0, 0.5], float64)}
    two = {"v": 2 * one["v"], "w": one["w"] / 2}
    risks = {}
    for adaptive in (False, True):
        found = []
        for params in (one, two):
            seen = []
            optimizer = sam(sgd(0.1), rho=0.5, adaptive=adaptive)
            optimizer.update(
                jax.grad(risk)(params),
                optimizer.init(params),
                params,
                grad_fn=lambda top, seen=seen: seen.append(risk(top)) or jax.grad(risk)(top),
            )
            found.append(float(seen[0]))
        risks[adaptive] = found
    assert risks[True][0] == pytest.approx(risks[True][1], rel=1e-12)
    assert risks[False][0] != pytest.approx(risks[False][1], rel=1e-2)


def test_sam_stays_at_a_gradient_of_zero() -> None:
    w = jnp.array([3.0, 4.0])
    for adaptive in (False, True):
        optimizer = sam(sgd(1.0), adaptive=adaptive)
        updates = _update(optimizer, 0 * w, w, grad_fn=lambda w: 0 * w)
        assert updates.tolist() == [0, 0]


def _wrapped(name: str) -> Any:
    options = {"schedule_free": {"learning_rate": 0.1}, "lookahead": {}, "sam": {"rho": 0.5}}
    return WRAPPERS[name](sgd(0.1), **options[name])


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_take_parts_of_trees_and_keep_dtypes(name: str) -> None:
    optimizer = _wrapped(name)
    for params in (
        {},
        {"a": None, "b": jnp.ones(2, jnp.bfloat16)},
        (optax.MaskedNode(), jnp.ones(2)),
    ):
        updates, _ = optimizer.update(params, optimizer.init(params), params, grad_fn=lambda w: w)
        assert jax.tree.structure(updates) == jax.tree.structure(params)
        dtypes = [[leaf.dtype for leaf in jax.tree.leaves(tree)] for tree in (updates, params)]
        assert dtypes[0] == dtypes[1]


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_within_optax_and_each_other(name: str) -> None:
    """In a chain, with accumulation, inside lookahead: compiled, the parameters plain."""
    params = {"w": jnp.array([3.0, -4.0])}
    for outer in (
        optax.chain(optax.identity(), _wrapped(name)),
        optax.MultiSteps(_wrapped(name), 2),
        lookahead(_wrapped(name), sync_period=2),
    ):
        w: Any = params
        state = outer.init(params)
        step = jax.jit(lambda g, s, w, outer=outer: outer.update(g, s, w, grad_fn=lambda w: w))
        for _ in range(4):
            with as_users_do():  # optax divides a float by an int
                updates, state = step(w, state, w)
            w = optax.apply_updates(w, updates)
        assert (np.abs(w["w"]) < np.abs(params["w"])).all()


def test_wrappers_need_the_parameters() -> None:
    w = jnp.ones(2)
    for name in WRAPPERS:
        optimizer = _wrapped(name)
        message = r"^expected params to be given, the rule needs them, got None\. Call"
        with pytest.raises(ValueError, match=message):
            optimizer.update(w, optimizer.init(w))


def test_sam_without_its_second_gradient() -> None:
    w, optimizer = jnp.ones(2), sam(adam(0.1))
    message = (
        r"^expected grad_fn to be given to update, got None\. "
        r"Call optimizer\.update\(gradients, state, params, grad_fn=\.\.\.\)\.$"
    )
    with pytest.raises(ValueError, match=message):
        optimizer.update(w, optimizer.init(w), w)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lookahead(sgd(1.0), sync_period=0), "expected sync_period "),
        (lambda: lookahead(sgd(1.0), slow_step_size=0.0), "expected slow_step_size "),
        (lambda: lookahead(sgd(1.0), slow_step_size=1.5), "expected slow_step_size "),
        (lambda: sam(sgd(1.0), rho=-1.0), r"expected rho finite and in \[0, inf\), got -1\.0"),
        (lambda: sam(sgd(1.0), sync_period=0), "expected sync_period "),
    ],
    ids=["period", "no step", "long step", "rho", "sam's period"],
)
def test_numbers_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_parameters_and_state_may_be_donated_together() -> None:
    """The state starts with arrays of its own: XLA refuses to reuse a buffer twice."""
    for optimizer in (lookahead(sgd(0.1)), schedule_free(sgd(0.1), 0.1), prodigy()):
        w = jnp.ones(3)
        step = jax.jit(lambda w, s, o=optimizer: o.update(w, s, w), donate_argnums=(0, 1))
        updates, _ = step(w, optimizer.init(w))
        assert np.isfinite(updates).all()
