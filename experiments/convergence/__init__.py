"""How fast do optimizers converge, and what do averages, Rprop's factors and curvature change?

Lecture 004: a gap of 0.001 takes 3 iterations, or 1,000. Counts them; measures the variance of
momentum's moving average; lets Rprop cycle; and races Newton's method and its kin against gradient
descent and Adam, by iterations.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import jax
import numpy as np

from experiments.convergence import race, rprop_cycle
from experiments.convergence.averages import FACTORS, of_gradients, of_numbers, predicted
from experiments.convergence.convergence_figure import draw
from experiments.convergence.race import ADAM, GRADIENT, LBFGS, LEVENBERG
from experiments.convergence.rates import EPSILON, WORST, iterations, separable, strongly_convex
from experiments.convergence.rates import worst as worst_gaps
from experiments.harness.options import Seed, Several, Within
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)

SPEED = "lecture 004, convergence: how bad can it be?"
BOUND = "lecture 004, convergence of smooth risks; Nesterov 2018, corollary 2.1.2"
AVERAGE = "lecture 004, slide on the moving average"
CYCLE = "lecture 004, Rprop: avoid 1/μ+ = μ-"
SECOND = "lecture 004, first-order and second-order optimizers"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 20
    """Networks of the race with each optimizer."""
    iterations: Annotated[int, Within(10)] = 2000
    """Iterations of the race, 10 or more; Newton's and Levenberg-Marquardt have a tenth."""
    chains: Several = 200
    """Moving averages of mini-batch gradients; a hundred times as many of numbers."""
    out: Path = Path("out/convergence")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, iterations=50, chains=4)


def main(config: Config) -> list[Claim]:
    """Measure the four, and draw them."""
    out = prepare_folder(config.out)
    keys = jax.random.split(jax.random.key(config.seed), 3)
    with jax.enable_x64(True):
        gaps = {"quadratic": strongly_convex(), "separable": separable()}
        worst = {steps: worst_gaps(steps) for steps in WORST}
        newton = race.newton_step()
        paths = {pair: np.asarray(rprop_cycle.walk(1.5, *pair)) for pair in rprop_cycle.PAIRS}
        stuck = {pair: float(rprop_cycle.stuck(*pair)) for pair in rprop_cycle.PAIRS}
        shares = rprop_cycle.shares_stuck()
        repeated = rprop_cycle.repeats(*rprop_cycle.DOUBLES)
    averages = {
        "numbers": of_numbers(keys[0], 100 * config.chains),
        "mini-batch gradients": of_gradients(keys[1], config.chains),
    }
    risks = race.run_race(keys[2], seeds=config.seeds, iterations=config.iterations)
    steps = {name: race.reached(each, config.iterations) for name, each in risks.items()}
    for name, gap in gaps.items():
        print(f"{name}: {iterations(gap):,} iterations to a gap of {EPSILON}")
    for name, each in averages.items():
        said = ", ".join(f"{v:.4f}" for v in each.mean(axis=0))
        print(f"variance of {name} averaged by {FACTORS}: {said}")
    for pair, share in stuck.items():
        print(f"Rprop, factors {pair[0]:g} and {pair[1]:.3g}: {share:.1%} never come to rest")
    for name, each in steps.items():
        print(f"{name}: iterations, median {np.median(each):.0f}, all {each.tolist()}")
    figure = draw(out / "convergence.png", gaps, worst, averages, paths, shares, risks, steps)
    complete = dataclasses.replace(config, seed=Config.seed, out=Config.out) == Config()
    claims = [
        *rate_claims(gaps, worst),
        *rprop_claims(repeated, stuck),
        at_most(
            "Newton's gap after one step on a quadratic, over the first", SECOND, newton, 1e-12
        ),
    ]
    if complete:
        claims += average_claims(averages) + race_claims(steps)
    results = {
        "iterations": {name: iterations(gap) for name, gap in gaps.items()},
        "worst_gap_over_bound": {n: 2 * n * gap[-1] for n, gap in worst.items()},
        "averages": {name: over_chains(each) for name, each in averages.items()},
        "rprop_stuck": {f"{a:g}, {b:.3g}": share for (a, b), share in stuck.items()},
        "race": steps,
    }
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def rate_claims(gaps: Mapping[str, np.ndarray], worst: Mapping[int, np.ndarray]) -> list[Claim]:
    """Claim the lecture's numbers of iterations, and that its bound holds and is nearly tight."""
    few, many = (iterations(gaps[name]) for name in ("quadratic", "separable"))
    over = [2 * np.arange(1, n + 1) * gap[1:] for n, gap in worst.items()]
    only = "holds only if the risk is convex and its gradient is Lipschitz continuous"
    return [
        at_most("α = .1: iterations to a gap of .001, off 3", SPEED, abs(few - 3), 0),
        at_most(
            "logistic loss, separable data, rate 1: iterations to .001, decades off 1,000",
            SPEED,
            abs(np.log10(many) - 3),
            0.1,
        ),
        at_most(
            "worst functions: largest gap over ‖w0 - w*‖²/(2 η t)",
            BOUND,
            float(max(each.max() for each in over)),
            1.0,
            verdict=only,
        ),
        at_least(
            "worst functions: gap over that bound after as many steps as they are worst for, least",
            BOUND,
            float(min(each[-1] for each in over)),
            0.45,
            verdict=only,
        ),
    ]


def over_chains(errors: np.ndarray) -> list[tuple[float, float]]:
    """Return by factor the variance and its standard error."""
    return [over_seeds(column) for column in errors.T]


def average_claims(averages: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim the variance of moving averages, at most four standard errors off."""
    claims = []
    for name, errors in averages.items():
        found = over_chains(errors)
        pairs = zip(found, predicted(), strict=True)
        off = max(abs(mean - theory) / error for (mean, error), theory in pairs)
        statement = f"{name}: variance of averages, off (1 - β)/(1 + β), standard errors"
        claims.append(at_most(statement, AVERAGE, off, 4.0))
    return claims


def rprop_claims(repeated: float, stuck: Mapping[tuple[float, float], float]) -> list[Claim]:
    """Claim that Rprop cycles where its factors are reciprocal, and rests with typical ones."""
    least = min(stuck[pair] for pair in rprop_cycle.RECIPROCAL)
    typical = stuck[rprop_cycle.TYPICAL]
    return [
        at_most("Rprop, factors 2 and 1/2: weight, off that of 4 steps before", CYCLE, repeated, 0),
        at_least("Rprop, 1/μ+ = μ-: share of starts that never rest, least", CYCLE, least, 0.9),
        at_most("Rprop, factors 1.2 and 0.5: share that never rest", CYCLE, typical, 0.0),
    ]


def race_claims(steps: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim who needs fewer iterations than whom."""
    order = ((GRADIENT, ADAM), (GRADIENT, LBFGS), (ADAM, LEVENBERG), (LBFGS, LEVENBERG))
    return [
        clearly_positive(
            f"small least squares: iterations, log of {slow}'s over {fast}'s",
            SECOND,
            np.log(steps[slow] / steps[fast]),
        )
        for slow, fast in order
    ]
