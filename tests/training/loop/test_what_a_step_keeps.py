"""Parts of one's own that change tree, shape or dtype between steps: refused with what to do."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxnet.core.types import layer_from_forward
from jaxnet.data.streams import stream
from jaxnet.layers import serial
from jaxnet.optim import sgd
from jaxnet.training import FitResult, Recipe, Rule, fit, grid, make_train, sweep
from tests.training.toys import blobs, network

KEY = jax.random.key(0)
SIZE: Any = {"epochs": 2, "batch_size": 8}


def optimizer(update: Callable[..., Any], count: Any = 0) -> optax.GradientTransformation:
    """Return an optimizer whose state is a count, or what is given."""
    return optax.GradientTransformation(lambda params: {"count": count}, update)


def halved(updates: Any, state: Any, params: Any = None) -> Any:
    return updates, {"count": state["count"] / 2}


def grown(updates: Any, state: Any, params: Any = None) -> Any:
    return updates, {**state, "seen": jnp.int32(1)}


def listed(updates: Any, state: Any, params: Any = None) -> Any:
    return jax.tree.leaves(updates), state


def summed(updates: Any, state: Any, params: Any = None) -> Any:
    return jax.tree.map(jnp.sum, updates), state


def weak(updates: Any, state: Any, params: Any = None) -> Any:
    return updates, {"count": 0.5}


def averaging(change: Callable[[Any], Any]) -> Any:
    """Return a network with a layer whose statistics a step changes."""
    own = layer_from_forward(
        init=lambda key, in_shape: ((), {"seen": jnp.int32(0)}),
        forward=lambda params, statistics, x, *, key, training: (
            x,
            (),
            {"seen": change(statistics["seen"])},
        ),
        backward=lambda params, residual, dy: ((), dy),
        out_shape=lambda in_shape: in_shape,
    )
    return serial(own, network())


def rule(update: Callable[..., Any]) -> Rule:
    return Rule("mine", lambda params, statistics: jnp.float32(0), update)


IN_PLACE = "got another: {} in place of {}. Return one leaf for each"
COUNT = ("['count'] is float32 of shape ()", "int32 of shape ()")
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "state, dtype": (
        {"optimizer": optimizer(halved)},
        "expected state of the optimizer to have the tree, shapes and dtypes of before, "
        + IN_PLACE.format(*COUNT),
    ),
    "state, tree": (
        {"optimizer": optimizer(grown)},
        IN_PLACE.format("['seen'] is int32 of shape ()", "nothing"),
    ),
    "updates, tree": (
        {"optimizer": optimizer(listed)},
        "expected updates of the optimizer to have the tree and shapes of the parameters",
    ),
    "updates, shape": (
        {"optimizer": optimizer(summed)},
        IN_PLACE.format("[0].weights is an array of shape ()", "an array of shape (5, 3)"),
    ),
    "statistics": (
        {"network": averaging(lambda seen: seen.astype(jnp.float32))},
        "expected statistics of the network to have the tree, shapes and dtypes of before",
    ),
    "constraint": (
        {"constraint": jax.tree.leaves},
        "expected constraint to have the tree, shapes and dtypes of before, got another",
    ),
    "rule": (
        {"rules": (rule(lambda state, watched: state > 0),)},
        "expected state of the rule 'mine' to have the tree, shapes and dtypes of before, "
        + IN_PLACE.format("the array is bool of shape ()", "float32 of shape ()"),
    ),
}


def by_fit(parts: dict[str, Any], train: Any) -> FitResult:
    given = {"network": network(), "optimizer": sgd(0.1)} | parts
    return fit(given.pop("network"), train, key=KEY, **given, **SIZE)


def by_make_train(parts: dict[str, Any], train: Any) -> None:
    given = {"network": network(), "optimizer": sgd(0.1)} | parts
    make_train(lambda: Recipe(**given), train, **SIZE)(KEY, {})


def by_sweep(parts: dict[str, Any], train: Any) -> None:
    given = {"network": network(), "optimizer": sgd(0.1)} | parts
    settings = grid(strength=[0.0, 1.0])
    sweep(lambda strength: Recipe(**given), train, key=KEY, settings=settings, **SIZE)


def by_stream(parts: dict[str, Any], train: Any) -> None:
    by_fit(parts, stream(train))


@pytest.mark.parametrize("run", [by_fit, by_make_train, by_sweep, by_stream])
@pytest.mark.parametrize("name", FAULTS)
def test_it_is_refused_with_the_leaf(name: str, run: Callable[..., object]) -> None:
    parts, message = FAULTS[name]
    with pytest.raises(TypeError) as found:
        run(parts, blobs())
    assert message in str(found.value)


def test_a_weak_type_is_no_fault() -> None:
    result = by_fit({"optimizer": optimizer(weak, jnp.float32(0))}, blobs())
    assert not any(leaf.weak_type for leaf in jax.tree.leaves(result.state.opt_state))
