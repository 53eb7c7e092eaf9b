"""Printed report of batch_size_tradeoff."""

import numpy as np

from experiments.batch_size_tradeoff.noise import Noise
from experiments.batch_size_tradeoff.runs import Outcome, Time

NEAR = 1.25
"""Largest factor between seconds that are called the same."""


def answer(times: dict[int, Time], outcomes: dict[int, Outcome]) -> str:
    """Return the answer: the fastest batch sizes, and the cost of the extremes."""
    seconds = {n: times[n].epoch * float(np.median(outcomes[n].epochs)) for n in outcomes}
    least = min(seconds.values())
    if not np.isfinite(least):
        return "no batch size reaches the target"
    best = [n for n in seconds if seconds[n] <= NEAR * least]
    others = [
        f"{n:,} takes {seconds[n] / least:.0f} times as long"
        if np.isfinite(seconds[n])
        else f"{n:,} does not get there"
        for n in (min(seconds), max(seconds))
        if n not in best
    ]
    soonest = " and ".join(f"{n:,}" for n in best)
    return f"batches of {soonest} learn soonest" + (f"; {', '.join(others)}" if others else "")


def table(times: dict[int, Time], outcomes: dict[int, Outcome], noise: Noise) -> str:
    """Return a table of times and runs."""
    lines = [f"{'batch':>6}{'ms a step':>11}{'s an epoch':>12}{'epochs to target':>18}{'rate':>7}"]
    lines[0] += f"{'accuracy: equal epochs':>24}{'equal updates':>16}"
    for size, (rate, epochs, *tested) in outcomes.items():
        time = times[size]
        accuracies = [f"{each.accuracies.mean():.2%}" for each in tested]
        lines.append(
            f"{size:6}{1e3 * time.step:11.4f}{time.epoch:12.4f}{np.median(epochs):18.2f}{rate:7.3g}"
            f"{accuracies[0]:>24}{accuracies[1]:>16}"
        )
    return "\n".join([*lines, f"noise scale, in examples: {describe_scales(noise)}"])


def describe_scales(noise: Noise) -> str:
    """Return the noise scale of every epoch with its range over the seeds."""
    return ", ".join(
        f"{np.median(scales):.0f} ({scales.min():.0f} to {scales.max():.0f}) after {epoch}"
        for epoch, scales in noise.scales.items()
    )
