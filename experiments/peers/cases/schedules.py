"""Decaying schedules, in the libraries and as formulas in NumPy."""

import functools

import numpy as np

from experiments.peers.cases.combined_schedules import COMBINED
from experiments.peers.schedule_case import SINGLE, Call, ScheduleCase, falling_cosine, path


def _restarts(t: np.ndarray, first: int, factor: int, higher: float) -> np.ndarray:
    """Step through the cycles, count by count."""
    rates, done, steps, height = [], 0, first, 1.0
    for _ in t:
        rates.append(height * (1 + np.cos(np.pi * done / steps)) / 2)
        done += 1
        if done == steps:
            done, steps, height = 0, steps * factor, height * higher
    return np.array(rates)


FALLS = [
    ScheduleCase(
        "constant",
        Call("constant", 0.3),
        lambda t: np.full_like(t, 0.3),
        optax=Call("constant_schedule", 0.3),
        torch=Call("ConstantLR", 1.0),
    ),
    ScheduleCase(
        "linear, up",
        Call("linear", 0.06, 0.3, 40),
        lambda t: np.interp(t, [0, 40], [0.06, 0.3]),
        optax=Call("linear_schedule", 0.06, 0.3, 40),
        torch=Call("LinearLR", 0.2, 1.0, 40),
        keras=Call("PolynomialDecay", 0.06, 40, 0.3),
    ),
    ScheduleCase(
        "linear, down, begun late",
        Call("linear", 0.3, 0.03, 40, transition_begin=7),
        lambda t: np.interp(t, [7, 47], [0.3, 0.03]),
        optax=Call("linear_schedule", 0.3, 0.03, 40, 7),
    ),
    ScheduleCase(
        "polynomial",
        Call("polynomial", 0.3, 0.0, 2.5, 40),
        lambda t: 0.3 * np.maximum(1 - t / 40, 0) ** 2.5,
        optax=Call("polynomial_schedule", 0.3, 0.0, 2.5, 40),
        torch=Call("PolynomialLR", 40, 2.5),
        keras=Call("PolynomialDecay", 0.3, 40, 0.0, 2.5),
    ),
    ScheduleCase(
        "polynomial, up, begun late",
        Call("polynomial", 0.01, 0.3, 2, 40, transition_begin=7),
        lambda t: 0.3 - 0.29 * (1 - np.clip((t - 7) / 40, 0, 1)) ** 2,
        optax=Call("polynomial_schedule", 0.01, 0.3, 2, 40, 7),
    ),
    ScheduleCase(
        "polynomial, cycles",
        Call("polynomial", 0.3, 0.01, 0.5, 12, cycle=True),
        lambda t: 0.01 + 0.29 * (1 - t / (12 * np.maximum(np.ceil(t / 12), 1))) ** 0.5,
        keras=Call("PolynomialDecay", 0.3, 12, 0.01, 0.5, cycle=True),
    ),
    ScheduleCase(
        "inverse time, the lecture's",
        Call("inverse_time_decay", 0.3),
        lambda t: 0.3 / (t + 1),
        torch=Call("LambdaLR", lambda t: 1 / (t + 1)),
    ),
    *(
        ScheduleCase(
            f"inverse time, staircase {staircase}",
            Call("inverse_time_decay", 0.3, 5, 0.7, staircase=staircase),
            lambda t, whole=whole: 0.3 / (1 + 0.7 * whole(t / 5)),
            keras=Call("InverseTimeDecay", 0.3, 5, 0.7, staircase),
        )
        for staircase, whole in [(False, lambda x: x), (True, np.floor)]
    ),
    ScheduleCase(
        "inverse polynomial",
        Call("inverse_polynomial_decay", 0.3, 0.75),
        lambda t: 0.3 / (t + 1) ** 0.75,
        torch=Call("LambdaLR", lambda t: (t + 1) ** -0.75),
    ),
    ScheduleCase(
        "exponential, the lecture's",
        Call("exponential_decay", 0.3, 1, float(np.exp(-0.1))),
        lambda t: 0.3 * np.exp(-0.1 * t),
        torch=Call("ExponentialLR", float(np.exp(-0.1))),
    ),
    *(
        ScheduleCase(
            f"exponential, staircase {staircase}",
            Call("exponential_decay", 0.3, 7, 0.4, staircase=staircase),
            lambda t, whole=whole: 0.3 * 0.4 ** whole(t / 7),
            optax=Call("exponential_decay", 0.3, 7, 0.4, 0, staircase),
            keras=Call("ExponentialDecay", 0.3, 7, 0.4, staircase),
        )
        for staircase, whole in [(False, lambda x: x), (True, np.floor)]
    ),
    ScheduleCase(
        "exponential, bounded, begun late",
        Call("exponential_decay", 0.3, 7, 0.4, transition_begin=5, end_value=0.02),
        lambda t: np.maximum(0.3 * 0.4 ** (np.maximum(t - 5, 0) / 7), 0.02),
        optax=Call("exponential_decay", 0.3, 7, 0.4, 5, False, 0.02),
    ),
    ScheduleCase(
        "exponential, growing to a bound",
        Call("exponential_decay", 0.01, 7, 1.5, end_value=0.2),
        lambda t: np.minimum(0.01 * 1.5 ** (t / 7), 0.2),
        optax=Call("exponential_decay", 0.01, 7, 1.5, 0, False, 0.2),
    ),
    ScheduleCase(
        "steps",
        Call("step_decay", 0.3, 9, 0.3),
        lambda t: 0.3 * 0.3 ** np.floor(t / 9),
        torch=Call("StepLR", 9, 0.3),
        optax=Call("exponential_decay", 0.3, 9, 0.3, staircase=True),
    ),
]

