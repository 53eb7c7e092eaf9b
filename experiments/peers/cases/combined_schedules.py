"""Warm-ups, cycles and combinations of schedules, in the libraries and in NumPy."""

import functools

import numpy as np

from experiments.peers.schedule_case import SINGLE, Call, ScheduleCase, falling_cosine, path
from jaxnet import schedules


def _triangle(t: np.ndarray, up: int, down: int) -> np.ndarray:
    return np.interp(t % (up + down), [0, up, up + down], [0.0, 1.0, 0.0])


WARMUPS = [
    ScheduleCase(
        "warm-up, then constant",
        Call("warmup_constant", 0.01, 0.3, 20),
        lambda t: np.interp(t, [0, 20], [0.01, 0.3]),
        optax=Call("warmup_constant_schedule", 0.01, 0.3, 20),
    ),
    ScheduleCase(
        "warm-up, then cosine decay",
        Call("warmup_cosine_decay", 0.01, 0.3, 10, 50, end_value=0.03),
        lambda t: np.where(
            t < 10, 0.01 + 0.029 * t, 0.03 + 0.27 * falling_cosine(np.clip(t - 10, 0, 40), 40)
        ),
        optax=Call("warmup_cosine_decay_schedule", 0.01, 0.3, 10, 50, 0.03),
        keras=Call("CosineDecay", 0.01, 40, 0.1, warmup_target=0.3, warmup_steps=10),
        known=SINGLE,
    ),
    ScheduleCase(
        "warm-up, then cosine decay raised to a power",
        Call("warmup_cosine_decay", 0.0, 0.3, 10, 50, end_value=0.03, exponent=2.0),
        lambda t: np.where(
            t < 10, 0.03 * t, 0.03 + 0.27 * falling_cosine(np.clip(t - 10, 0, 40), 40) ** 2
        ),
        optax=Call("warmup_cosine_decay_schedule", 0.0, 0.3, 10, 50, 0.03, 2.0),
    ),
    ScheduleCase(
        "warm-up, then exponential decay",
        Call(
            "warmup_exponential_decay",
            *(0.01, 0.3, 10, 7, 0.5),
            transition_begin=5,
            staircase=True,
            end_value=0.05,
        ),
        lambda t: np.where(
            t < 10,
            0.01 + 0.029 * t,
            np.maximum(0.3 * 0.5 ** np.floor(np.maximum(t - 15, 0) / 7), 0.05),
        ),
        optax=Call("warmup_exponential_decay_schedule", 0.01, 0.3, 10, 7, 0.5, 5, True, 0.05),
    ),
    ScheduleCase(
        "warm-up of any schedule",
        Call("warmup", schedules.step_decay(0.3, 9, 0.5), 12, init_value=0.03),
        lambda t: np.where(t < 12, 0.03 + 0.0225 * t, 0.3 * 0.5 ** np.floor((t - 12) / 9)),
        optax=lambda optax: optax.join_schedules(
            [
                optax.linear_schedule(0.03, 0.3, 12),
                optax.exponential_decay(0.3, 9, 0.5, staircase=True),
            ],
            [12],
        ),
        torch=lambda torch, o: torch.SequentialLR(
            o, [torch.LinearLR(o, 0.1, 1.0, 12), torch.StepLR(o, 9, 0.5)], [12]
        ),
    ),
]


def _onecycle_of_optax(
    kind: str, phases: int, pct_final: float | None, points: list[float]
) -> ScheduleCase:
    values = [0.012, 0.3, 0.012, 1.2e-6] if phases == 3 else [0.012, 0.3, 1.2e-6]
    return ScheduleCase(
        f"one cycle, {kind}, {phases} phases, as in optax",
        Call(f"{kind}_onecycle", 50, 0.3, pct_final=pct_final),
        functools.partial(path, kind, points, values),
        optax=Call(f"{kind}_onecycle_schedule", 50, 0.3),
    )


def _onecycle_of_torch(kind: str, phases: int) -> ScheduleCase:
    three = phases == 3
    points = [0, 18.25, 36.5, 54] if three else [0, 18.25, 54]
    values = [0.012, 0.3, 0.012, 1.2e-6] if three else [0.012, 0.3, 1.2e-6]
    options = {"pct_start": 0.35, "pct_final": 0.7 if three else None, "like": "torch"}
    return ScheduleCase(
        f"one cycle, {kind}, {phases} phases, as in PyTorch",
        Call(f"{kind}_onecycle", 55, 0.3, **options),
        functools.partial(path, kind, points, values),
        torch=Call(
            "OneCycleLR",
            *(0.3, 55),
            pct_start=0.35,
            anneal_strategy="cos" if kind == "cosine" else kind,
            three_phase=three,
            cycle_momentum=False,
        ),
        last=54,
    )


CYCLES = [
    _onecycle_of_optax("linear", 3, 0.85, [0, 15, 42, 50]),
    _onecycle_of_optax("cosine", 2, None, [0, 15, 50]),
    *(_onecycle_of_torch(kind, phases) for kind in ("linear", "cosine") for phases in (2, 3)),
    *(
        ScheduleCase(
            f"cyclic, {mode}",
            Call("cyclic", 0.03, 0.3, 8, step_size_down=5, mode=mode, gamma=0.9),
            lambda t, amplitude=amplitude: 0.03 + 0.27 * _triangle(t, 8, 5) * amplitude(t),
            torch=Call("CyclicLR", 0.03, 0.3, 8, 5, mode, 0.9, cycle_momentum=False),
        )
        for mode, amplitude in [
            ("triangular", np.ones_like),
            ("triangular2", lambda t: 0.5 ** np.floor(t / 13)),
            ("exp_range", lambda t: 0.9**t),
        ]
    ),
]

COMBINATIONS = [
    ScheduleCase(
        "joined",
        Call(
            "join",
            [
                schedules.constant(0.1),
                schedules.cosine_decay(0.3, 20),
                schedules.inverse_time_decay(0.05),
            ],
            [5, 30],
        ),
        lambda t: np.where(
            t < 5,
            0.1,
            np.where(
                t < 30,
                0.3 * falling_cosine(np.clip(t - 5, 0, 20), 20),
                0.05 / (1 + np.maximum(t - 30, 0)),
            ),
        ),
        optax=lambda optax: optax.join_schedules(
            [
                optax.constant_schedule(0.1),
                optax.cosine_decay_schedule(0.3, 20),
                lambda count: 0.05 / (1 + count),
            ],
            [5, 30],
        ),
    ),
    ScheduleCase(
        "a product",
        Call("scale", schedules.exponential_decay(0.3, 1, 0.95), schedules.linear(0.5, 1.0, 10)),
        lambda t: 0.3 * 0.95**t * np.interp(t, [0, 10], [0.5, 1.0]),
        torch=lambda torch, o: torch.ChainedScheduler(
            [torch.ExponentialLR(o, 0.95), torch.LinearLR(o, 0.5, 1.0, 10)]
        ),
    ),
    ScheduleCase(
        "scaled and delayed",
        Call("delay", schedules.scale(schedules.linear(0.3, 0.1, 20), 0.5), 6),
        lambda t: np.interp(t, [6, 26], [0.15, 0.05]),
        optax=Call("linear_schedule", 0.15, 0.05, 20, 6),
    ),
]

COMBINED = [*WARMUPS, *CYCLES, *COMBINATIONS]
"""Cases of this file."""
