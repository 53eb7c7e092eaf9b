"""Every optimizer minimizes a parabola and Rosenbrock's function, compiled and not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from tests.optim.settings import SETTINGS, Setting


class Problem(NamedTuple):
    """A function of some weights, where it has its minimum, and starts: plain, scaled, sparse."""

    function: Callable[[jax.Array], jax.Array]
    minimum: list[float]
    starts: list[list[float]]


def _parabola(w: jax.Array) -> jax.Array:
    target = jnp.array([1.0, -1.0, 1.0], w.dtype)
    return jnp.sum((w - target) ** 2)


def _rosenbrock(w: jax.Array) -> jax.Array:
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


PROBLEMS = {
    "parabola": Problem(_parabola, [1, -1, 1], [[-1, 5, 1], [-0.1, 0.5, 0.1], [0, 3, 0]]),
    "rosenbrock": Problem(_rosenbrock, [1, 1], [[-1.2, 1], [-0.12, 0.1], [0, 0]]),
}


def _make(name: str, problem: str) -> tuple[optax.GradientTransformationExtraArgs, Setting]:
    setting = SETTINGS[name]
    rate = getattr(setting, problem)
    optimizer = jaxnet.optim.OPTIMIZERS[name](rate, **setting.options)
    return optax.with_extra_args_support(optimizer), setting


def _step(optimizer: Any, function: Any, w: Any, state: Any) -> tuple[Any, Any]:
    value, g = jax.value_and_grad(function)(w)
    extra = {
        "value": value,
        "grad": g,
        "value_fn": function,
        "grad_fn": lambda w, _=None: jax.grad(function)(w),
    }
    updates, state = optimizer.update(g, state, w, **extra)
    return optax.apply_updates(w, updates), state


# the valley in one precision: what differs between two is seen on the parabola as well
@pytest.mark.parametrize(
    ("problem", "dtype"),
    [("parabola", "float32"), ("parabola", "float64"), ("rosenbrock", "float32")],
    indirect=["dtype"],
)
@pytest.mark.parametrize("name", jaxnet.optim.OPTIMIZERS)
def test_minimizes_compiled(name: str, problem: str, dtype: np.dtype) -> None:
    """From every start, to 3e-2 of the minimum: the bar of optax's own tests."""
    function, minimum, starts = PROBLEMS[problem]
    optimizer, setting = _make(name, problem)

    def descend(w: jax.Array) -> jax.Array:
        def body(_: Any, carry: Any) -> Any:
            return _step(optimizer, function, *carry)

        return jax.lax.fori_loop(0, setting.steps, body, (w, optimizer.init(w)))[0]

    ends = jax.jit(jax.vmap(descend))(jnp.array(starts, dtype))
    np.testing.assert_allclose(ends, np.tile(minimum, (len(starts), 1)), rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("name", jaxnet.optim.OPTIMIZERS)
def test_minimizes_step_by_step(name: str) -> None:
    """Without compilation: each start of the parabola goes downhill, as the compiled one does."""
    function, _, starts = PROBLEMS["parabola"]
    optimizer, _ = _make(name, "parabola")
    compiled = jax.jit(lambda w, state: _step(optimizer, function, w, state))
    for start in starts:
        w = again = jnp.array(start, jnp.float32)
        state = other = optimizer.init(w)
        for _ in range(5):
            w, state = _step(optimizer, function, w, state)
            again, other = compiled(again, other)
        assert function(w) < function(jnp.array(start, jnp.float32))
        np.testing.assert_allclose(w, again, rtol=1e-5, atol=1e-6)


def test_every_optimizer_has_a_setting() -> None:
    assert set(SETTINGS) == set(jaxnet.optim.OPTIMIZERS)
