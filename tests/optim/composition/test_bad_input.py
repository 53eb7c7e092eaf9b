"""Bad input to compositions: exact error messages."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxnet.core.errors import InputError
from jaxnet.optim import (
    accumulate,
    adam,
    adaptive_grad_clip,
    add_decayed_weights,
    apply_if_finite,
    average_parameters,
    averaged_params,
    chain,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    freeze,
    lars,
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

pytestmark = pytest.mark.usefixtures("no_type_checks")  # they would complain first

W = {"bias": jnp.ones(1), "weights": jnp.ones(2)}
LESS = {"weights": jnp.ones(2)}


def wrong(value: object) -> Any:
    """Return a value of a type that no type checker would let pass."""
    return value


def update(transformation: Any, gradients: Any = W, params: Any = W, start: Any = W) -> Any:
    return transformation.update(gradients, transformation.init(start), params)


def message_of(call: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as found:
        call()
    return str(found.value)


POSITIVE = "finite and in (0, inf), got {}."
FACTORY = "to be an optax.GradientTransformation, got {}. {}"
CALL = "Call the factory: jaxnet.optim.{}(0.001)."
EXAMPLE = "Pass jaxnet.optim.adam(0.001), for example."

MAKING: dict[str, tuple[Callable[[], Any], str]] = {
    "clip": (lambda: clip(0), "expected max_delta " + POSITIVE.format(0)),
    "clip, nan": (
        lambda: clip(math.nan),
        "expected max_delta " + POSITIVE.format("nan"),
    ),
    "clip, no number": (
        lambda: clip(wrong(None)),
        "expected max_delta to be a number, got None of type NoneType.",
    ),
    "clip_by_global_norm": (
        lambda: clip_by_global_norm(-1.0),
        "expected max_norm " + POSITIVE.format(-1.0),
    ),
    "clip_by_global_norm, like": (
        lambda: clip_by_global_norm(1.0, like=wrong("tensorflow")),
        "expected like to be one of keras, optax, torch, got 'tensorflow'.",
    ),
    "clip_by_norm": (
        lambda: clip_by_norm(math.inf),
        "expected max_norm " + POSITIVE.format("inf"),
    ),
    "clip_by_norm, like": (
        lambda: clip_by_norm(1.0, like=wrong("optax")),
        "expected like to be one of keras, torch, got 'optax'.",
    ),
    "adaptive_grad_clip": (
        lambda: adaptive_grad_clip(0.0),
        "expected clipping " + POSITIVE.format(0.0),
    ),
    "adaptive_grad_clip, eps": (
        lambda: adaptive_grad_clip(1.0, eps=0.0),
        "expected eps " + POSITIVE.format(0.0),
    ),
    "add_decayed_weights": (
        lambda: add_decayed_weights(-0.1),
        "expected weight_decay finite and in [0, inf), got -0.1.",
    ),
    "scale": (
        lambda: scale(math.inf),
        "expected step_size finite and in (-inf, inf), got inf.",
    ),
    "scale_by_schedule": (
        lambda: scale_by_schedule(wrong(0.1)),
        "expected step_size_fn to be a function, got 0.1. For a constant take scale(step_size).",
    ),
    "scale_by_learning_rate": (
        lambda: scale_by_learning_rate(-1.0),
        "expected learning_rate finite and in [0, inf), got -1.0.",
    ),
    "scale_by_learning_rate, optax's default": (
        lambda: scale_by_learning_rate(wrong(None)),
        "expected learning_rate to be a number, got None of type NoneType.",
    ),
    "accumulate, zero": (
        lambda: accumulate(sgd(1.0), 0),
        "expected every >= 1, got 0.",
    ),
    "accumulate, zero in an array": (
        lambda: accumulate(sgd(1.0), jnp.int32(0)),
        "expected every finite and in [1, 2.14748e+09], got 0.",
    ),
    "accumulate, a real array": (
        lambda: accumulate(sgd(1.0), jnp.float32(2)),
        "expected every to be an integer, got float32. "
        "Pass an int32 array; settings of a sweep need integer values.",
    ),
    "accumulate, fraction": (
        lambda: accumulate(sgd(1.0), wrong(2.0)),
        "expected every to be an integer, got 2.0 of type float.",
    ),
    "average_parameters": (
        lambda: average_parameters(sgd(1.0), 1.0),
        "expected decay finite and in [0, 1), got 1.0.",
    ),
    "average_parameters, schedule": (
        lambda: average_parameters(sgd(1.0), lambda _: jnp.array(0.9)),
        "expected decay to be a number for like='optax', got a function. "
        "Pass like='torch' or debias=False.",
    ),
    "average_parameters, like": (
        lambda: average_parameters(sgd(1.0), 0.9, like=wrong("kerass")),
        "expected like to be one of keras, optax, torch, got 'kerass'. Did you mean 'keras'?",
    ),
    "apply_if_finite": (
        lambda: apply_if_finite(sgd(1.0), -1),
        "expected max_consecutive_errors >= 0, got -1.",
    ),
    "chain of a factory": (
        lambda: chain(clip(1.0), wrong(adam)),
        "expected transforms[1] " + FACTORY.format("adam", CALL.format("adam")),
    ),
    "accumulate a factory": (
        lambda: accumulate(wrong(adam), 2),
        "expected inner " + FACTORY.format("adam", CALL.format("adam")),
    ),
    "average_parameters of a number": (
        lambda: average_parameters(wrong(0.1), 0.9),
        "expected inner " + FACTORY.format(0.1, EXAMPLE),
    ),
    "apply_if_finite of None": (
        lambda: apply_if_finite(wrong(None), 2),
        "expected inner " + FACTORY.format(None, EXAMPLE),
    ),
    "masked factory": (
        lambda: masked(wrong(sgd), True),
        "expected inner " + FACTORY.format("sgd", CALL.format("sgd")),
    ),
    "per_group of a factory": (
        lambda: per_group({"a": wrong(sgd)}, "a"),
        "expected transforms['a'] " + FACTORY.format("sgd", CALL.format("sgd")),
    ),
}
"""Name -> a call that is refused at once, and its message."""

TREE = "PyTreeDef({'bias': *, 'weights': *})"
SHORT = "PyTreeDef({'weights': *})"
OWN = "Pass gradients of the parameters that the state was made for by init."
LEFT_OUT = (
    "expected params to be given, the rule needs them, got None. "
    "Call optimizer.update(gradients, state, params)."
)
OTHER = (
    f"expected gradients to have the tree structure of the parameters, {TREE}, got {SHORT}. {OWN}"
)

USING: dict[str, tuple[Callable[[], Any], str]] = {
    "chain's state": (
        lambda: chain(clip(1.0), sgd(1.0)).update(W, wrong((None,)), W),
        "expected state to have 2 parts, one a transformation, got 1.",
    ),
    "per_group's state": (
        lambda: per_group({"a": sgd(1.0)}, "a").update(
            W, per_group({"b": sgd(1.0), "c": sgd(1.0)}, "b").init(W)
        ),
        "expected state to have the labels 'a', got 'b', 'c'.",
    ),
    "accumulate, other tree": (
        lambda: update(accumulate(sgd(1.0), 2), LESS, LESS),
        OTHER,
    ),
    "average_parameters, other tree": (
        lambda: update(average_parameters(sgd(1.0), 0.9), LESS, LESS),
        OTHER,
    ),
    "zero_nans, other tree": (
        lambda: update(zero_nans(), LESS, LESS),
        OTHER,
    ),
    "clip, other tree": (lambda: update(clip(1.0), LESS), OTHER),
    "masked, other tree": (lambda: update(masked(sgd(1.0), True), LESS), OTHER),
    "apply_if_finite, other tree": (
        lambda: update(apply_if_finite(sgd(1.0), 2), LESS),
        OTHER,
    ),
    "what is wrapped, other tree": (
        lambda: update(apply_if_finite(momentum(1.0), 2), LESS, LESS),
        OTHER,
    ),
    "accumulate, other shape": (
        lambda: update(accumulate(sgd(1.0), 2), W | {"bias": jnp.ones(3)}),
        f"expected gradients['bias'] to have shape (1,), got (3,). {OWN}",
    ),
    "integer gradients": (
        lambda: update(clip_by_norm(1.0), W | {"bias": jnp.ones(1, jnp.int32)}),
        "expected gradients['bias'] to be floating-point, got int32. "
        "gradients['bias'].astype(jnp.float32) converts.",
    ),
    "add_decayed_weights without parameters": (
        lambda: update(add_decayed_weights(0.1), W, None),
        LEFT_OUT,
    ),
    "average_parameters without parameters": (
        lambda: update(average_parameters(sgd(1.0), 0.9), W, None),
        LEFT_OUT,
    ),
    "adaptive_grad_clip without parameters": (
        lambda: update(adaptive_grad_clip(0.1), W, None),
        LEFT_OUT,
    ),
    "within wrappers without parameters": (
        lambda: update(
            accumulate(per_group({"a": chain(add_decayed_weights(0.1))}, "a"), 1), W, None
        ),
        LEFT_OUT,
    ),
    "mask of another structure": (
        lambda: update(masked(sgd(1.0), {"weights": True})),
        f"expected mask to be a tree of booleans like the parameters {TREE}, got {SHORT}.",
    ),
    "mask by a function of another structure": (
        lambda: update(add_decayed_weights(0.1, mask=lambda _: [True])),
        f"expected mask to be a tree of booleans like the parameters {TREE}, got PyTreeDef([*]).",
    ),
    **{
        f"mask of another structure, at init of {name}": (
            lambda make=make: make({"weights": True}).init(W),
            f"expected mask to be a tree of booleans like the parameters {TREE}, got {SHORT}.",
        )
        for name, make in {
            "add_decayed_weights": lambda mask: add_decayed_weights(0.1, mask=mask),
            "sgd": lambda mask: sgd(0.1, weight_decay=0.1, mask=mask),
            "adam": lambda mask: adam(0.1, mask=mask),
            "lars": lambda mask: lars(0.1, trust_ratio_mask=mask),
        }.items()
    },
    "mask of labels": (
        lambda: freeze({"bias": "yes", "weights": True}).init(W),
        "expected mask['bias'] to be a boolean, got 'yes' of type str.",
    ),
    "traced mask": (
        lambda: jax.jit(lambda keep: masked(sgd(1.0), keep).init(W))(jnp.array(True)),
        "expected mask['bias'] to be a boolean, got a traced value.",
    ),
    "label without a transformation": (
        lambda: update(
            per_group({"a": sgd(1.0), "b": set_to_zero()}, {"bias": "c", "weights": "a"})
        ),
        "expected labels['bias'] to be one of the transforms 'a', 'b', got 'c'.",
    ),
    "labels of another structure": (
        lambda: update(per_group({"a": sgd(1.0)}, ["a", "a"])),
        f"expected labels to be a tree of labels like the parameters {TREE}, "
        f"got PyTreeDef([*, *]).",
    ),
    "units of many dimensions": (
        lambda: update(adaptive_grad_clip(0.1), *[jnp.ones((2,) * 6)] * 3),
        "expected gradients to have at most 5 dimensions where axis is None, "
        "got 6. Pass the axes of a unit.",
    ),
    "no average": (
        lambda: averaged_params(sgd(1.0).init(W)),
        "expected state to hold one AverageParametersState, got 0.",
    ),
    "two averages": (
        lambda: averaged_params([average_parameters(sgd(1.0), 0.9).init(W)] * 2),
        "expected state to hold one AverageParametersState, got 2.",
    ),
}
"""Name -> a call of ``init`` or ``update`` that is refused, and its message."""

REFUSED = MAKING | USING


@pytest.mark.parametrize("name", REFUSED)
def test_messages(name: str) -> None:
    call, message = REFUSED[name]
    assert message_of(call) == message


@pytest.mark.parametrize(
    "transformation",
    [
        *(clip(1.0), clip_by_global_norm(1.0), clip_by_norm(1.0), adaptive_grad_clip(1.0)),
        *(add_decayed_weights(0.1), scale(1.0), scale_by_schedule(jnp.float32), set_to_zero()),
        *(accumulate(sgd(1.0), 2), apply_if_finite(sgd(1.0), 2), zero_nans()),
        *(average_parameters(sgd(1.0), 0.9), chain(clip(1.0)), per_group({"a": sgd(1.0)}, "a")),
    ],
    ids=lambda t: t.init.__qualname__.split(".")[0],
)
def test_integer_parameters_are_refused(transformation: Any) -> None:
    params = W | {"steps": jnp.zeros((), jnp.int32)}
    message = message_of(lambda: transformation.init(params))
    assert "expected parameters['steps'] to be floating-point, got int32." in message
