"""Line searches: their conditions along difficult lines."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.optim import backtracking, newton_raphson, strong_wolfe

LINES: dict[str, tuple[Callable[[jax.Array], jax.Array], float, float]] = {
    "parabola": (lambda w: (w - 3) ** 2, 0.0, 1.0),
    "far": (lambda w: (w - 300) ** 2, 0.0, 1.0),
    "near": (lambda w: (1000 * w - 1) ** 2, 0.0, 1.0),
    "wavy": (lambda w: w**2 / 50 + jnp.cos(3 * w), 1.0, 4.0),
    "flat": (lambda w: jnp.log1p((w - 2) ** 2), -10.0, 1.0),
    "barrier": (lambda w: w - jnp.log(2 - w) - 3 * jnp.log(w), 0.2, 5.0),
    "backwards": (lambda w: (w + 3) ** 2, 0.0, -1.0),
}
"""Name -> a risk of one weight, where the line starts, and its direction, downhill. That of the
barrier is NaN from 2 on, where the first trial is."""

SEARCHES = {
    "backtracking": backtracking(),
    "newton_raphson": newton_raphson(),
    "strong_wolfe": strong_wolfe(),
    "strong_wolfe, 0.1": strong_wolfe(c2=0.1),
}


class Found(NamedTuple):
    """What a search found, one entry a line of `LINES`."""

    alpha: Any
    value: Any
    slope: Any
    value_after: Any
    slope_after: Any


@functools.cache
def search_all(name: str) -> Found:
    """Search all lines in one compiled program, in float64."""

    def search(line: jax.Array, w: jax.Array, step: jax.Array) -> Found:
        def risk(w: jax.Array) -> jax.Array:
            return jnp.stack([function(w) for function, _, _ in LINES.values()])[line]

        def along(w: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jax.jvp(risk, (w,), (step,))

        value, slope = along(w)
        chosen: Any = SEARCHES[name]
        extra = {"value": value, "grad": slope / step, "value_fn": risk}
        moved, state = chosen.update(step, chosen.init(w), w, **extra)
        return Found(state.step_size, value, slope, *along(w + moved))

    starts, steps = np.array([line[1:] for line in LINES.values()]).T
    with jax.enable_x64(True):
        rows = jnp.arange(len(LINES), dtype=jnp.int32)
        return Found(*map(np.asarray, jax.jit(jax.vmap(search))(rows, starts, steps)))


@pytest.mark.parametrize("name", SEARCHES)
def test_the_risk_falls_as_promised(name: str) -> None:
    found = search_all(name)
    assert np.all(found.slope < 0)
    assert np.all(found.alpha > 0)
    bound = found.value + 1e-4 * found.alpha * found.slope
    np.testing.assert_array_less(found.value_after, bound)


@pytest.mark.parametrize(("name", "c2"), [("strong_wolfe", 0.9), ("strong_wolfe, 0.1", 0.1)])
def test_the_slope_is_flat_enough(name: str, c2: float) -> None:
    found = search_all(name)
    assert np.all(np.abs(found.slope_after) <= c2 * np.abs(found.slope))


def test_backtracking_takes_the_first_step_that_will_do() -> None:
    # (1000 w - 1)^2 from 0 along 1: phi(alpha) <= 1 - 0.2 alpha needs alpha <= 0.002, about
    assert search_all("backtracking").alpha[list(LINES).index("near")] == 0.5**9


def test_newton_raphson_ends_in_the_vertex_of_a_parabola() -> None:
    alpha = dict(zip(LINES, search_all("newton_raphson").alpha, strict=True))
    assert alpha["parabola"] == pytest.approx(3, abs=1e-14)
    assert alpha["far"] == pytest.approx(300, abs=1e-12)
    assert alpha["near"] == pytest.approx(1e-3, abs=1e-17)


@pytest.mark.parametrize("search", [backtracking(), newton_raphson(), strong_wolfe()])
def test_stays_where_the_direction_goes_uphill_or_nowhere(search: Any) -> None:
    def move(step: jax.Array) -> jax.Array:
        w = jnp.array(1.0)
        extra = {"value": jnp.square(w), "grad": 2 * w, "value_fn": jnp.square}
        return search.update(step, search.init(w), w, **extra)[0]

    assert jax.jit(jax.vmap(move))(jnp.array([1.0, 0.0])).tolist() == [0.0, 0.0]


def test_values_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"expected decay finite and in \(0, 1\)"):
        backtracking(decay=1.0)
    with pytest.raises(ValueError, match=r"expected c2 finite and in \(0.5, 1\)"):
        strong_wolfe(c1=0.5, c2=0.4)
    with pytest.raises(ValueError, match=r"expected iterations >= 1, got 0"):
        newton_raphson(iterations=0)
    w = jnp.ones(1)
    with pytest.raises(ValueError, match=r"^expected value_fn to be given"):
        strong_wolfe().update(w, strong_wolfe().init(w), w, value=jnp.array(1.0), grad=w)
