"""Second-order methods: steps worked by hand, properties and errors."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.peers.rows import BAD
from experiments.peers.second_order import (
    QUICK,
    SECOND_ORDER_CASES,
    SecondOrderCase,
    measure_second_order,
    path,
)
from jaxnet.optim import (
    SECOND_ORDER,
    conjugate_gradient,
    gauss_newton,
    lbfgs,
    levenberg_marquardt,
    newton,
    newton_cg,
    newton_raphson,
    strong_wolfe,
)
from jaxnet.optim.second_order.conjugate_gradient import FORMULAS
from tests.peers import marks

ROWS = [
    pytest.param(case, id=f"{case.name}-{case.like}", marks=marks(*case.witnesses))
    for case in SECOND_ORDER_CASES
]


@pytest.mark.parametrize("case", ROWS)
def test_equals_its_witnesses(case: SecondOrderCase) -> None:
    row = measure_second_order(case)
    assert row.verdict not in BAD, row


def test_every_method_has_a_case() -> None:
    assert {case.optimizer for case in SECOND_ORDER_CASES} == set(SECOND_ORDER)


def test_a_setting_that_is_a_thousandth_off_is_caught() -> None:
    (case,) = (c for c in SECOND_ORDER_CASES if c.name == "levenberg_marquardt, nielsen")
    wrong = case._replace(options={**case.options, "damping": 1.001e-2})
    row = measure_second_order(wrong)
    assert row.witnesses["numpy"] > 1e-6
    assert row.witnesses["scipy"] < 1e-12  # the minimum is the same
    assert row.verdict == "differs"
    assert np.isfinite(path(wrong)).all()


def extra_arguments(outputs_fn: Any, loss_fn: Any, w: Any, penalty_fn: Any = None) -> Any:
    """Return the gradient and what `fit` would give, for a risk made of two functions."""

    def value_fn(w: Any) -> Any:
        risk = loss_fn(outputs_fn(w))
        return risk if penalty_fn is None else risk + penalty_fn(w)

    value, g = jax.value_and_grad(value_fn)(w)
    given = {"value": value, "value_fn": value_fn, "outputs_fn": outputs_fn, "loss_fn": loss_fn}
    return g, given | {"penalty_fn": penalty_fn}


def one_step(optimizer: Any, w: Any, outputs_fn: Any, loss_fn: Any, **others: Any) -> Any:
    def step(w: Any) -> Any:
        g, extra = extra_arguments(outputs_fn, loss_fn, w, **others)
        return optimizer.update(g, optimizer.init(w), w, **extra)

    return jax.jit(step, compiler_options=QUICK)(w)


def same(x: Any) -> Any:
    return x


def half_square(y: Any) -> Any:
    return jnp.sum(jnp.square(y)) / 2


@pytest.mark.parametrize(
    ("damping", "expected"),
    # x^2 - 2 y^2 at (3, 1): g = (6, -4), |H| = diag(2, 4)
    [(0.0, [-3.0, 1.0]), (1.0, [-2.0, 0.8]), (jnp.array(1.0), [-2.0, 0.8])],
)
def test_newton_goes_down_and_away_from_a_saddle(damping: Any, expected: Any) -> None:
    step, _ = one_step(
        newton(damping=damping), jnp.array([3.0, 1.0]), same, lambda w: w[0] ** 2 - 2 * w[1] ** 2
    )
    np.testing.assert_allclose(step, expected, rtol=1e-5)


def test_newton_stays_where_there_is_no_curvature() -> None:
    # (x - 1)^2 + 3 y at (0, 0): the linear direction is left out, or damped to g / damping
    risk = lambda w: (w[0] - 1) ** 2 + 3 * w[1]  # noqa: E731
    step, _ = one_step(newton(), jnp.zeros(2), same, risk)
    np.testing.assert_allclose(step, [1.0, 0.0], atol=1e-6)
    step, _ = one_step(newton(damping=2.0), jnp.zeros(2), same, risk)
    np.testing.assert_allclose(step, [0.5, -1.5], rtol=1e-5)


def test_newton_cg_stops_before_negative_curvature() -> None:
    # the first direction has d^T H d = 36 * 2 - 16 * 4 > 0, the second not: so alpha g alone,
    # alpha = g^T g / d^T H d = 52 / 8
    risk = lambda w: w[0] ** 2 - 2 * w[1] ** 2  # noqa: E731
    optimizer = newton_cg(linesearch=optax.identity(), tolerance=0.0)
    step, state = one_step(optimizer, jnp.array([3.0, 1.0]), same, risk)
    np.testing.assert_allclose(step, [-6 * 6.5, 4 * 6.5], rtol=1e-5)
    assert int(state.iterations) == 2
    # where the first direction bends down already, it is the negative gradient
    step, _ = one_step(optimizer, jnp.array([1.0, 2.0]), same, risk)
    np.testing.assert_allclose(step, [-2.0, 8.0], rtol=1e-5)


def test_linear_least_squares_with_a_penalty_take_one_gauss_newton_step(float64: Any) -> None:
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(20, 3)), rng.normal(size=20)
    expected = np.linalg.solve(x.T @ x / 20 + 0.6 * np.eye(3), x.T @ v / 20)
    step, _ = one_step(
        gauss_newton(tolerance=0.0),
        {"w": jnp.zeros(3)},
        lambda params: jnp.asarray(x) @ params["w"],
        lambda y: jnp.sum(jnp.square(y - v)) / 40,
        penalty_fn=lambda params: 0.3 * jnp.sum(jnp.square(params["w"])),
    )
    np.testing.assert_allclose(step["w"], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("adaptation", "after_one", "after_two"),
    [("nielsen", 2e-3, 8e-3), ("marquardt", 1e-2, 1e-1)],
)
def test_levenberg_marquardt_rejects_a_step_that_raises_the_risk(
    adaptation: Any, after_one: float, after_two: float
) -> None:
    # arctan from 2: r = 1.1071, J = 1 / 5, so that p = -r J / (J^2 + 0.001) = -5.40, at -3.40
    # |arctan| = 1.2847 > 1.1071
    optimizer: Any = levenberg_marquardt(damping=1e-3, adaptation=adaptation)
    w = jnp.array(2.0)

    traces = []

    @functools.partial(jax.jit, compiler_options=QUICK)
    def update(state: Any) -> Any:
        traces.append(1)
        g, extra = extra_arguments(jnp.arctan, half_square, w)
        return optimizer.update(g, state, w, **extra)

    step, state = update(optimizer.init(w))
    assert float(step) == 0.0
    assert float(state.gain_ratio) == pytest.approx((1.10715**2 - 1.28475**2) / 1.10715**2, 3e-2)
    assert float(state.damping) == pytest.approx(after_one)
    step, state = update(state)
    assert float(step) == 0.0
    assert float(state.damping) == pytest.approx(after_two)
    while float(step) == 0.0:
        step, state = update(state)
    assert traces == [1]  # the state keeps its types: the program is traced once
    assert abs(np.arctan(2 + float(step))) < np.arctan(2)


@pytest.mark.parametrize("formula", FORMULAS)
def test_conjugate_gradients_end_a_quadratic_in_as_many_steps_as_dimensions(
    formula: Any, float64: Any
) -> None:
    scales = jnp.arange(1.0, 6.0)

    def risk(w: Any) -> Any:
        return jnp.sum(scales * jnp.square(w - 1)) / 2

    optimizer = conjugate_gradient(formula=formula, linesearch=newton_raphson())
    path = descend(optimizer, risk, jnp.array([3.0, -1.0, 2.0, 0.0, 4.0]), 5)
    errors = np.abs(path - 1).max(axis=1)
    assert errors[4] < 1e-12
    assert errors[3] > 1e-2


def descend(optimizer: Any, risk: Any, w: Any, steps: int, **extra: Any) -> np.ndarray:
    def step(carry: Any, _: None) -> Any:
        w, state = carry
        value, g = jax.value_and_grad(risk)(w)
        updates, state = optimizer.update(g, state, w, value=value, value_fn=risk, **extra)
        w = optax.apply_updates(w, updates)
        return (w, state), w

    def run(w: Any) -> Any:
        return jax.lax.scan(step, (w, optimizer.init(w)), None, length=steps)[1]

    return np.asarray(jax.jit(run, compiler_options=QUICK)(w))


def valley(w: Any) -> Any:
    """Return the two residuals whose squares are Rosenbrock's function."""
    return jnp.stack([10 * (w[1] - w[0] ** 2), 1 - w[0]])


