"""Wrappers that need an objective: SAM, lookahead, schedule-free training.

Each minimizes a small nonlinear objective for 100 steps in float64, beside optax's.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers.case import Known
from experiments.peers.compare import apart
from experiments.peers.rows import Row, judged_row
from jaxnet.optim import (
    adam,
    lookahead,
    momentum,
    prodigy,
    sam,
    schedule_free,
    schedule_free_eval_params,
    sgd,
)
from jaxnet.optim.verification import STEPS, Tree, as_users_do

Paths: TypeAlias = tuple[Any, Any]
"""Trees of the parameters after each step, stacked: ours and optax's."""


def comparisons() -> list[Row]:
    """Return a row per comparison."""
    return [compare(name) for name in COMPARISONS]


def compare(name: str) -> Row:
    """Return the distance of our wrapper from optax's."""
    with jax.enable_x64(True), as_users_do():
        ours, theirs = (_flat(path) for path in jax.jit(COMPARISONS[name])())
    witnesses = {"optax": apart(ours, theirs)}
    return judged_row(name.split(",")[0], name, "optax", witnesses, known=KNOWN.get(name))


def _flat(path: Any) -> Tree:
    return {str(i): np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(path))}


def risk(params: Mapping[str, jax.Array]) -> jax.Array:
    """Return the mean squared error of five tanh units on eight examples of two inputs."""
    x = jnp.linspace(-1.0, 1.0, 16).reshape(8, 2) ** jnp.array([1, 2])
    y = jnp.sin(jnp.linspace(0.0, 4.0, 40)).reshape(8, 5)
    return jnp.mean((jnp.tanh(x @ params["w"].T + params["b"][None, :]) - y) ** 2)


def start() -> dict[str, jax.Array]:
    """Return the initial parameters of all paths."""
    return {"b": jnp.linspace(-0.5, 0.5, 5), "w": jnp.linspace(1.0, -1.0, 10).reshape(5, 2)}


def follow(
    optimizer: Any,
    params: Any,
    *,
    train: Callable[[Any], Any] = lambda params: params,
    evaluate: Callable[[Any, Any], Any] = lambda _, params: params,
    grad_fn: Callable[..., Any] | None = None,
    function: Callable[[Any], jax.Array] = risk,
) -> Any:
    """Return evaluations after each step on an objective.

    Args:
        optimizer: ours or optax's.
        params: initial parameters.
        train: ``params -> parameters`` at which the gradient is taken.
        evaluate: ``(state, params) -> `` value to return per step.
        grad_fn: argument of ``update``, if any.
        function: the objective.
    """
    extra = {} if grad_fn is None else {"grad_fn": grad_fn}

    def step(carry: Any, _: Any) -> Any:
        params, state = carry
        g = jax.grad(function)(train(params))
        updates, state = optimizer.update(g, state, params, **extra)
        params = optax.apply_updates(params, updates)
        return (params, state), evaluate(state, params)

    return jax.lax.scan(step, (params, optimizer.init(params)), length=STEPS)[1]


def _lookahead(ours: Any, theirs: Any, **options: Any) -> Paths:
    """Return the fast and slow weights."""
    pair = optax.LookaheadParams(start(), start())  # init_synced would share one buffer
    return (
        follow(
            lookahead(ours, **options), start(), evaluate=lambda state, params: (params, state.slow)
        ),
        follow(
            optax.lookahead(theirs, **{"sync_period": 5, "slow_step_size": 0.5} | options),
            pair,
            train=lambda params: params.fast,
            evaluate=lambda _, params: (params.fast, params.slow),
        ),
    )


def _sam(ours: Any, theirs: Any, *, rho: float, function: Any = risk, **options: Any) -> Paths:
    g = jax.grad(function)
    ascent = optax.chain(optax.contrib.normalize(), optax.sgd(rho))
    peer = optax.contrib.sam(theirs, ascent, opaque_mode=True, **options)
    return (
        follow(sam(ours, rho=rho, **options), start(), grad_fn=g, function=function),
        follow(peer, start(), grad_fn=lambda params, _: g(params), function=function),
    )


def _schedule_free(ours: Any, theirs: Any, rate: float, **options: Any) -> Paths:
    """Return the weights to train and those to evaluate."""

    def both(eval_params: Any) -> Any:
        return lambda state, params: (params, eval_params(state, params))

    return (
        follow(
            schedule_free(ours, rate, **options), start(), evaluate=both(schedule_free_eval_params)
        ),
        follow(
            optax.contrib.schedule_free(theirs, rate, **options),
            start(),
            evaluate=both(optax.contrib.schedule_free_eval_params),
        ),
    )


def _flat_risk(params: Any) -> jax.Array:
    return 0.0 * risk(params)


def _prodigy() -> Paths:
    ours, theirs = prodigy(1.0), optax.contrib.prodigy(1.0)
    return tuple(follow(one, start(), function=_flat_risk) for one in (ours, theirs))


COMPARISONS: dict[str, Callable[[], Paths]] = {
    "lookahead": lambda: _lookahead(sgd(0.3), optax.sgd(0.3)),
    "lookahead, adam": lambda: _lookahead(
        adam(0.05), optax.adam(0.05), sync_period=7, slow_step_size=0.8
    ),
    "lookahead, momentum reset": lambda: _lookahead(
        momentum(0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9), sync_period=3, reset_state=True
    ),
    "sam": lambda: _sam(sgd(0.3), optax.sgd(0.3), rho=0.05),
    "sam, adam, three ascents": lambda: _sam(adam(0.02), optax.adam(0.02), rho=0.02, sync_period=4),
    "sam, gradients of 0": lambda: _sam(sgd(0.3), optax.sgd(0.3), rho=0.05, function=_flat_risk),
    "prodigy, gradients of 0": _prodigy,
    "schedule_free": lambda: _schedule_free(sgd(0.5), optax.sgd(0.5), 0.5),
    "schedule_free, adam": lambda: _schedule_free(
        adam(0.01, b1=0.0, eps=1e-3),
        optax.adam(0.01, b1=0.0, eps=1e-3),
        0.01,
        b1=0.7,
        weight_lr_power=1.0,
    ),
}
"""Name, beginning with the wrapper -> our path and optax's."""

_DIVIDES = "it divides 0 by 0 and is NaN from then on; ours stays where it is"

KNOWN: dict[str, dict[str, Known]] = {
    "sam, gradients of 0": {
        "optax": Known(("0.2.8",), _DIVIDES, "https://github.com/google-deepmind/optax/pull/1743")
    },
    "prodigy, gradients of 0": {"optax": Known(("0.2.8",), _DIVIDES, "")},
}
"""Name of a comparison -> library -> known bug."""
