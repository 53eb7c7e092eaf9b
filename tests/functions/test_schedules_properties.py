"""Properties of every schedule: scalars and arrays, traced numbers, precision."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import schedules
from jaxnet.functions.schedules import SCHEDULES, Schedule, get_schedule

OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.3},
    "linear": {"init_value": 0.3, "end_value": 0.1, "transition_steps": 8},
    "polynomial": {"init_value": 0.3, "end_value": 0.1, "power": 1.5, "transition_steps": 7},
    "inverse_time_decay": {"init_value": 0.3, "transition_steps": 3, "decay_rate": 0.7},
    "inverse_polynomial_decay": {"init_value": 0.3, "power": 0.7},
    "exponential_decay": {
        "init_value": 0.3,
        "transition_steps": 3,
        "decay_rate": 0.5,
        "end_value": 0.1,
    },
    "step_decay": {"init_value": 0.3, "transition_steps": 3, "decay_rate": 0.5},
    "piecewise_constant": {"init_value": 0.3, "boundaries_and_scales": {2: 0.5, 6: 0.5}},
    "piecewise_interpolate": {
        "interpolate_type": "linear",
        "init_value": 0.3,
        "boundaries_and_scales": {2: 0.5, 6: 0.5},
    },
    "cosine_decay": {"init_value": 0.3, "decay_steps": 8, "alpha": 0.1, "exponent": 1.5},
    "cosine_annealing": {"init_value": 0.3, "decay_steps": 5, "end_value": 0.1},
    "cosine_restarts": {"init_value": 0.3, "decay_steps": 2, "t_mul": 2, "m_mul": 0.5},
    "warmup_constant": {"init_value": 0.1, "peak_value": 0.3, "warmup_steps": 4},
    "warmup_cosine_decay": {
        "init_value": 0.1,
        "peak_value": 0.3,
        "warmup_steps": 4,
        "decay_steps": 9,
    },
    "warmup_exponential_decay": {
        "init_value": 0.1,
        "peak_value": 0.3,
        "warmup_steps": 4,
        "transition_steps": 3,
        "decay_rate": 0.5,
    },
    "linear_onecycle": {"transition_steps": 10, "peak_value": 0.3},
    "cosine_onecycle": {"transition_steps": 10, "peak_value": 0.3, "like": "torch"},
    "cyclic": {"init_value": 0.1, "peak_value": 0.3, "step_size_up": 3, "gamma": 0.9},
}
"""Name of a schedule -> options of one of them."""

STATIC = {"linear_onecycle": {"transition_steps"}, "cosine_onecycle": {"transition_steps"}}
STATIC["cosine_restarts"] = {"t_mul"}
"""Name of a schedule -> its numbers that may not be traced."""

every = pytest.mark.parametrize("name", sorted(SCHEDULES))
COUNTS = np.arange(12, dtype=np.int32)


def _traceable(name: str) -> dict[str, Any]:
    """Return the options that are numbers and may be traced."""
    return {
        option: value
        for option, value in OPTIONS[name].items()
        if isinstance(value, int | float) and option not in STATIC.get(name, set())
    }


def _arrays(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: jnp.asarray(value, jnp.int32 if isinstance(value, int) else jnp.result_type(float))
        for name, value in options.items()
    }


@every
def test_one_program_serves_arrays_of_counts_scans_and_traced_numbers(
    name: str, float64: np.dtype
) -> None:
    traces = []

    @jax.jit
    def rates(numbers: dict[str, Any], counts: jax.Array) -> tuple[Any, ...]:
        traces.append(name)
        schedule = get_schedule(name, **{**OPTIONS[name], **numbers})
        scanned = jax.lax.scan(lambda t, _: (t + 1, schedule(t)), counts[0], length=len(counts))
        return schedule(counts), jax.vmap(schedule)(counts), scanned[1], schedule(counts[:, None])

    numbers = _arrays(_traceable(name))
    halved = {**numbers, **{k: v / 2 for k, v in numbers.items() if k.endswith("value")}}
    found, half = rates(numbers, COUNTS), rates(halved, COUNTS)
    assert len(traces) == 1
    schedule = get_schedule(name, **OPTIONS[name])
    expected = np.array([float(schedule(count)) for count in range(len(COUNTS))])
    for actual in [*found[:3], found[3][:, 0]]:
        assert actual.dtype == float64
        np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(half[0], expected / 2, rtol=1e-13, atol=1e-16)


@every
def test_a_rate_is_a_scalar_of_the_default_precision(name: str, dtype: np.dtype) -> None:
    schedule = get_schedule(name, **OPTIONS[name])
    for count in (3, np.int64(3), jnp.int32(3), jnp.uint8(3)):
        rate = schedule(count)
        assert (rate.dtype, rate.shape) == (dtype, ())
        assert rate == schedule(3)
    # before the first step is the first step; no rate is negative or NaN, not even at the end
    assert schedule(jnp.int32(-5)) == schedule(0)
    last = schedule(2**31 - 1)
    assert np.isfinite(last)
    assert last >= 0


FALLING = [
    schedules.linear(0.3, 0.1, 17),
    schedules.polynomial(0.3, 0.1, 1.5, 17),
    schedules.inverse_time_decay(0.3, 3, 0.5),
    schedules.inverse_polynomial_decay(0.3, 0.5),
    schedules.exponential_decay(0.3, 7, 0.5, end_value=0.1),
    schedules.step_decay(0.3, 7, 0.5),
    schedules.piecewise_interpolate("cosine", 0.3, {5: 0.9, 17: 0.5}),
    schedules.cosine_decay(0.3, 17, alpha=0.2, exponent=2.0),
]


def test_schedules_that_fall_never_rise(dtype: np.dtype) -> None:
    counts = jnp.arange(40)
    for rates in jax.jit(lambda t: [schedule(t) for schedule in FALLING])(counts):
        assert rates[0] == np.asarray(0.3, dtype)
        assert np.all(np.diff(rates) <= 0)
        assert np.all(np.asarray(rates) >= 0)


ENDING: list[tuple[Schedule, int, float]] = [
    (schedules.linear(0.3, 0.1, 17, transition_begin=3), 20, 0.1),
    (schedules.polynomial(0.3, 0.1, 0.5, 17), 17, 0.1),
    (schedules.cosine_decay(0.3, 17, alpha=0.5), 17, 0.15),
    (schedules.warmup_cosine_decay(0.0, 0.3, 3, 17, end_value=0.1), 17, 0.1),
    (schedules.piecewise_interpolate("linear", 0.3, {17: 0.5}), 17, 0.15),
    (schedules.linear_onecycle(17, 0.3, div_factor=3, final_div_factor=2), 17, 0.05),
    (schedules.cosine_onecycle(17, 0.3, div_factor=3, final_div_factor=2, like="torch"), 16, 0.05),
]


def test_past_its_end_a_schedule_is_held(dtype: np.dtype) -> None:
    counts = [np.array([end - 1, end, end + 1, 2**24 + 1, 2**31 - 1]) for _, end, _ in ENDING]
    found = jax.jit(lambda t: [row[0](t) for row, t in zip(ENDING, t, strict=True)])(counts)
    for rates, (_, _, value) in zip(found, ENDING, strict=True):
        assert abs(rates[0] - value) > 1e-4
        np.testing.assert_allclose(rates[1:], value, rtol=4 * np.finfo(dtype).eps)
        assert np.all(rates[1:] == rates[1])


def test_a_polynomial_reaches_its_end_whatever_its_length() -> None:
    """Compiled for a CPU, ``(1 - t / T) ** P`` is NaN at the end for most ``T``."""
    lengths = jnp.arange(1, 400)
    end = jax.jit(jax.vmap(lambda T: schedules.polynomial(0.3, 0.0, 0.5, T)(T)))(lengths)
    np.testing.assert_array_equal(end, 0.0)
    for length in (3, 5, 49):
        assert jax.jit(schedules.polynomial(0.3, 0.0, 0.5, length))(jnp.int32(length)) == 0


PERIODS: list[tuple[str, Callable[[], Schedule], int]] = [
    ("cosine_annealing", lambda: schedules.cosine_annealing(0.3, 3), 6),
    ("cosine_restarts", lambda: schedules.cosine_restarts(0.3, 7), 7),
    ("cyclic", lambda: schedules.cyclic(0.1, 0.3, 2, step_size_down=3), 5),
]


@pytest.mark.parametrize(("name", "make", "period"), PERIODS)
def test_counts_above_the_precision_of_float32_are_distinct(
    name: str, make: Callable[[], Schedule], period: int
) -> None:
    schedule, counts = jax.jit(make()), jnp.arange(2 * period)
    far = 2**31 // period * period - 2 * period
    np.testing.assert_array_equal(schedule(counts + far), schedule(counts))


def test_edges_beyond_the_integers_of_float32_are_exact() -> None:
    """In float32 2^24 + 1 is 2^24."""
    edge = 2**24 + 1
    edged = [
        schedules.step_decay(1.0, edge, 0.5),
        schedules.exponential_decay(1.0, edge, 0.5, staircase=True),
        schedules.inverse_time_decay(1.0, edge, 1.0, staircase=True),
        schedules.piecewise_constant(1.0, {edge: 0.5}),
        schedules.join([schedules.constant(1.0), schedules.constant(0.5)], [edge]),
        schedules.delay(schedules.step_decay(1.0, 1, 0.5), edge - 1),
        schedules.linear(1.0, 0.0, 2, transition_begin=edge - 1),
    ]
    counts = jnp.array([edge - 1, edge])
    for rates in jax.jit(lambda t: [schedule(t) for schedule in edged])(counts):
        assert rates.tolist() == [1.0, 0.5]


def test_combinations_are_continuous_where_they_should_be(float64: np.dtype) -> None:
    """Steps across a join are as small as within its parts."""
    fall, steepest = schedules.cosine_decay(0.3, 1000), 0.3 * np.pi / 2 / 1000
    cases = [
        (schedules.warmup(fall, 1000), steepest),
        (schedules.join([schedules.linear(0.0, 0.3, 1000), fall], [1000]), steepest),
        (schedules.delay(fall, 500), steepest),
        (schedules.scale(fall, schedules.linear(1.0, 0.0, 1000)), steepest + 0.3 / 1000),
    ]
    found = jax.jit(lambda t: [schedule(t) for schedule, _ in cases])(jnp.arange(2200))
    for rates, (_, largest) in zip(found, cases, strict=True):
        assert np.max(np.abs(np.diff(rates))) <= largest


def test_special_cases_are_the_general_ones(float64: np.dtype) -> None:
    pairs = [
        (schedules.linear(0.1, 0.3, 9), schedules.polynomial(0.1, 0.3, 1.0, 9)),
        (schedules.inverse_time_decay(0.3), schedules.inverse_polynomial_decay(0.3, 1.0)),
        (
            schedules.step_decay(0.3, 4, 0.5),
            schedules.exponential_decay(0.3, 4, 0.5, staircase=True),
        ),
        (
            schedules.cosine_decay(0.3, 29),
            schedules.cosine_annealing(0.3, 29),
        ),
        (
            schedules.warmup_cosine_decay(0.0, 0.3, 5, 20),
            schedules.warmup(schedules.cosine_decay(0.3, 15), 5),
        ),
        (schedules.warmup_constant(0.1, 0.3, 9), schedules.linear(0.1, 0.3, 9)),
    ]
    rates = jax.jit(lambda t: [[schedule(t) for schedule in pair] for pair in pairs])
    for special, general in rates(jnp.arange(30)):
        np.testing.assert_allclose(special, general, rtol=1e-14, atol=1e-17)


def test_a_schedule_can_be_swept_over() -> None:
    rates = jnp.array([0.1, 0.2])
    swept = jax.jit(jax.vmap(lambda rate: schedules.cosine_decay(rate, 4)(jnp.array(2))))(rates)
    np.testing.assert_allclose(swept, rates / 2, rtol=1e-6)


def test_an_optimizer_follows_one() -> None:
    optimizer = jaxnet.optim.sgd(schedules.cosine_decay(1.0, 4))
    state, steps = optimizer.init(jnp.zeros(())), []
    for _ in range(5):
        updates, state = optimizer.update(jnp.ones(()), state)
        steps.append(-np.asarray(updates))
    # (1 + cos(pi t / 4)) / 2 for t = 0, 1, 2, 3, 4
    np.testing.assert_allclose(steps, [1.0, 0.853553, 0.5, 0.146447, 0.0], atol=1e-6)
