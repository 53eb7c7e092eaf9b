"""Nesterov's momentum: equality of its two forms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import nesterov
from tests.optim.first_order.updates import updates_of

CURVATURES = np.array([1.0, 0.3, 4.0])


def _gradient(w: jax.Array) -> jax.Array:
    return jnp.asarray(CURVATURES, w.dtype) * w


def _rates(count: Any) -> Any:
    return 0.1 / (1.0 + count.astype(float))


def _paths(rate: Any, like: Any, weight_decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters of the rewritten form, and the look-ahead points of the other."""
    options: dict[str, Any] = {"momentum": 0.75, "like": like, "weight_decay": weight_decay}
    rewritten: Any = nesterov(rate, **options)
    ahead: Any = nesterov(rate, form="look_ahead", **options)

    def step(carry: Any, _: Any) -> Any:
        (theta, s), (w, t) = carry
        updates, s = rewritten.update(_gradient(theta), s, theta)
        eta = 1.0 if like == "keras" else rate(t.count)
        point = w - eta * 0.75 * t.trace
        moved, t = ahead.update(w, t, w, grad_fn=_gradient)
        return ((theta + updates, s), (w + moved, t)), (theta, point)

    w = jnp.array([1.0, -2.0, 0.5])
    start = ((w, rewritten.init(w)), (w, ahead.init(w)))
    thetas, points = jax.lax.scan(step, start, length=20)[1]
    return np.asarray(thetas), np.asarray(points)


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
@pytest.mark.parametrize("like", ["optax", "keras", "lecture"])
def test_the_look_ahead_points_are_the_rewritten_parameters(
    like: str, weight_decay: float, float64: np.dtype
) -> None:
    thetas, points = _paths(lambda count: jnp.array(0.1), like, weight_decay)
    np.testing.assert_allclose(points, thetas, rtol=0, atol=1e-14)
    assert np.abs(thetas[-1]).max() < 0.75 * np.abs(thetas[0]).max()


def test_under_a_schedule_so_only_if_the_rate_is_in_the_trace(float64: np.dtype) -> None:
    thetas, points = _paths(_rates, "keras", 0.0)
    np.testing.assert_allclose(points, thetas, rtol=0, atol=1e-14)
    thetas, points = _paths(_rates, "optax", 0.0)
    assert np.abs(points - thetas).max() > 1e-3


def test_look_ahead_by_hand() -> None:
    """With g(w) = w, b = .5 and eta = .25: from 8 to 6, then the gradient is that at 5."""
    optimizer: Any = nesterov(0.25, momentum=0.5, form="look_ahead")
    seen, w = [], jnp.array([8.0])
    state = optimizer.init(w)
    for _ in range(3):
        updates, state = optimizer.update(
            w * jnp.nan, state, w, grad_fn=lambda point: seen.append(float(point[0])) or point
        )
        w = w + updates
    assert seen == [8.0, 6.0 - 0.25 * 0.5 * 8.0, 3.75 - 0.25 * 0.5 * 9.0]
    assert float(w[0]) == 3.75 - 0.25 * (0.5 * 9.0 + 2.625)


def test_rewritten_by_hand() -> None:
    found = updates_of(nesterov(0.25, momentum=0.5), [8.0, 4.0])
    assert found == [-0.25 * (0.5 * 8 + 8), -0.25 * (0.5 * 8 + 4)]


def test_the_gradient_function_passes_through_a_chain_and_accumulation() -> None:
    chained = optax.chain(optax.clip(1.0), nesterov(0.5, form="look_ahead"))
    every_2: Any = optax.MultiSteps(chained, every_k_schedule=2)
    w = jnp.array([3.0])
    state, moves = every_2.init(w), []
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(2):
            updates, state = every_2.update(w, state, w, grad_fn=lambda w: w)
            moves.append(float(updates[0]))
    assert moves == [0.0, -1.5]


def test_narrow_parameters_stay_narrow() -> None:
    optimizer: Any = nesterov(0.5, form="look_ahead")
    w = jnp.ones(2, jnp.bfloat16)
    updates, state = optimizer.update(w, optimizer.init(w), w, grad_fn=lambda w: w)
    assert (updates.dtype, state.trace.dtype) == (jnp.bfloat16, jnp.float32)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("form", "arguments", "message"),
    [
        (
            "look_ahead",
            {"params": jnp.ones(1)},
            "expected grad_fn to be given to update, got None. "
            "Call optimizer.update(gradients, state, params, grad_fn=...).",
        ),
        (
            "look_ahead",
            {"grad_fn": _gradient},
            "expected params to be given, the rule needs them, got None. "
            "Call optimizer.update(gradients, state, params).",
        ),
        (
            "lookahead",
            {},
            "expected form to be one of look_ahead, rewritten, got 'lookahead'. "
            "Did you mean 'look_ahead'?",
        ),
    ],
)
def test_bad_input(form: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        _update_once(form, arguments)
    assert str(error.value) == message


def _update_once(form: Any, arguments: dict[str, Any]) -> None:
    optimizer: Any = nesterov(0.1, form=form)
    optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), **arguments)
