"""The four parts of optimizer_race: each measures, prints, draws and claims."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.harness.progress import progress
from experiments.harness.record import Claim, growing
from experiments.optimizer_race import claims as claim
from experiments.optimizer_race import deepobs, noise, theory
from experiments.optimizer_race.contestants import Contestant
from experiments.optimizer_race.landscapes import LANDSCAPES
from experiments.optimizer_race.paths import Descent, descend
from experiments.optimizer_race.race_figures import draw_gaps, draw_paths, draw_ranking
from experiments.optimizer_race.theory_figures import draw_convergence, draw_deepobs, draw_rprop
from jaxnet.optim import OPTIMIZERS

LOWEST, HIGHEST = -6, 2
"""Decades of the learning rates of the race."""

REGRESSION_EPOCHS, REGRESSION_BATCH = 100, 10
REGRESSION_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""SGD's learning rates."""

FIRST_SIZES = (1e-4, 1e-3, 0.01, 0.1, 1.0)
"""Rprop's first step sizes."""

ROUNDS = 3
"""Of the lecture's four derivatives."""


class Part(NamedTuple):
    """Result of a part."""

    name: str
    results: Any
    claims: Sequence[Claim]
    figures: Sequence[Path]


def race_down(
    racers: Mapping[str, Contestant],
    *,
    steps: int,
    rates_per_decade: int,
    tolerance: float,
    complete: bool,
    out: Path,
) -> Part:
    """Descend the landscapes; ``complete``: whether the settings are those of the claims."""
    rates = np.logspace(LOWEST, HIGHEST, (HIGHEST - LOWEST) * rates_per_decade + 1)
    print(_row("steps to the tolerance @ rate", [landscape.name for landscape in LANDSCAPES]))
    race: dict[str, dict[str, Descent]] = {}
    record = growing("race", {})
    for name, make in progress("racing", list(racers.items())):
        descents = descend(make, LANDSCAPES, rates, steps=steps, tolerance=tolerance)
        race[name] = {each.name: got for each, got in zip(LANDSCAPES, descents, strict=True)}
        record[name] = _without_paths(race[name])
        print(_row(name, [_cell(descent) for descent in descents]))
    print("(* leaves again before the last step)")
    figures = [
        draw_paths(out / "paths.png", race, LANDSCAPES),
        draw_gaps(out / "gaps.png", race, LANDSCAPES, tolerance),
        draw_ranking(out / "ranking.png", race, LANDSCAPES, steps),
    ]
    return Part("race", record, claim.race_claims(race) if complete else [], figures)


def reproduce_deepobs(*, epochs: int, seed: int, seeds: int, complete: bool, out: Path) -> Part:
    """Reproduce quadratic_deep; ``complete``: whether the settings are those of the claims."""
    problem = deepobs.quadratic_deep()
    start = float(deepobs.mean_loss(problem, np.ones(deepobs.DIMENSIONS), problem.test))
    limit = 2 / float(np.linalg.eigvalsh(problem.hessian)[-1])
    rates = np.logspace(-5, 2, 36)
    orders = [
        deepobs.batch_means(problem, seed=seed, seeds=seeds, epochs=epochs, reshuffle=reshuffle)
        for reshuffle in (False, True)
    ]
    repeated, reshuffled = growing("quadratic_deep", ({}, {}))
    for name, make in progress("quadratic_deep", list(deepobs.published_contestants().items())):
        losses = deepobs.final_losses(problem, make, rates, np.concatenate(orders))
        repeated[name], reshuffled[name] = np.split(losses, 2, axis=1)
    results = {"initial_loss": start, "limit": limit, "rates": rates}
    results |= {"repeated": repeated, "reshuffled": reshuffled}
    print(f"\nquadratic_deep: initial test loss {start:.4f}; final, mean and standard deviation")
    print(*_published_rows(rates, repeated, reshuffled), sep="\n")
    claims = [claim.initial_claim(start)]
    if complete:
        claims += claim.published_claims(rates, repeated, reshuffled, start=start, limit=limit)
    panels = {"every epoch repeats the first": repeated, "every epoch reshuffled": reshuffled}
    lowest = float(deepobs.mean_loss(problem, problem.test.mean(axis=0), problem.test))
    path = out / "quadratic_deep.png"
    title = describe_order(claim.needing_order(rates, repeated, reshuffled))
    figure = draw_deepobs(path, rates, panels, title=title, lowest=lowest, limit=limit)
    return Part("quadratic_deep", results, claims, [figure])


def describe_order(names: Sequence[str]) -> str:
    """Return a title: whose published results need one repeated order."""
    if not names:
        return "quadratic_deep: the published results do not depend on the order of the examples"
    whose = " and ".join(f"{name.split()[0]}'s" for name in names)
    return f"quadratic_deep: {whose} published means need the same order in every epoch"