VALLEY = {
    "newton": (newton(), 30),
    "newton_cg": (newton_cg(), 80),
    "gauss_newton": (gauss_newton(), 5),
    "levenberg_marquardt": (levenberg_marquardt(), 40),
    "conjugate_gradient": (conjugate_gradient(), 80),
    "lbfgs": (lbfgs(linesearch=strong_wolfe()), 60),
}


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_follows_the_valley_of_rosenbrock(name: str, dtype: np.dtype) -> None:
    """Compiled, over three starts at once, to 1e-3 of the minimum; then it stays there."""
    optimizer, steps = VALLEY[name]
    extra = {"outputs_fn": valley, "loss_fn": half_square}

    def path(w: Any) -> Any:
        def step(carry: Any, _: None) -> Any:
            w, state = carry
            g, given = extra_arguments(valley, half_square, w)
            updates, state = optimizer.update(g, state, w, **(given | extra))
            return (optax.apply_updates(w, updates), state), w

        return jax.lax.scan(step, (w, optimizer.init(w)), None, length=steps)[0]

    starts = jnp.array([[-1.2, 1.0], [0.0, 0.5], [1.0, 1.0]], dtype)
    ends, state = jax.jit(jax.vmap(path), compiler_options=QUICK)(starts)
    assert ends.dtype == dtype
    np.testing.assert_allclose(ends, np.ones((3, 2)), atol=1e-3)
    np.testing.assert_array_equal(ends[2], [1, 1])  # gradients of 0, from the first step on
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(state))
    assert state.count.tolist() == [steps] * 3


