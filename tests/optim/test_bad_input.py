"""Bad input to wrappers, line searches and schedules: error messages."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet import schedules
from jaxnet.optim import (
    ScaleByScheduleState,
    accumulate,
    adam,
    adaptive_grad_clip,
    add_decayed_weights,
    average_parameters,
    backtracking,
    chain,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    lbfgs,
    lookahead,
    nesterov,
    newton,
    newton_cg,
    reduce_on_plateau,
    rmsprop,
    sam,
    scale,
    scale_by_schedule,
    schedule_free,
    schedule_free_eval_params,
    schedule_free_sgd,
    sgd,
)

W = {"w": jnp.ones(2)}
OTHER = {"v": jnp.ones(2)}


NOT_CALLED: Any = sgd
NUMBER: Any = 1.0
ZERO = jnp.int32(0)


def _whole(number: int) -> Any:
    return np.int64(number)


def _changed(optimizer: Any, **extra: Any) -> None:
    """Call ``update`` with a tree of another structure than the state's."""
    optimizer.update(OTHER, optimizer.init(W), OTHER, **extra)


def _averaged(decay: Any) -> None:
    optimizer: Any = average_parameters(sgd(0.1), decay, like="torch")
    optimizer.update(W, optimizer.init(W), W)


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "lookahead, another tree": (
        lambda: _changed(lookahead(sgd(0.1))),
        TypeError,
        "expected gradients to have the tree structure",
    ),
    "nesterov, another tree": (
        lambda: _changed(nesterov(0.1, form="look_ahead"), grad_fn=lambda w: w),
        TypeError,
        "expected gradients to have the tree structure",
    ),
    "reduce_on_plateau, integers": (
        lambda: reduce_on_plateau().init(jnp.ones(2, jnp.int32)),
        TypeError,
        "expected parameters to be floating-point, got int32",
    ),
    "backtracking, integers": (
        lambda: backtracking().init(jnp.ones(2, jnp.int32)),
        TypeError,
        "expected parameters to be floating-point, got int32",
    ),
    **{
        f"{make.__name__}, a factory": (
            lambda make=make: make(NOT_CALLED),
            TypeError,
            "expected inner to be an optax.GradientTransformation, got sgd",
        )
        for make in (lookahead, sam)
    },
    "schedule_free, a factory": (
        lambda: schedule_free(NOT_CALLED, 0.1),
        TypeError,
        "expected inner to be an optax.GradientTransformation, got sgd",
    ),
    "lbfgs, a number for a search": (
        lambda: lbfgs(linesearch=NUMBER),
        TypeError,
        "expected linesearch to be an optax.GradientTransformation",
    ),
    "a vector of hyperparameters": (
        lambda: adam(0.1, b1=jnp.ones(2)),
        ValueError,
        r"expected b1 to be a scalar, got shape \(2,\)\. Sweep over values with jax.vmap",
    ),
    **{
        f"{name} of a vector": (
            call,
            ValueError,
            rf"expected {argument} to be a scalar, got shape \(2,\)\. Sweep over values",
        )
        for name, argument, call in [
            ("clip", "max_delta", lambda: clip(jnp.ones(2))),
            ("clip_by_global_norm", "max_norm", lambda: clip_by_global_norm(jnp.ones(2))),
            ("clip_by_norm", "max_norm", lambda: clip_by_norm(jnp.ones(2))),
            ("adaptive_grad_clip", "clipping", lambda: adaptive_grad_clip(jnp.ones(2))),
            ("scale", "step_size", lambda: scale(jnp.ones(2))),
            ("accumulate", "every", lambda: accumulate(sgd(1.0), jnp.ones(2, jnp.int32))),
            ("average_parameters", "decay", lambda: average_parameters(sgd(1.0), jnp.ones(2))),
            ("add_decayed_weights", "weight_decay", lambda: add_decayed_weights(jnp.ones(2))),
            (
                "lookahead",
                "slow_step_size",
                lambda: lookahead(sgd(1.0), slow_step_size=jnp.ones(2)),
            ),
            ("sam", "rho", lambda: sam(sgd(1.0), rho=jnp.ones(2))),
            ("newton", "damping", lambda: newton(damping=jnp.ones(2))),
        ]
    },
    "a schedule of vectors": (
        lambda: sgd(lambda count: jnp.ones(2)).update(W, sgd(0.1).init(W)),
        ValueError,
        r"expected schedule to return a number, got shape \(2,\)",
    ),
    "a factor of vectors": (
        lambda: scale_by_schedule(lambda count: jnp.ones(2)).update(W, ScaleByScheduleState(ZERO)),
        ValueError,
        r"expected schedule to return a number, got shape \(2,\)",
    ),
    "a decay of vectors": (
        lambda: _averaged(lambda count: jnp.ones(2)),
        ValueError,
        r"expected schedule to return a number, got shape \(2,\)",
    ),
    "no schedule-free state": (
        lambda: schedule_free_eval_params(sgd(0.1).init(W), W),
        ValueError,
        "expected state to hold one ScheduleFreeState, got 0",
    ),
    "nesterov without momentum": (
        lambda: sgd(0.1, nesterov=True),
        ValueError,
        "expected nesterov to be False without momentum, got True.",
    ),
    "nesterov without momentum, rmsprop": (
        lambda: rmsprop(0.1, nesterov=True),
        ValueError,
        "expected nesterov to be False without momentum, got True.",
    ),
    "join of numbers": (
        lambda: schedules.join([schedules.constant(1.0), NUMBER], [5]),
        TypeError,
        r"expected schedules\[1\] to be a function, got 1.0",
    ),
    "scale of a number": (
        lambda: schedules.scale(NUMBER, 2.0),
        TypeError,
        "expected schedule to be a function, got 1.0",
    ),
    "delay of a number": (
        lambda: schedules.delay(NUMBER, 2),
        TypeError,
        "expected schedule to be a function, got 1.0. "
        r"For a constant pass constant\(value\)",
    ),
    "boundaries that fall": (
        lambda: schedules.join([schedules.constant(1.0)] * 3, [_whole(5), _whole(2)]),
        ValueError,
        "expected boundaries to rise",
    ),
    "a boundary twice": (
        lambda: schedules.join([schedules.constant(1.0)] * 3, [5, 5]),
        ValueError,
        "expected boundaries to rise",
    ),
    "a warm-up longer than the decay": (
        lambda: schedules.warmup_cosine_decay(0.0, 1.0, _whole(10), 5),
        ValueError,
        "expected decay_steps >= 11, got 5",
    ),
    "a cycle of more steps than counts": (
        lambda: schedules.cyclic(0.1, 1.0, 2**30, step_size_down=2**30),
        ValueError,
        r"expected step_size_up \+ step_size_down",
    ),
}


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("name", ERRORS)
def test_error_message(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()


def test_missing_arguments_are_named_once() -> None:
    optimizer: Any = newton_cg(linesearch=backtracking())
    with pytest.raises(ValueError, match="value_fn") as caught:
        optimizer.update(W, optimizer.init(W), W)
    assert str(caught.value).count("value_fn=") == 1


def test_a_leaf_without_entries_is_no_obstacle() -> None:
    """Of the torch convention, which looks at the largest entry of the gradient."""
    w = {"none": jnp.zeros(0), "some": jnp.ones(2)}
    optimizer: Any = lbfgs(0.5, like="torch")
    updates, _ = optimizer.update(w, optimizer.init(w), w)
    assert updates["none"].shape == (0,)
    assert (updates["some"] < 0).all()


@pytest.mark.parametrize("every", [2, np.array(2), jnp.int32(2)], ids=lambda e: type(e).__name__)
def test_the_count_of_an_accumulation_may_be_an_array(every: Any, dtype: np.dtype) -> None:
    optimizer: Any = accumulate(sgd(1.0), every)
    state, w = optimizer.init(jnp.ones(1)), jnp.ones(1)
    steps = []
    for _ in range(4):
        updates, state = optimizer.update(w, state)
        steps += updates.tolist()
    assert steps == [0, -1, 0, -1]


def test_the_count_of_an_accumulation_may_be_traced(dtype: np.dtype) -> None:
    @jax.jit
    def steps(every: Any) -> Any:
        optimizer: Any = accumulate(sgd(1.0), every)
        _, state = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)))
        return optimizer.update(jnp.ones(1), state)[0]

    assert [float(steps(jnp.asarray(k))[0]) for k in (0, 1, 2, 3)] == [-1, -1, -1, 0]


def test_accumulation_of_less_than_one_mini_batch_is_none() -> None:
    optimizer: Any = accumulate(sgd(1.0), lambda count: jnp.zeros_like(count))
    updates, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)))
    assert updates.tolist() == [-1.0]


def test_schedule_free_weights_are_found_within_a_chain() -> None:
    optimizer: Any = chain(clip(1.0), schedule_free_sgd(0.5, b1=0.5))
    w = jnp.array([2.0])
    updates, state = optimizer.update(jnp.array([1.0]), optimizer.init(w), w)
    assert schedule_free_eval_params(state, w + updates).tolist() == [1.5]