def check_convergence(*, seed: int, out: Path) -> Part:
    """Measure rates of convergence and compare them with theory."""
    linear = theory.linear_convergence()
    rates = np.linspace(0.02, 2.04, 102) / theory.LARGEST
    factors = theory.factors_of_rates(rates)
    sublinear = theory.sublinear_convergence()
    noisy = noise.plateau_and_decay(seed=seed)
    figure = draw_convergence(out / "convergence.png", linear, rates, factors, sublinear, noisy)
    results = {
        "factor_a_step": {row.name: [row.measured, row.predicted] for row in linear},
        "factor_at_rate": {"rates": rates, "measured": factors[0], "predicted": factors[1]},
        "power_of_t": {row.name: [row.measured, row.predicted] for row in sublinear},
        "noisy_gap": {row.name: [row.gaps[-1], row.predicted[-1], row.error] for row in noisy},
    }
    claims = claim.theory_claims(linear, factors, sublinear, noisy)
    return Part("convergence", results, claims, [figure])


def fail_on_mini_batches(*, seed: int, runs: int, out: Path) -> Part:
    """Run Rprop and RMSprop on the lecture's four derivatives and on a linear regression."""
    rprop, sgd, rmsprop = (OPTIMIZERS[name] for name in ("rprop", "sgd", "rmsprop"))
    walks = {
        "Rprop": noise.lecture_walk(rprop(1.0, variant="minus"), ROUNDS),
        "SGD": noise.lecture_walk(sgd(1.0), ROUNDS),
        "RMSprop": noise.lecture_walk(rmsprop(1.0, like="lecture"), ROUNDS),
    }
    batch, settings = REGRESSION_BATCH, {"epochs": REGRESSION_EPOCHS, "seed": seed, "runs": runs}
    full = noise.regression_gaps(rprop(0.01), batch=noise.EXAMPLES, **settings)

    def run(make: Any, rates: Sequence[float], batch: int = batch) -> list[np.ndarray]:
        return [noise.regression_gaps(make(rate), batch=batch, **settings) for rate in rates]

    runs_of = {
        "mini": run(rprop, FIRST_SIZES),
        "sgd": run(sgd, REGRESSION_RATES),
        "rmsprop": run(functools.partial(rmsprop, like="lecture"), REGRESSION_RATES),
        "descent": run(sgd, REGRESSION_RATES, noise.EXAMPLES),
    }
    ends = {name: np.stack([gaps[:, -1] for gaps in each]) for name, each in runs_of.items()}
    last = noise.Last(REGRESSION_RATES, FIRST_SIZES, full[:, -1], **ends)
    best = {name: int(np.argmin(np.median(each, axis=1))) for name, each in ends.items()}
    ratios = np.median(last.mini, axis=1).min() / np.median(last.sgd, axis=1)
    listed = ", ".join(f"{ratio:.3g}" for ratio in ratios)
    print(f"\nmini-batch Rprop's gap in SGD's, at its rates {REGRESSION_RATES}: {listed}")
    gaps = {
        "Rprop, full batch": full,
        f"Rprop, batches of {batch}": runs_of["mini"][best["mini"]],
    }
    for name, label in (("sgd", "SGD"), ("rmsprop", "RMSprop")):
        rate = f"rate {REGRESSION_RATES[best[name]]:g}"
        gaps[f"{label}, batches of {batch}, {rate}"] = runs_of[name][best[name]]
    figure = draw_rprop(out / "rprop.png", walks, gaps, last)
    results = {"walks": walks, "last_gaps": last, "rprop_over_sgd": ratios}
    claims = claim.rprop_claims(walks["Rprop"], noise.BY_HAND, last)
    claims += claim.remedy_claims(walks["RMSprop"], last)
    return Part("rprop", results, claims, [figure])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<30}" + "".join(f"{cell:>18}" for cell in cells)


def _cell(descent: Descent) -> str:
    if descent.reached is None:
        return f"never  @ {descent.rate:.1e}"
    return f"{descent.reached:,}{' ' if descent.stays else '*'} @ {descent.rate:.1e}"


def _without_paths(descents: Mapping[str, Descent]) -> dict[str, Any]:
    """Return what is recorded of an optimizer's descents, by landscape."""
    return {
        landscape: {
            "rate": descent.rate,
            "steps": descent.reached,
            "stays": descent.stays,
            "decades_of_rates_that_work": descent.working,
            "final_gap": descent.gaps[-1],
        }
        for landscape, descent in descents.items()
    }


def _published_rows(
    rates: np.ndarray, repeated: Mapping[str, np.ndarray], reshuffled: Mapping[str, np.ndarray]
) -> list[str]:
    """Return a line per published result: ours in the same order, ours reshuffled, theirs."""
    lines = []
    for name, published in deepobs.PUBLISHED.items():
        place = deepobs.place_of(published.rate, rates)
        same, anew = (losses[name][place] for losses in (repeated, reshuffled))
        ours = [f"{values.mean():.4f} ± {values.std(ddof=1):.4f}" for values in (same, anew)]
        theirs = f"{published.mean:.4f} ± {published.deviation}"
        text = f"published {theirs:<19} same order {ours[0]}   reshuffled {ours[1]}"
        lines.append(f"  {name:<14} @ {published.rate:.5f}  {text}")
    return lines
