"""Functions of the parameters within masks and groups: restriction to their leaves."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import (
    chain,
    conjugate_gradient,
    freeze,
    gauss_newton,
    lbfgs,
    levenberg_marquardt,
    masked,
    newton,
    newton_cg,
    per_group,
    sam,
    sgd,
    strong_wolfe,
)
from tests.comparison import assert_trees_close

X = np.array([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.3]])
V = np.array([0.4, -0.2, 0.7])
START = {"a": np.array([0.3, -0.8]), "b": np.array([1.5, 0.2])}


def outputs(w: Any) -> Any:
    """Return what a unit gives whose weights are products: no leaf stands for itself."""
    return jnp.tanh(jnp.asarray(X) @ (w["a"] * w["b"]))


def loss(y: Any) -> Any:
    return jnp.sum(jnp.square(y - V)) / 2


def penalty(w: Any) -> Any:
    return 0.05 * sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(w))


def offered(outputs_fn: Any, w: Any) -> Any:
    """Return the gradient and the extra arguments that training offers."""

    def value_fn(w: Any, *, obj_fn: Any = None) -> Any:
        del obj_fn
        return loss(outputs_fn(w)) + penalty(w)

    value, grad = jax.value_and_grad(value_fn)(w)
    return grad, {
        "value": value,
        "grad": grad,
        "value_fn": value_fn,
        "obj_fn": value_fn,
        "grad_fn": lambda w, *_: jax.grad(value_fn)(w),
        "outputs_fn": outputs_fn,
        "loss_fn": loss,
        "penalty_fn": penalty,
    }


def steps(update: Any, state: Any, w: Any, *, count: int = 4) -> Any:
    """Return the parameters after each step."""
    path = []
    for _ in range(count):
        w, state = update(w, state)
        path.append(w)
    return path


def together(optimizer: Any, w: Any) -> Any:
    def update(w: Any, state: Any) -> Any:
        grad, extra = offered(outputs, w)
        updates, state = optimizer.update(grad, state, w, **extra)
        return optax.apply_updates(w, updates), state

    return steps(jax.jit(update), optimizer.init(w), w)


def by_hand(seen: Any, rate: float, w: Any) -> Any:
    """Let one optimizer move ``a`` by a risk in which ``b`` stands still, and descend ``b``."""

    def update(w: Any, state: Any) -> Any:
        grad, extra = offered(lambda a: outputs({"a": a, "b": w["b"]}), w["a"])
        change, state = seen.update(grad, state, w["a"], **extra)
        grad_b = jax.grad(lambda b: loss(outputs({"a": w["a"], "b": b})) + penalty(b))(w["b"])
        return {"a": w["a"] + change, "b": w["b"] - rate * grad_b}, state

    return steps(jax.jit(update), seen.init(w["a"]), w)


METHODS: dict[str, Any] = {
    "sam": sam(sgd(0.2), rho=0.3),
    "adaptive sam of two ascents": sam(sgd(0.2), rho=0.3, adaptive=True, sync_period=3),
    "lbfgs": lbfgs(),
    "lbfgs, strong_wolfe": lbfgs(linesearch=strong_wolfe()),
    "conjugate_gradient": conjugate_gradient(),
    "newton": newton(damping=0.1),
    "newton_cg": newton_cg(),
    "gauss_newton": gauss_newton(damping=0.1),
    "levenberg_marquardt": levenberg_marquardt(),
    "optax's search": optax.scale_by_backtracking_linesearch(5),
}
"""What calls functions of the parameters. optax's own raises on arguments that it does not know."""


@pytest.mark.parametrize("name", METHODS)
def test_a_group_sees_the_others_stand_still(name: str, float64: np.dtype) -> None:
    w, method = jax.tree.map(jnp.asarray, START), METHODS[name]
    if name.startswith("optax"):
        method = _known(method)
    groups = per_group({"x": method, "y": sgd(0.1)}, {"a": "x", "b": "y"})
    for ours, expected in zip(together(groups, w), by_hand(method, 0.1, w), strict=True):
        assert_trees_close(ours, expected)


@pytest.mark.parametrize("name", METHODS)
def test_masked_functions_see_the_other_leaves_fixed(name: str, float64: np.dtype) -> None:
    w, method = jax.tree.map(jnp.asarray, START), METHODS[name]
    if name.startswith("optax"):
        method = _known(method)
    optimizer = chain(masked(method, {"a": True, "b": False}), freeze({"a": False, "b": True}))
    for ours, expected in zip(together(optimizer, w), by_hand(method, 0.0, w), strict=True):
        assert_trees_close(ours, expected)


def _known(search: Any) -> Any:
    """Return a search that is given what it knows, so that its look at signatures is tested."""

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> Any:
        known = {name: extra[name] for name in ("value", "grad", "value_fn", "obj_fn")}
        return search.update(jax.tree.map(jnp.negative, updates), state, params, **known)

    return optax.GradientTransformationExtraArgs(search.init, update)


def test_sam_in_a_mask_by_hand() -> None:
    """Of a b^2 + a^2 / 2 at (3, 1): g_a = 1 + 3 = 4, at a + 2 it is 6; b is not moved there."""
    risk = lambda w: w["a"] * w["b"] ** 2 + w["a"] ** 2 / 2  # noqa: E731
    w = {"a": jnp.array(3.0), "b": jnp.array(1.0)}
    optimizer: Any = masked(sam(sgd(1.0), rho=2.0), {"a": True, "b": False})
    updates, _ = optimizer.update(jax.grad(risk)(w), optimizer.init(w), w, grad_fn=jax.grad(risk))
    assert jax.tree.map(float, updates) == {"a": -6.0, "b": 6.0}


def test_masks_within_groups_fill_what_each_hides(float64: np.dtype) -> None:
    """The risk of three leaves, of which the outer hides c and the inner b."""
    goal = lambda w: w["a"] * w["b"] * w["c"] + w["a"] ** 2 * w["c"]  # noqa: E731
    w = {name: jnp.array(value) for name, value in [("a", 1.0), ("b", 2.0), ("c", 3.0)]}
    inner: Any = masked(newton(), lambda tree: {**tree, "a": True, "b": False})
    optimizer: Any = per_group({"x": inner, "y": sgd(0.0)}, {"a": "x", "b": "x", "c": "y"})
    updates, _ = optimizer.update(jax.grad(goal)(w), optimizer.init(w), w, value_fn=goal)
    # in a: (2 + 2 a) c = 12, bent by 2 c = 6
    np.testing.assert_allclose(updates["a"], -2.0, rtol=1e-12)
    np.testing.assert_allclose(updates["b"], 3.0, rtol=1e-12)


def test_a_group_without_leaves_does_nothing() -> None:
    w = {"a": jnp.array([1.0])}
    optimizer: Any = per_group({"x": lbfgs(), "y": sgd(1.0)}, {"a": "y"})
    updates, _ = optimizer.update(w, optimizer.init(w), w)
    assert updates["a"].tolist() == [-1.0]
