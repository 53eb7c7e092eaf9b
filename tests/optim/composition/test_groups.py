"""Masks and groups: updates, states, prefixes and nesting."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet
from jaxnet.optim import (
    adam,
    add_decayed_weights,
    chain,
    clip_by_global_norm,
    freeze,
    masked,
    momentum,
    per_group,
    scale,
    set_to_zero,
    sgd,
)
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start

PARAMS = {"hidden": {"weights": jnp.ones(2), "bias": jnp.ones(1)}, "output": jnp.ones(3)}


def sums(transformation: Any, params: Any = PARAMS) -> Any:
    """Return the sum of the updates of each leaf for gradients of one."""
    updates, _ = transformation.update(params, transformation.init(params), params)
    return jax.tree.map(float, jax.tree.map(jnp.sum, updates))


def test_masked_leaves_pass_through() -> None:
    expected = {"hidden": {"weights": -2, "bias": 1}, "output": -3}
    mask = {"hidden": {"weights": True, "bias": False}, "output": True}
    for form in (mask, lambda _: mask, jaxnet.penalties.weights_only):
        assert sums(masked(sgd(1.0), form)) == expected
    assert sums(masked(sgd(1.0), {"hidden": False, "output": np.True_})) == {
        "hidden": {"weights": 2, "bias": 1},
        "output": -3,
    }
    assert sums(masked(sgd(1.0), jnp.array(True))) == sums(sgd(1.0))


def test_the_state_holds_nothing_for_the_others() -> None:
    state: Any = masked(momentum(1.0), {"hidden": True, "output": False}).init(PARAMS)
    assert state.inner_state.trace["output"] == optax.MaskedNode()
    assert len(jax.tree.leaves(state.inner_state.trace)) == 2


def test_frozen_leaves_stay_in_spite_of_momentum_and_decay() -> None:
    optimizer: Any = chain(
        add_decayed_weights(0.5), momentum(1.0), freeze({"hidden": True, "output": False})
    )
    assert sums(optimizer) == {"hidden": {"weights": 0, "bias": 0}, "output": -4.5}


def test_groups_have_their_own_optimizer(float64: np.dtype) -> None:
    params, rows = start(float64), gradients(10, float64)
    transforms = {"w": adam(0.1), "b": momentum(0.01)}
    path = follow(per_group(transforms, {"weights": "w", "bias": "b"}), params, rows)
    for name, label in [("weights", "w"), ("bias", "b")]:
        alone = follow(transforms[label], params[name], rows[name])
        assert_trees_close(path[name], alone)


def test_labels_by_a_function_of_names() -> None:
    def labels(params: Any) -> Any:
        weights = jaxnet.penalties.weights_only(params)
        return jax.tree.map(lambda is_weight: "weights" if is_weight else "others", weights)

    optimizer: Any = per_group({"weights": sgd(1.0), "others": sgd(0.5)}, labels)
    assert sums(optimizer) == {"hidden": {"weights": -2, "bias": -0.5}, "output": -3}


def test_labels_may_be_a_prefix_and_any_hashable() -> None:
    transforms = {0: scale(2.0), ("b",): scale(3.0), None: set_to_zero()}
    assert sums(per_group({0: scale(2.0), 1: scale(3.0)}, {"hidden": 0, "output": 1})) == {
        "hidden": {"weights": 4, "bias": 2},
        "output": 9,
    }
    assert sums(per_group({0: transforms[0]}, 0))["output"] == 6


def test_a_norm_in_a_group_is_that_of_the_group(float64: np.dtype) -> None:
    params = {"a": jnp.array([3.0, 4.0]), "b": jnp.array([12.0])}
    clipped: Any = per_group({"x": clip_by_global_norm(1.0), "y": scale(1.0)}, {"a": "x", "b": "y"})
    updates, _ = clipped.update(params, clipped.init(params))
    np.testing.assert_allclose(updates["a"], [0.6, 0.8], rtol=1e-15)
    assert updates["b"].tolist() == [12.0]


def test_masks_and_groups_nest() -> None:
    groups = per_group({"a": sgd(1.0), "b": sgd(2.0)}, {"hidden": "a", "output": "b"})
    nested: Any = masked(groups, jaxnet.penalties.weights_only)
    assert sums(nested) == {"hidden": {"weights": -2, "bias": 1}, "output": -6}
    inner: Any = masked(sgd(1.0), {"hidden": {"weights": True, "bias": False}, "output": True})
    outer = per_group({"a": inner, "b": set_to_zero()}, {"hidden": "a", "output": "b"})
    assert sums(outer) == {"hidden": {"weights": -2, "bias": 1}, "output": 0}


def test_integer_parameters_may_be_masked_out() -> None:
    params = {"w": jnp.ones(1), "steps": jnp.zeros((), jnp.int32)}
    optimizer: Any = masked(adam(1.0), {"w": True, "steps": False})
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    assert updates["steps"].dtype == jnp.int32


def test_extra_arguments_like_the_parameters_are_masked_on_demand() -> None:
    seen = []

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> Any:
        seen.append((extra["tags"], extra["value"]))
        return updates, state

    inner = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    params = {"a": jnp.ones(1), "b": jnp.ones(1)}
    tags = {"a": 1, "b": 2}
    mask, labels = {"a": True, "b": False}, {"a": "x", "b": "y"}
    for makes in (
        lambda cut: masked(inner, mask, mask_compatible_extra_args=cut),
        lambda cut: per_group(
            {"x": inner, "y": scale(1.0)}, labels, mask_compatible_extra_args=cut
        ),
    ):
        for cut, expected in [(True, {"a": 1, "b": optax.MaskedNode()}), (False, tags)]:
            optimizer: Any = makes(cut)
            optimizer.update(params, optimizer.init(params), tags=tags, value=3)
            assert seen.pop() == (expected, 3)
