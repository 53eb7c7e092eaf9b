"""Reduce on plateau beside the libraries', by hand, and in a compiled training loop."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from experiments.peers.plateau import CASES, PlateauCase, libraries, measure
from experiments.peers.rows import BAD
from jaxnet.functions.schedules import plateau
from jaxnet.functions.schedules.plateau import Like
from jaxnet.optim import reduce_on_plateau
from tests.peers import marks

ROWS = [
    pytest.param(case, like, id=f"{case.name}-{like}".replace(" ", "-"), marks=marks(like))
    for case in CASES
    for like in libraries(case)
]


@pytest.mark.parametrize(("case", "like"), ROWS)
def test_equals_the_library_and_a_plain_loop(case: PlateauCase, like: str) -> None:
    row = measure(case, like)
    assert row.verdict not in BAD, row


def scales(values: Sequence[float], **options: Any) -> list[float]:
    """Return the scale after each value."""
    rule = plateau(**{"factor": 0.5, **options})
    state, found = rule.init(), []
    for value in values:
        state = rule.update(state, value)
        found.append(float(state.scale))
    return found


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        # the first value is the best; then the 2nd value that is no better reduces, or the 3rd
        ("optax", [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ("torch", [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]),
        ("keras", [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
    ],
)
def test_patience_2_and_cooldown_2_by_hand(like: Like, expected: list[float]) -> None:
    assert scales([1.0] * 8, patience=2, cooldown=2, like=like) == expected


@pytest.mark.parametrize("like", get_args(Like))
def test_a_constant_metric_is_no_improvement_whatever_its_sign(like: Like) -> None:
    """optax's and PyTorch's never reduce on negative ones."""
    tolerant = 3 if like == "torch" else 2
    for value in (1.0, 0.0, -1.0, -1e6):
        for mode in ("min", "max"):
            found = scales([value] * (tolerant + 1), patience=2, mode=mode, like=like)
            assert found == [1.0] * tolerant + [0.5]


def test_margins_by_hand() -> None:
    # 10 -> below 9 - 0.5 = 8.5, above 11.5; -10 -> below -11.5, above -8.5
    for mode, best, values in [
        ("min", 10.0, (8.4, 8.6)),
        ("max", 10.0, (11.6, 11.4)),
        ("min", -10.0, (-11.6, -11.4)),
        ("max", -10.0, (-8.4, -8.6)),
    ]:
        found = [
            scales([best, value], patience=1, rtol=0.1, atol=0.5, mode=mode)[-1] for value in values
        ]
        assert found == [1.0, 0.5]


def test_nan_is_no_improvement_and_infinity_no_best_one() -> None:
    nan, inf = float("nan"), float("inf")
    assert scales([nan, nan, 1.0, 1.0], patience=2) == [1.0, 0.5, 0.5, 0.5]
    assert scales([inf, 5.0, 1.0], patience=2) == [1.0, 1.0, 1.0]
    assert scales([-inf, -inf, -inf], patience=2) == [1.0, 1.0, 0.5]


def test_the_scale_has_a_least_one() -> None:
    found = scales([1.0] * 5, patience=1, min_scale=0.375)
    assert found == [1.0, 0.5, 0.375, 0.375, 0.375]


def test_the_best_value_is_found_in_the_cooldown_too() -> None:
    # reduced at the 2nd; 2 is ignored but the best; 3 and 3 are no better than it
    assert scales([5.0, 5.0, 2.0, 3.0, 3.0], patience=2, cooldown=1)[-2:] == [1.0, 0.5]
    assert scales([5.0, 5.0, 4.0, 3.0, 2.0], patience=1, cooldown=1) == [1.0] + [0.5] * 4


def test_numbers_may_be_traced_without_tracing_again() -> None:
    traces = []

    @jax.jit
    def last(numbers: dict[str, Any], values: jax.Array) -> Any:
        traces.append(numbers)
        rule = plateau(**numbers)
        state, _ = jax.lax.scan(lambda s, v: (rule.update(s, v), None), rule.init(), values)
        return state.scale

    for factor, patience, expected in [(0.5, 2, 0.25), (0.25, 4, 0.25), (0.5, 1, 1 / 16)]:
        numbers = {"factor": jnp.array(factor), "patience": jnp.array(patience)}
        assert last(numbers, jnp.ones(5)) == expected
    assert len(traces) == 1


def test_it_scales_the_updates_of_an_optimizer_in_one_program(dtype: np.dtype) -> None:
    """By hand: means of two values, 2, 3, 3; one without improvement halves the rate."""
    optimizer = optax.chain(
        jaxnet.optim.sgd(0.1), reduce_on_plateau(factor=0.5, patience=1, accumulation_size=2)
    )
    params = {"w": jnp.ones(3, dtype), "b": jnp.ones((), jnp.float16)}

    @jax.jit
    def run(values: jax.Array) -> Any:
        def step(state: Any, value: jax.Array) -> Any:
            updates, state = optimizer.update(params, state, params, value=value)
            return state, updates

        return jax.lax.scan(step, optimizer.init(params), values)

    state, updates = run(jnp.array([1.0, 3.0, 2.0, 4.0, 3.0, 3.0, 9.0], dtype))
    expected = np.array([-0.1, -0.1, -0.1, -0.05, -0.05, -0.025, -0.025])
    np.testing.assert_allclose(updates["w"][:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(updates["b"], expected, rtol=2e-3)
    assert (updates["w"].dtype, updates["b"].dtype) == (dtype, np.float16)
    assert (int(state[1].count), float(state[1].avg_value)) == (1, 9.0)


def test_the_state_has_the_fields_of_optax() -> None:
    theirs: Any = optax.contrib.reduce_on_plateau().init(jnp.zeros(1))
    ours: Any = reduce_on_plateau().init(jnp.zeros(1))
    assert set(ours._fields) == set(theirs._fields)
    assert ours._fields[0] == "count"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plateau(factor=1.0), r"expected factor finite and in \(0, 1\), got 1.0"),
        (lambda: plateau(patience=0), "patience >= 1, got 0"),
        (lambda: plateau(patience=-1, like="torch"), "patience >= 0, got -1"),
        (lambda: plateau(rtol=1.0), r"rtol finite and in \[0, 1\), got 1.0"),
        (lambda: plateau(atol=-1.0), r"atol finite and in \[0, inf\), got -1.0"),
        (lambda: plateau(cooldown=-1), "cooldown >= 0, got -1"),
        (lambda: plateau(min_scale=2.0), r"min_scale finite and in \[0, 1\], got 2.0"),
        (lambda: plateau(mode="low"), "mode to be one of max, min, got 'low'"),  # pyright: ignore[reportArgumentType]
        (lambda: plateau(like="jax"), "like to be one of keras, optax, torch, got 'jax'"),  # pyright: ignore[reportArgumentType]
        (lambda: reduce_on_plateau(accumulation_size=0), "accumulation_size >= 1, got 0"),
        (
            lambda: reduce_on_plateau().update(jnp.ones(1), reduce_on_plateau().init(jnp.ones(1))),
            "expected value to be given to update, got None",
        ),
    ],
)
def test_bad_input(call: Callable[[], Any], message: str, no_type_checks: None) -> None:
    with pytest.raises(ValueError, match=message):
        call()
