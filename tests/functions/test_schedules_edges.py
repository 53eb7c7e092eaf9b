"""Schedules at their edges: phases without length, the largest counts, counts of every type."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet import schedules
from jaxnet.functions.schedules import Schedule
from tests.peers import need, peers

LARGEST = 2**31 - 1


def falling(done: float, steps: float) -> float:
    """Return half a cosine from 1 to 0, which does not cancel near its end."""
    return math.sin(math.pi / 2 * (steps - done) / steps) ** 2


def line(done: float, steps: float) -> float:
    return (steps - done) / steps


def onecycle(ends: list[float], values: list[float], shape: Callable[..., float], t: int) -> float:
    """Follow PyTorch's loop: a count belongs to the first phase that ends at it or later."""
    begin = 0.0
    for end, first, last in zip(ends, values[:-1], values[1:], strict=True):
        if t <= end or end == ends[-1]:
            left = shape(t - begin, end - begin) if end > begin else 0.0
            return first * left + last * (1 - left)
        begin = end
    raise AssertionError


SHAPES = {
    "linear": (schedules.linear_onecycle, line),
    "cosine": (schedules.cosine_onecycle, falling),
}
FRACTIONS = (0.0, 0.125, 0.25, 0.4, 0.5, 0.999, 1.0)
lengths = pytest.mark.parametrize("steps", [1, 2, 5, 8, 16])


@lengths
@pytest.mark.parametrize("shape", SHAPES)
def test_one_cycle_follows_pytorch_for_every_length_of_its_phases(
    shape: str, steps: int, dtype: np.dtype
) -> None:
    """And past its end it holds its last rate."""
    ours, way = SHAPES[shape]
    two: list[tuple[float, Any]] = [(p, None) for p in FRACTIONS]
    cycles = two + [(p, 2 * p) for p in FRACTIONS if p <= 0.5]
    options: dict[str, Any] = {"div_factor": 4.0, "final_div_factor": 5.0, "like": "torch"}
    made = [ours(steps, 1.0, pct_start=p, pct_final=q, **options) for p, q in cycles]
    counts = jnp.array([*range(steps), steps, steps + 1, LARGEST])
    rows = map(np.asarray, jax.jit(lambda t: [schedule(t) for schedule in made])(counts))
    for (p, q), found in zip(cycles, rows, strict=True):
        middle = [] if q is None else [q * steps - 2]
        ends = [p * steps - 1, *middle, steps - 1.0]
        values = [0.25, 1.0, *(0.25 for _ in middle), 0.05]
        expected = [onecycle(ends, values, way, t) for t in range(steps)]
        np.testing.assert_allclose(found[:steps], expected, rtol=8 * np.finfo(dtype).eps)
        assert set(found[steps:].tolist()) == {float(found[steps - 1])}


@peers
@lengths
def test_one_cycle_equals_pytorch(steps: int, float64: np.dtype) -> None:
    torch = need("torch")
    compared = 0
    for shape, strategy, p in itertools.product(SHAPES, ("linear", "cos"), FRACTIONS):
        if not shape.startswith(strategy[:3]) or p * steps == 1:
            continue  # a first phase that ends at 0 divides 0 by 0
        optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], 0.1)
        options = {"pct_start": p, "anneal_strategy": strategy, "cycle_momentum": False}
        peer = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, steps, **options)
        rates = [peer.get_last_lr()[0]]
        for _ in range(steps - 1):
            optimizer.step()
            peer.step()
            rates += peer.get_last_lr()
        schedule = SHAPES[shape][0](steps, 1.0, pct_start=p, pct_final=None, like="torch")
        np.testing.assert_allclose(schedule(jnp.arange(steps)), rates, rtol=1e-11)
        compared += 1
    assert compared >= 10


JUMPS: list[tuple[str, Callable[[Any], Schedule], dict[int, float]]] = [
    ("no way up", lambda T: schedules.cosine_onecycle(T, 1.0, pct_start=0.0), {0: 1.0, 4: 4e-6}),
    (
        "no way down",
        lambda T: schedules.cosine_onecycle(T, 1.0, pct_start=1.0),
        {0: 0.04, 2: 0.52, 4: 4e-6},
    ),
    (
        "neither a start nor a middle",
        lambda T: schedules.linear_onecycle(T, 1.0, pct_start=0.0, pct_final=0.0),
        {0: 0.04, 2: 0.020002, 4: 4e-6},
    ),
    (
        "three phases, the last two without length",
        lambda T: schedules.linear_onecycle(T, 1.0, pct_start=1.0, pct_final=1.0),
        {0: 0.04, 2: 0.52, 4: 4e-6},
    ),
    (
        "a boundary at 0",
        lambda T: schedules.piecewise_interpolate("cosine", 1.0, {0: 0.5, T: 0.5}),
        {0: 0.5, 2: 0.375, 4: 0.25},
    ),
    ("a boundary at 0, constant", lambda T: schedules.piecewise_constant(1.0, {0: 0.5}), {0: 0.5}),
    (
        "nothing before",
        lambda T: schedules.join([schedules.constant(9.0), schedules.linear(1.0, 0.0, T)], [0]),
        {0: 1.0, 2: 0.5},
    ),
    (
        "no warm-up",
        lambda T: schedules.warmup(schedules.linear(1.0, 0.0, T), T - T),
        {0: 1.0, 2: 0.5},
    ),
    ("one step", lambda T: schedules.cosine_decay(1.0, T - T + 1), {0: 1.0, 1: 0.0, 9: 0.0}),
    ("one step up", lambda T: schedules.warmup_cosine_decay(0.5, 1.0, 1, 2), {0: 0.5, 1: 1, 2: 0}),
]


