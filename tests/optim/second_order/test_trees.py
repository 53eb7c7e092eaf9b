"""Second-order methods and trees: of several precisions, without leaves, changed on the way."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import SECOND_ORDER, conjugate_gradient, lbfgs, newton


def test_newton_takes_leaves_of_several_precisions(float64: np.dtype) -> None:
    """Of (x - 1)^2 + 3 (y - 2)^2 + x y: the minimum is one step away, to each leaf's precision."""

    def risk(w: Any) -> Any:
        x, y = w["x"].astype(float64)[0], w["y"].astype(float64)
        return (x - 1) ** 2 + 3 * (y - 2) ** 2 + x * y

    w = {"x": jnp.array([0.5], jnp.bfloat16), "y": jnp.array(0.25, float64)}
    optimizer: Any = newton()
    step, _ = optimizer.update(jax.grad(risk)(w), optimizer.init(w), w, value_fn=risk)
    assert jax.tree.map(lambda leaf: leaf.dtype.name, step) == {"x": "bfloat16", "y": "float64"}
    # 2 x + y = 2 and x + 6 y = 12 meet at (0, 2)
    np.testing.assert_allclose(step["x"].astype(float64), [-0.5], rtol=2**-8)
    np.testing.assert_allclose(step["y"], 1.75, rtol=2**-8)


def test_newton_of_narrow_leaves_has_float32_axes() -> None:
    risk = lambda w: jnp.sum(jnp.square(w.astype(jnp.float32) - 1))  # noqa: E731
    optimizer: Any = newton()
    w = jnp.zeros(2, jnp.bfloat16)
    step, _ = optimizer.update(jax.grad(risk)(w), optimizer.init(w), w, value_fn=risk)
    assert step.dtype == jnp.bfloat16
    assert step.tolist() == [1, 1]


@pytest.mark.parametrize("empty", [{}, [], {"hidden": {}}], ids=str)
@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_tree_without_leaves_is_left_alone(name: str, empty: Any) -> None:
    """As by the other optimizers: no update, one step more, in a loop of fixed types."""
    optimizer = SECOND_ORDER[name](0.1)

    @jax.jit
    def run(state: Any) -> Any:
        def step(state: Any, _: None) -> Any:
            updates, state = optimizer.update(empty, state, empty, value=jnp.array(1.0))
            return state, updates

        return jax.lax.scan(step, state, None, length=3)

    state, updates = run(optimizer.init(empty))
    assert updates == empty
    assert int(state.count) == 3


REMEMBER: dict[str, Any] = {
    "lbfgs": lbfgs(),
    "conjugate_gradient": conjugate_gradient(),
    "newton": newton(linesearch=optax.scale_by_zoom_linesearch(5)),
}
"""Methods that keep a tree, by themselves or in their line search."""


@pytest.mark.parametrize("name", REMEMBER)
def test_a_tree_that_changes_with_its_parameters_is_refused(name: str) -> None:
    optimizer = REMEMBER[name]
    state = optimizer.init({"w": jnp.ones(2)})

    def update(w: Any) -> Any:
        risk = lambda w: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(w))  # noqa: E731
        value, g = jax.value_and_grad(risk)(w)
        return optimizer.update(g, state, w, value=value, value_fn=risk)

    with pytest.raises(TypeError, match=r"^expected gradients to have the tree structure"):
        update({"v": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"^expected gradients.*shape \(2,\), got \(3,\)"):
        update({"w": jnp.ones(3)})
    update({"w": jnp.ones(2)})
