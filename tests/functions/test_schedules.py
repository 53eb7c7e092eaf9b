"""Schedules beside optax's, PyTorch's, Keras's and their formulas; by hand; bad input."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.peers.cases.schedules import CASES
from experiments.peers.rows import BAD
from experiments.peers.schedule_case import ScheduleCase
from experiments.peers.schedules import libraries, measure
from jaxnet import schedules
from jaxnet.functions.schedules import SCHEDULES, Schedule, get_schedule
from tests.peers import marks

ROWS = [
    pytest.param(case, library, id=f"{case.name}-{library}".replace(" ", "-"), marks=marks(library))
    for case in CASES
    for library in libraries(case)
]


@pytest.mark.parametrize(("case", "library"), ROWS)
def test_equals_the_library_and_the_formula_and_is_exact_in_float32(
    case: ScheduleCase, library: str
) -> None:
    row = measure(case, library)
    assert row.verdict not in BAD, row


def test_every_schedule_is_verified() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    makers = {case.ours(schedules).__qualname__ for case in CASES}
    assert makers == {"from_rate.<locals>.schedule"}  # all are closures of one function
    assert set(SCHEDULES) <= {case.ours.name for case in CASES}


def test_a_schedule_that_is_a_millionth_off_is_caught() -> None:
    case = next(case for case in CASES if case.name == "cosine decay to 0")
    row = measure(case._replace(formula=lambda t: 1.000001 * case.formula(t)), "optax")
    assert row.verdict == "differs"
    assert row.witnesses["optax"] < 1e-15 < 1e-7 < row.witnesses["formula"]


BY_HAND: list[tuple[str, Schedule, dict[int, float]]] = [
    ("linear", schedules.linear(1.0, 0.2, 4), {0: 1.0, 1: 0.8, 3: 0.4, 4: 0.2, 9: 0.2}),
    ("polynomial", schedules.polynomial(1.0, 0.0, 3, 4), {1: 27 / 64, 3: 1 / 64, 4: 0.0}),
    (
        # 12 steps until 12, then 24 until 24: at 18 a quarter of 24 remains
        "polynomial, cycles",
        schedules.polynomial(1.0, 0.0, 0.5, 12, cycle=True),
        {0: 1.0, 9: 0.5, 12: 0.0, 13: math.sqrt(11 / 24), 18: 0.5, 24: 0.0},
    ),
    ("inverse time", schedules.inverse_time_decay(1.0, 2, 0.5), {2: 1 / 1.5, 4: 0.5, 12: 0.25}),
    ("inverse polynomial", schedules.inverse_polynomial_decay(1.0, 1.5), {3: 1 / 8, 8: 1 / 27}),
    ("exponential", schedules.exponential_decay(1.0, 2, 0.5), {1: 0.5**0.5, 2: 0.5, 10: 1 / 32}),
    ("steps", schedules.step_decay(1.0, 2), {1: 1.0, 2: 0.1, 3: 0.1, 4: 0.01}),
    ("pieces", schedules.piecewise_constant(1.0, {2: 0.5, 3: 0.0}), {1: 1.0, 2: 0.5, 3: 0.0}),
    ("no pieces", schedules.piecewise_constant(1.0, {}), {0: 1.0, 5: 1.0}),
    # a cosine falls by a quarter in a third of its way
    ("cosine", schedules.cosine_decay(4.0, 6, alpha=0.5), {0: 4.0, 2: 3.5, 3: 3.0, 6: 2.0, 9: 2.0}),
    ("cosine wave", schedules.cosine_annealing(4.0, 6), {2: 3.0, 6: 0.0, 10: 3.0, 12: 4.0}),
    # cycles of 3, 6 and 12 steps, each half as high
    (
        "restarts",
        schedules.cosine_restarts(4.0, 3, t_mul=2, m_mul=0.5),
        {0: 4.0, 1: 3.0, 2: 1.0, 3: 2.0, 5: 1.5, 7: 0.5, 9: 1.0, 15: 0.5, 21: 0.5},
    ),
    (
        "one cycle",
        schedules.linear_onecycle(10, 1.0, pct_start=0.2, pct_final=0.6, div_factor=4),
        {0: 0.25, 1: 0.625, 2: 1.0, 4: 0.625, 6: 0.25, 8: 0.1250125, 10: 2.5e-5, 11: 2.5e-5},
    ),
    # the first phase ends at 4 * 0.25 - 1 = 0: it is a jump
    (
        "a phase without length",
        schedules.linear_onecycle(4, 1.0, pct_start=0.25, like="torch"),
        {0: 1.0},
    ),
    (
        "triangles",
        schedules.cyclic(0.0, 1.0, 4, step_size_down=2, mode="triangular2"),
        {1: 0.25, 4: 1.0, 5: 0.5, 6: 0.0, 10: 0.5, 16: 0.25},
    ),
    ("warm-up", schedules.warmup_constant(0.2, 1.0, 4), {0: 0.2, 1: 0.4, 4: 1.0}),
    ("no warm-up", schedules.warmup_cosine_decay(0.2, 1.0, 0, 3), {0: 1.0, 1: 0.75, 3: 0.0}),
    (
        "after one another",
        schedules.join([schedules.constant(0.3), schedules.linear(0.5, 0.1, 4)], [2]),
        {0: 0.3, 1: 0.3, 2: 0.5, 3: 0.4, 9: 0.1},
    ),
    ("the only one", schedules.join([schedules.constant(0.3)], []), {0: 0.3}),
    (
        "times one another",
        schedules.scale(schedules.step_decay(1.0, 2, 0.5), schedules.linear(0.0, 1.0, 4)),
        {0: 0.0, 1: 0.25, 2: 0.25, 4: 0.25},
    ),
    ("later", schedules.delay(schedules.step_decay(1.0, 2, 0.5), 3), {4: 1.0, 5: 0.5, 7: 0.25}),
]


@pytest.mark.parametrize(
    ("schedule", "expected"), [pytest.param(*row[1:], id=row[0]) for row in BY_HAND]
)
def test_by_hand(schedule: Schedule, expected: dict[int, float], float64: np.dtype) -> None:
    actual = [float(schedule(count)) for count in expected]
    np.testing.assert_allclose(actual, [*expected.values()], rtol=1e-14, atol=1e-16)


def test_by_name() -> None:
    by_name = get_schedule("cosine_decay", init_value=1.0, decay_steps=4)
    assert get_schedule("cosine_decay", decay_steps=4, init_value=1.0) is by_name
    assert float(by_name(2)) == pytest.approx(0.5)


NEGATIVE = r"finite and in \[0, inf\), got -0.1"
POSITIVE = r"finite and in \(0, inf\), got 0.0"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: schedules.cosine_decay(-0.1, 10), ValueError, f"init_value {NEGATIVE}"),
        (lambda: schedules.cosine_decay(math.nan, 10), ValueError, "init_value finite .*, got nan"),
        (lambda: schedules.cosine_decay(0.1, 0), ValueError, "decay_steps >= 1, got 0"),
        (lambda: schedules.cosine_decay(0.1, 2**31), ValueError, "decay_steps finite and in"),
        (
            lambda: schedules.cosine_decay(0.1, 10, alpha=1.5),
            ValueError,
            r"expected alpha finite and in \[0, 1\], got 1.5",
        ),
        (lambda: schedules.linear(0.1, -0.1, 10), ValueError, f"end_value {NEGATIVE}"),
        (
            lambda: schedules.linear(0.1, 0.0, 10.0),  # pyright: ignore[reportArgumentType]
            TypeError,
            "expected transition_steps to be an integer, got 10.0 of type float",
        ),
        (
            lambda: schedules.linear(0.1, 0.0, jnp.array(10.0)),
            TypeError,
            "transition_steps to be an integer, got float",
        ),
        (
            lambda: schedules.linear(jnp.ones(2), 0.0, 10),
            ValueError,
            r"init_value to be a scalar, got shape \(2,\). Sweep over values with jax.vmap.",
        ),
        (lambda: schedules.polynomial(0.1, 0.0, 0.0, 9), ValueError, f"power {POSITIVE}"),
        (lambda: schedules.exponential_decay(0.1, 1, 0.0), ValueError, f"decay_rate {POSITIVE}"),
        (lambda: schedules.piecewise_constant(1.0, {-1: 0.1}), ValueError, "boundaries >= 0"),
        (lambda: schedules.piecewise_constant(1.0, {1: -0.1}), ValueError, f"scales {NEGATIVE}"),
        (
            lambda: schedules.linear_onecycle(9, 1.0, pct_start=0.5, pct_final=0.4),
            ValueError,
            r"pct_final finite and in \[0.5, 1\], got 0.4",
        ),
        (
            lambda: schedules.warmup_cosine_decay(0.0, 1.0, 5, 5),
            ValueError,
            "decay_steps >= 6, got 5",
        ),
        (lambda: schedules.join([], []), ValueError, "boundaries to be one fewer than the 0"),
        (
            lambda: schedules.join([schedules.constant(1.0)] * 3, [4, 2]),
            ValueError,
            r"expected boundaries to rise, got \[4, 2\]",
        ),
        (lambda: schedules.scale(schedules.constant(1.0), -0.1), ValueError, f"factor {NEGATIVE}"),
        (lambda: schedules.delay(schedules.constant(1.0), -1), ValueError, "steps >= 0, got -1"),
        (lambda: schedules.constant(1.0)(-1), ValueError, "expected count >= 0, got -1"),
        (lambda: schedules.constant(1.0)(2**31), ValueError, "count finite and in"),
        (lambda: schedules.constant(1.0)(0.5), TypeError, "count to be an integer, got float"),
        (lambda: schedules.constant(1.0)(True), TypeError, "count to be an integer, got bool"),
        (lambda: get_schedule("cosine_decai"), ValueError, "Did you mean 'cosine_decay'?"),
        (
            lambda: get_schedule("linear", init_value=1.0),
            ValueError,
            "options of linear to include init_value, end_value, transition_steps, got init_value.",
        ),
        (lambda: get_schedule("linear", end=1.0), ValueError, "end"),
    ],
)
def test_bad_input(
    call: Callable[[], Any], error: type[Exception], message: str, no_type_checks: None
) -> None:
    with pytest.raises(error, match=message.replace("?", r"\?")):
        call()