@pytest.mark.parametrize(("make", "expected"), [pytest.param(*row[1:], id=row[0]) for row in JUMPS])
def test_a_phase_without_length_is_a_jump_to_its_end(
    make: Callable[[Any], Schedule], expected: dict[int, float], dtype: np.dtype
) -> None:
    counts, rates = jnp.array([*expected]), [*expected.values()]
    found = jax.jit(make(4))(counts)
    np.testing.assert_allclose(found, rates, rtol=8 * np.finfo(dtype).eps, atol=1e-7)


def restarts(steps: int, factor: int, t: int) -> float:
    """Return the rate of restarts from 1 to 0, whose cycles are found in integers of any size."""
    begin, length = 0, steps
    while t >= begin + length:
        if factor == 1:
            return falling(t % steps, steps)
        begin, length = begin + length, length * factor
    return falling(t - begin, length)


FAR = [10**9, 1111111111, 1111111112, 1600000000, 1743392200, 2**30, 2**30 + 9, LARGEST - 1]


@pytest.mark.parametrize("steps", [1, 2, 10, 999, 2**24 + 1, 10**9, LARGEST])
def test_restarts_are_found_at_every_count(steps: int, dtype: np.dtype) -> None:
    """Also in the cycle whose end is no count any more."""
    random = np.random.default_rng(steps)
    counts = [*range(40), *FAR, LARGEST, *random.integers(10**9, LARGEST, 40).tolist()]
    factors = [1, 2, 3, 4, 7, 10, 1000, 10**6, 10**12]
    made = [schedules.cosine_restarts(1.0, steps, t_mul=factor) for factor in factors]
    compiled = jax.jit(lambda t: [schedule(t) for schedule in made])
    rows = map(np.asarray, compiled(jnp.array(counts)))
    for factor, found in zip(factors, rows, strict=True):
        expected = [restarts(steps, factor, t) for t in counts]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert found[-1] > 0


LONG: list[tuple[str, Schedule, Callable[[int], float]]] = [
    ("inverse time", schedules.inverse_time_decay(1.0, 3, 0.7), lambda t: 1 / (1 + 0.7 * t / 3)),
    (
        "inverse square root",
        schedules.inverse_polynomial_decay(1.0, 0.5),
        lambda t: (t + 1) ** -0.5,
    ),
    (
        "exponential",
        schedules.exponential_decay(1.0, 10**8, 0.5),
        lambda t: 0.5 ** (t / 10**8),
    ),
    ("in steps", schedules.step_decay(1.0, 10**7 + 1, 0.9), lambda t: 0.9 ** (t // (10**7 + 1))),
    (
        "a cycle of all counts",
        schedules.cosine_onecycle(LARGEST, 1.0, pct_start=0.5, like="torch"),
        lambda t: onecycle([0.5 * LARGEST - 1, LARGEST - 1], [0.04, 1, 4e-6], falling, t),
    ),
    ("one way", schedules.linear(1.0, 0.0, LARGEST), lambda t: (LARGEST - t) / LARGEST),
    ("a wave", schedules.cosine_annealing(1.0, 2**30), lambda t: falling(t, 2**30)),
    (
        "the longest triangle",
        schedules.cyclic(0.0, 1.0, 2**30, step_size_down=2**30 - 1),
        lambda t: t / 2**30 if t <= 2**30 else (LARGEST - t) / (2**30 - 1),
    ),
]


@pytest.mark.parametrize(("schedule", "exact"), [pytest.param(*row[1:], id=row[0]) for row in LONG])
def test_rates_are_right_up_to_the_largest_count(
    schedule: Schedule, exact: Callable[[int], float], dtype: np.dtype
) -> None:
    counts = [0, 1, 2**24 + 1, *FAR]
    expected = [exact(t) for t in counts]
    np.testing.assert_allclose(jax.jit(schedule)(jnp.array(counts)), expected, rtol=2e-6)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.linear_onecycle(7, 0.3, pct_start=0.0, pct_final=None, like="torch"),
        schedules.cosine_onecycle(LARGEST, 0.3, pct_start=0.0, pct_final=0.0, like="torch"),
    ],
)
def test_a_phase_that_ends_before_0_overflows_at_no_count(schedule: Schedule) -> None:
    np.testing.assert_allclose(schedule(LARGEST), 0.3 / 25e4, rtol=1e-6)


WIDE = [np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("kind", WIDE)
def test_counts_of_every_integer_type_are_those_counts(kind: type, dtype: np.dtype) -> None:
    """Also those that int32 cannot hold, which it would make negative or small."""
    schedule = schedules.warmup_constant(0.1, 0.3, 10)
    counts = np.array([0, 3, LARGEST, LARGEST + 1, 2**32 - 1], kind)
    expected = np.asarray(jax.jit(schedule)(np.array([0, 3, LARGEST, LARGEST, LARGEST], np.int32)))
    assert expected[-1] == np.asarray(0.3, dtype)
    np.testing.assert_array_equal(schedule(counts), expected)
    if np.dtype(kind).itemsize == 4 or dtype == np.float64:
        np.testing.assert_array_equal(jax.jit(schedule)(jnp.asarray(counts)), expected)
        np.testing.assert_array_equal(jax.jit(jax.vmap(schedule))(counts), expected)
    assert schedule(kind(3)) == expected[1]


def test_a_triangle_that_no_count_comes_around_is_refused(no_type_checks: None) -> None:
    message = r"expected step_size_up \+ step_size_down .*, got 4294967294"
    with pytest.raises(ValueError, match=message):
        schedules.cyclic(0.1, 0.3, LARGEST)
    half: Any = np.int64(2**30)
    with pytest.raises(ValueError, match=message.replace("4294967294", "2147483648")):
        schedules.cyclic(0.1, 0.3, half, step_size_down=half)
