"""Second-order methods: independence of the unit of the risk."""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import (
    backtracking,
    conjugate_gradient,
    gauss_newton,
    lbfgs,
    newton,
    newton_cg,
    newton_raphson,
    strong_wolfe,
)
from jaxnet.optim.second_order.conjugate_gradient import FORMULAS
from jaxnet.optim.second_order.linear_cg import truncated_cg
from tests.optim.second_order.test_line_search import LINES

UNITS = [2.0**-80, 2.0**-64, 1.0, 2.0**63, 2.0**66, 2.0**90]
"""Powers of two, by which a risk is multiplied exactly."""

START = {"v": np.array([0.5, -0.25]), "w": np.array([[0.5, 0.75]])}


def outputs_fn(p: Any) -> Any:
    return jnp.stack([p["w"][0, 0] - p["v"][0], 2 * p["w"][0, 1] + 1, p["v"][1] - 3, p["v"][0]])


def loss_fn(unit: Any, y: Any) -> Any:
    """Return a convex risk, no parabola, of gradients below 1 at the start."""
    return unit * (jnp.sum(y**2) + jnp.sum(y**4) / 8) / 64


def path(optimizer: Any, steps: int) -> Callable[[Any], Any]:
    """Return the function from the unit of the risk to the parameters after each step.

    They have the precision of the unit.
    """

    def follow(unit: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            params, state = carry
            value, g = jax.value_and_grad(value_fn)(params)
            updates, state = optimizer(unit).update(
                g, state, params, value=value, value_fn=value_fn, **functions
            )
            params = optax.apply_updates(params, updates)
            return (params, state), params

        def loss(y: Any) -> Any:
            return loss_fn(unit, y)

        def value_fn(params: Any) -> Any:
            return loss(outputs_fn(params))

        functions = {"outputs_fn": outputs_fn, "loss_fn": loss}
        start = jax.tree.map(lambda leaf: jnp.asarray(leaf, unit.dtype), START)
        return jax.lax.scan(step, (start, optimizer(unit).init(start)), length=steps)[1]

    return jax.jit(follow)


def first_step(unit: Any) -> Callable[[Any], Any]:
    """Return the rates that make up for the unit in the step that is along the gradient."""
    return lambda count: jnp.where(count == 0, 1 / unit, 1.0)


PATHS: dict[str, Callable[[Any], Any]] = {
    "newton": lambda _: newton(),
    "newton_cg": lambda _: newton_cg(tolerance=1e-4),
    "gauss_newton": lambda _: gauss_newton(tolerance=1e-4),
    "lbfgs": lambda unit: lbfgs(first_step(unit), linesearch=optax.identity()),
    **{
        f"conjugate gradients, {name}": lambda _, name=name: conjugate_gradient(
            formula=cast(Any, name), linesearch=newton_raphson(iterations=3)
        )
        for name in FORMULAS
    },
    "steepest descent": lambda _: conjugate_gradient(
        restart_every=1, linesearch=newton_raphson(iterations=3)
    ),
}


@pytest.mark.parametrize("name", PATHS)
def test_the_way_does_not_depend_on_the_unit_of_the_risk(name: str) -> None:
    call = path(PATHS[name], 3)
    expected = call(jnp.float32(1))
    assert float(jnp.max(jnp.abs(expected["v"][-1] - START["v"]))) > 0.1
    for unit in UNITS:
        if name == "lbfgs" and unit > 1:
            continue  # its first step is no longer than 1
        for leaf, found in call(jnp.float32(unit)).items():
            np.testing.assert_allclose(found, expected[leaf], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("like", ["optax", "torch"])
def test_the_steps_of_lbfgs_along_steep_risks_are_those_in_float64(like: Any) -> None:
    """The first is of length 1, by the norm of the convention; the next ones by gamma."""
    call = path(lambda _: lbfgs(0.5, linesearch=optax.identity(), like=like), 4)
    for unit in (2.0**63, 2.0**66, 2.0**90):
        with jax.enable_x64(True):
            expected = call(jnp.float64(unit))
        for leaf, found in call(jnp.float32(unit)).items():
            assert np.any(np.asarray(found[0]) != START[leaf])
            np.testing.assert_allclose(found, expected[leaf], rtol=1e-3, atol=1e-4)


SEARCHES = {
    "backtracking": backtracking(),
    "newton_raphson": newton_raphson(iterations=2),
    "strong_wolfe": strong_wolfe(),
    "strong_wolfe, 0.1": strong_wolfe(c2=0.1),
}


def search(name: str, line: str) -> Callable[..., Any]:
    risk, w, step = LINES[line]
    chosen: Any = SEARCHES[name]

    def found(unit: Any, length: Any) -> Any:
        def value_fn(w: Any) -> Any:
            return unit * risk(w)

        point, direction = jnp.float32(w), length * step
        value, slope = jax.value_and_grad(value_fn)(point)
        extra = {"value": value, "grad": slope, "value_fn": value_fn}
        moved, state = chosen.update(direction, chosen.init(point), point, **extra)
        return moved, state.step_size * length, state.evaluations

    return jax.jit(found)


@pytest.mark.parametrize("line", ["far", "near", "wavy", "flat"])
@pytest.mark.parametrize("name", SEARCHES)
def test_line_searches_do_not_depend_on_the_unit_of_the_risk(name: str, line: str) -> None:
    call = search(name, line)
    moved, alpha, evaluations = call(jnp.float32(1), jnp.float32(1))
    assert moved != 0
    for unit in UNITS:
        found = call(jnp.float32(unit), jnp.float32(1))
        np.testing.assert_allclose(found[:2], (moved, alpha), rtol=1e-5)
        assert found[2] == evaluations


@pytest.mark.parametrize("length", UNITS[:2])
def test_a_step_in_another_unit_is_scaled_by_newtons_method(length: float) -> None:
    """On a parabola it ends at the minimum, however short what it is given is."""
    for line in ("parabola", "far", "near"):
        moved, alpha, _ = search("newton_raphson", line)(jnp.float32(1), jnp.float32(length))
        expected = {"parabola": 3.0, "far": 300.0, "near": 1e-3}[line]
        np.testing.assert_allclose((moved, alpha), expected, rtol=1e-5)


@pytest.mark.parametrize("right", [1e-30, 1e-19, 1.0, 1e20, 1e30])
@pytest.mark.parametrize("unit", [1e-25, 1.0, 1e15])
def test_linear_systems_of_every_unit_are_solved(unit: float, right: float) -> None:
    matrix = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]])
    b = np.array([3.0, 4.0, -1.0])
    if not 1e-37 < right / unit < 1e37:
        return  # the solution cannot be written
    A = jnp.asarray(matrix * unit, jnp.float32)
    found = jax.jit(
        lambda b: truncated_cg(lambda v: A @ v, b, tolerance=jnp.array(1e-5), max_iterations=6)
    )(jnp.asarray(b * right, jnp.float32))
    np.testing.assert_allclose(found.x / (right / unit), np.linalg.solve(matrix, b), rtol=1e-4)
    assert not found.bent