def test_the_step_of_a_schedule_is_scaled() -> None:
    optimizer = newton(lambda count: 0.5 ** count.astype(jnp.float32))
    path = descend(optimizer, lambda w: jnp.sum(jnp.square(w)), jnp.array([8.0]), 3)
    np.testing.assert_allclose(path[:, 0], [0, 0, 0], atol=1e-6)
    fixed = descend(newton(0.5), lambda w: jnp.sum(jnp.square(w)), jnp.array([8.0]), 3)
    np.testing.assert_allclose(fixed[:, 0], [4, 2, 1], rtol=1e-6)


def test_works_in_a_chain_of_optax() -> None:
    optimizer = optax.chain(newton(), optax.clip(0.5))
    path = descend(optimizer, lambda w: jnp.sum(jnp.square(w - 2)), jnp.zeros(1), 4)
    np.testing.assert_allclose(path[:, 0], [0.5, 1.0, 1.5, 2.0], rtol=1e-6)


MISSING = {
    "newton": "value_fn",
    "newton_cg": "value_fn",
    "gauss_newton": "outputs_fn",
    "levenberg_marquardt": "value",
    "conjugate_gradient": "value",
    "lbfgs": "value",
}


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_names_the_extra_argument_that_is_missing(name: str) -> None:
    optimizer, w = SECOND_ORDER[name](1.0), jnp.ones(2)
    message = (
        rf"^expected {MISSING[name]} to be given to update, got None\. Call "
        rf"optimizer\.update\(gradients, state, params, {MISSING[name]}=\.\.\."
    )
    with pytest.raises(ValueError, match=message):
        optimizer.update(w, optimizer.init(w), w)
    with pytest.raises(ValueError, match=r"^expected params to be given"):
        optimizer.update(w, optimizer.init(w))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("newton", {"damping": -1.0}, r"expected damping finite and in \[0, inf\), got -1"),
        ("newton_cg", {"tolerance": -0.5}, r"expected tolerance finite and in \[0, inf"),
        ("newton_cg", {"max_iterations": 0}, r"expected max_iterations >= 1, got 0"),
        ("gauss_newton", {"learning_rate": -1.0}, r"expected learning_rate finite"),
        ("levenberg_marquardt", {"damping": 0.0}, r"expected damping finite and in \(0, inf\)"),
        ("conjugate_gradient", {"restart_every": 0}, r"expected restart_every >= 1, got 0"),
        ("lbfgs", {"memory_size": 0}, r"expected memory_size >= 1, got 0"),
    ],
)
def test_settings_out_of_range(name: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SECOND_ORDER[name](**options)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("conjugate_gradient", {"formula": "polak"}, "expected formula to be one of dai_yuan, fl"),
        ("levenberg_marquardt", {"adaptation": "none"}, "one of marquardt, nielsen, got 'none'"),
        ("lbfgs", {"like": "keras"}, "expected like to be one of optax, torch, got 'keras'"),
    ],
)
def test_unknown_names(name: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SECOND_ORDER[name](**options)