_PEAK = {"init_value": 0.0, "peak_value": 0.3, "warmup_steps": 0}

COSINES = [
    ScheduleCase(
        "cosine decay",
        Call("cosine_decay", 0.3, 50, alpha=0.1),
        lambda t: 0.3 * (0.9 * falling_cosine(np.minimum(t, 50), 50) + 0.1),
        optax=Call("cosine_decay_schedule", 0.3, 50, 0.1),
        keras=Call("CosineDecay", 0.3, 50, 0.1),
        known=SINGLE,
    ),
    ScheduleCase(
        "cosine decay to 0",
        Call("cosine_decay", 0.3, 50),
        lambda t: 0.3 * falling_cosine(np.minimum(t, 50), 50),
        optax=Call("cosine_decay_schedule", 0.3, 50),
        torch=Call("CosineAnnealingLR", 50),
        keras=Call("CosineDecay", 0.3, 50),
        known=SINGLE,
        last=50,
    ),
    ScheduleCase(
        "cosine decay, raised to a power",
        Call("cosine_decay", 0.3, 50, alpha=0.1, exponent=1.5),
        lambda t: 0.3 * (0.9 * falling_cosine(np.minimum(t, 50), 50) ** 1.5 + 0.1),
        optax=Call("cosine_decay_schedule", 0.3, 50, 0.1, 1.5),
    ),
    ScheduleCase(
        "cosine annealing, past its end",
        Call("cosine_annealing", 0.3, 13, end_value=0.01),
        lambda t: 0.01 + 0.29 * falling_cosine(t, 13),
        torch=Call("CosineAnnealingLR", 13, 0.01),
    ),
    *(
        ScheduleCase(
            f"cosine restarts, {factor} times longer, {higher} times higher",
            Call("cosine_restarts", 0.3, 7, t_mul=factor, m_mul=higher, alpha=0.1),
            lambda t, factor=factor, higher=higher: 0.27 * _restarts(t, 7, factor, higher) + 0.03,
            torch=Call("CosineAnnealingWarmRestarts", 7, factor, 0.03) if higher == 1 else None,
            keras=Call("CosineDecayRestarts", 0.3, 7, float(factor), higher, alpha=0.1),
            known=SINGLE,
        )
        for factor, higher in [(1, 1.0), (2, 1.0), (3, 0.6)]
    ),
    ScheduleCase(
        "cosine restarts, cycles given by hand",
        Call("cosine_restarts", 0.3, 10, t_mul=2),
        lambda t: 0.3 * _restarts(t, 10, 2, 1.0),
        optax=Call("sgdr_schedule", [_PEAK | {"decay_steps": steps} for steps in (10, 20, 40)]),
        last=69,
    ),
]


PIECES = [
    ScheduleCase(
        "piecewise constant",
        Call("piecewise_constant", 0.3, {30: 0.5, 10: 0.1, 45: 4.0}),
        lambda t: 0.3 * np.where(t < 10, 1, np.where(t < 30, 0.1, np.where(t < 45, 0.05, 0.2))),
        optax=Call("piecewise_constant_schedule", 0.3, {30: 0.5, 10: 0.1, 45: 4.0}),
    ),
    ScheduleCase(
        "piecewise constant, milestones",
        Call("piecewise_constant", 0.3, {10: 0.1, 30: 0.1}),
        lambda t: 0.3 * np.where(t < 10, 1, np.where(t < 30, 0.1, 0.01)),
        torch=Call("MultiStepLR", [10, 30], 0.1),
    ),
    ScheduleCase(
        "piecewise constant, Keras's boundaries 10 and 30",
        Call("piecewise_constant", 0.3, {11: 0.1, 31: 0.5}),
        lambda t: np.where(t <= 10, 0.3, np.where(t <= 30, 0.03, 0.015)),
        keras=Call("PiecewiseConstantDecay", [10, 30], [0.3, 0.03, 0.015]),
    ),
    *(
        ScheduleCase(
            f"piecewise, {kind}",
            Call("piecewise_interpolate", kind, 0.3, {30: 20.0, 10: 0.01}),
            functools.partial(path, kind, [0, 10, 30], [0.3, 0.003, 0.06]),
            optax=Call("piecewise_interpolate_schedule", kind, 0.3, {30: 20.0, 10: 0.01}),
        )
        for kind in ("linear", "cosine")
    ),
]

CASES: list[ScheduleCase] = [*FALLS, *COSINES, *PIECES, *COMBINED]
"""Cases in the order of the page."""
