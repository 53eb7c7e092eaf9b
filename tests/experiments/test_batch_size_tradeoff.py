"""batch_size_tradeoff: fits by hand, record, and claims that can fail."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from experiments.batch_size_tradeoff import claims, runs
from experiments.batch_size_tradeoff.critical import fit_critical, median_updates
from experiments.batch_size_tradeoff.noise import Drawn, Noise, fit_slope
from experiments.batch_size_tradeoff.report import answer, describe_scales
from experiments.batch_size_tradeoff.runs import (
    Outcome,
    Reached,
    Run,
    Time,
    epochs_to_target,
    outcome,
)
from experiments.batch_size_tradeoff.workload import GRIDS
from tests.experiments.test_commands import recorded

SIZES = np.array([1, 2, 4, 8, 16])


def drawn(power: float = -1.0, *, examples: int | None = None, noise: float = 0.0) -> Drawn:
    free = 1.0 if examples is None else (examples - SIZES) / (examples - 1)
    predicted = 3.0 / SIZES * free
    jitter = noise * np.random.default_rng(0).normal(size=len(SIZES))
    values = 3.0 * SIZES**power * free * (1 + jitter)
    return Drawn(SIZES, values, 0.1 * values, predicted)


def test_the_slope_of_an_exact_law() -> None:
    for examples in (None, 20):
        fit = fit_slope(drawn(-0.7, examples=examples), examples)
        assert fit.slope == pytest.approx(-0.7)
    # five points of relative error .1, at logarithms of deviation sqrt 2 times log 2
    assert fit.error == pytest.approx(0.1 / (np.log(2) * np.sqrt(10)))
    assert fit_slope(drawn(), None).worst == pytest.approx(0.0, abs=1e-12)


def test_the_weighted_fit_equals_numpys() -> None:
    points = drawn(noise=0.1)._replace(errors=np.array([0.3, 0.1, 0.05, 0.02, 0.01]))
    weights = points.values / points.errors
    (slope, _), covariance = np.polyfit(
        np.log(SIZES), np.log(points.values), 1, w=weights, cov="unscaled"
    )
    fit = fit_slope(points, None)
    assert (fit.slope, fit.error) == pytest.approx((slope, covariance[0, 0] ** 0.5))


def noise(power: float) -> Noise:
    scales = {0: np.array([5.0, 3.0]), 1: np.array([50.0, 60.0, 40.0])}
    return Noise(scales, 3.0, 1.0, 20, {"with": drawn(power), "without": drawn(examples=20)})


def test_a_noise_scale_has_its_range() -> None:
    assert describe_scales(noise(-1.0)) == "4 (3 to 5) after 0, 50 (40 to 60) after 1"


def test_the_claims_about_noise_can_fail() -> None:
    assert [claim.holds for claim in claims.slope_claims(noise(-1.0))] == [True, True]
    assert [claim.holds for claim in claims.slope_claims(noise(-0.8))] == [False, True]
    assert [claim.holds for claim in claims.law_claims(noise(-1.0))] == [True, True]
    assert [claim.holds for claim in claims.law_claims(noise(-0.8))] == [False, True]


def test_the_claims_about_time_can_fail() -> None:
    def times(*steps: float) -> dict[int, Time]:
        sizes = (1, 16, 64, 256)
        return {n: Time([256 / n * step], 256 // n) for n, step in zip(sizes, steps, strict=True)}

    assert claims.growth(times(1, 1, 4, 16), 16, 256) == pytest.approx(1.0)
    assert [claim.holds for claim in claims.time_claims(times(1, 1, 4, 16))] == [True, True]
    assert [claim.holds for claim in claims.time_claims(times(1, 16, 16, 200))] == [False, True]
    assert [claim.holds for claim in claims.time_claims(times(1, 1, 1, 1))] == [True, False]


def outcomes(updates: dict[int, float], *accuracies: float, examples: int = 100) -> dict:
    """Return outcomes with given updates to the target and accuracies after equal updates."""
    made = {}
    for i, (size, number) in enumerate(updates.items()):
        tested = Reached(5, 0.1, np.array([accuracies[i] if accuracies else 0.9]))
        made[size] = Outcome(0.1, np.array([number * size / examples]), tested, tested)
    return made


def hyperbola(least: float, critical: float, odd: float = 1.0) -> dict[int, float]:
    updates = {size: least * (1 + critical / size) for size in (1, 4, 16, 64, 256)}
    return updates | {16: odd * updates[16]}


def test_the_critical_batch_size_of_an_exact_law() -> None:
    updates = median_updates(outcomes(hyperbola(40.0, 50.0)), 100)
    assert updates == pytest.approx(hyperbola(40.0, 50.0))
    fit = fit_critical(updates | {1024: float("inf")})
    assert fit is not None
    assert (fit.least, fit.size, fit.worst) == pytest.approx((40.0, 50.0, 1.0), rel=0.01)
    assert fit.updates(np.array([50.0]))[0] == pytest.approx(80.0, rel=0.01)
    assert fit_critical({1: 5.0, 2: 4.0, 4: float("inf")}) is None


def test_the_claims_about_runs_can_fail() -> None:
    for updates, accuracies, expected in (
        (hyperbola(40.0, 50.0), (), [True, True, True]),
        (hyperbola(40.0, 50.0, odd=3.0), (), [False, True, True]),
        (hyperbola(40.0, 500.0), (), [True, False, True]),
        (hyperbola(40.0, 50.0), (0.9, 0.9, 0.93, 0.9, 0.91), [True, True, False]),
        ({1: 5.0, 4: float("inf"), 16: float("inf")}, (), [False, False, True]),
    ):
        made = claims.run_claims(outcomes(updates, *accuracies), noise(-1.0)._replace(examples=100))
        assert [claim.holds for claim in made] == expected


def test_the_claims_about_generalization_can_fail() -> None:
    noise = np.array([0.0, 0.001, 0.002])

    def held(full: float, updated: float) -> list[bool]:
        ends = {16: (0.98, 0.98), 1024: (full, updated)}
        each = {
            size: Outcome(
                0.1, noise, *(Reached(5, 0.1, mean + size / 16 * noise) for mean in means)
            )
            for size, means in ends.items()
        }
        return [claim.holds for claim in claims.generalization_claims(each)]

    assert held(0.7, 0.92) == [True, True]
    assert held(0.98, 0.92) == [False, True]
    assert held(0.7, 0.98) == [True, False]


def test_epochs_to_the_target_are_interpolated() -> None:
    losses = np.array([1.0, 0.1, 0.2, 0.001])
    assert epochs_to_target(losses, 0.1) == 1.0
    assert epochs_to_target(losses, 10**-0.5) == pytest.approx(0.5)
    assert epochs_to_target(losses, 0.01) == pytest.approx(2 + np.log(20) / np.log(200))
    assert epochs_to_target(losses, 2.0) == 0.0
    assert epochs_to_target(np.array([1.0, np.inf]), 0.5) == np.inf


def test_rates_are_chosen_on_the_validation_loss() -> None:
    fast = [Run(np.array([1.0, 0.1, 0.3]), {1: 0.9, 2: a}) for a in (0.7, 0.8)]
    good = [Run(np.array([1.0, 0.5, 0.1]), {1: a, 2: a}) for a in (0.6, 0.5)]
    ruined = [Run(np.array([1.0, 0.01, np.inf]), {1: 0.0, 2: 0.0})] * 2
    diverged = [Run(np.array([1.0, np.inf]), {1: 0.0, 2: 0.0})] * 2
    grid = dataclasses.replace(GRIDS["digits"], target=0.1, epochs=1, updates=15)
    assert grid.lengths(10) == (1, 2)
    found = outcome({0.4: fast, 0.1: good, 4.0: diverged}, grid, 10)
    assert found.rate == 0.4
    assert found.epochs.tolist() == [1.0, 1.0]
    assert (found.by_epochs.updates, found.by_epochs.rate) == (10, 0.4)
    assert found.by_epochs.accuracies.tolist() == [0.9, 0.9]
    assert (found.by_updates.updates, found.by_updates.rate) == (20, 0.1)
    assert found.by_updates.accuracies.tolist() == [0.6, 0.5]
    assert outcome({0.1: good, 2.0: ruined}, grid, 10).by_updates.rate == 0.1


def test_rates_grow_as_the_square_root_of_the_batch_size() -> None:
    grid = dataclasses.replace(GRIDS["digits"], rate=0.1)
    assert grid.rates(1) == pytest.approx([0.025, 0.05, 0.1, 0.2, 0.4])
    assert grid.rates(64) == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


def test_the_answer() -> None:
    times = {1: Time([1.0], 100), 100: Time([0.1], 1)}

    def answer_for(small: float, large: float) -> str:
        return answer(times, outcomes({1: 100 * small, 100: large}))

    assert answer_for(2.0, 5.0) == "batches of 100 learn soonest; 1 takes 4 times as long"
    assert answer_for(2.0, 16.0) == "batches of 1 and 100 learn soonest"
    assert answer_for(2.0, np.inf) == "batches of 1 learn soonest; 100 does not get there"
    assert answer_for(np.inf, np.inf) == "no batch size reaches the target"


@pytest.mark.slow
def test_the_record_of_a_short_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(GRIDS["digits"], scale_seeds=2)
    monkeypatch.setitem(GRIDS, "digits", few)
    monkeypatch.setattr(runs, "TIMED_UPDATES", 1)
    options = ["--smoke", "--batch-sizes", "256", "16", "--seeds", "2"]
    record = recorded("batch_size_tradeoff", tmp_path, *options)
    results = record["results"]
    assert record["seeds"] == [0, 1]
    assert record["figures"] == ["batch_size_tradeoff.png"]
    assert results["grid"]["batch_sizes"] == [16, 256]
    assert results["noise"]["examples"] == 1280
    assert results["noise"]["drawn"]["without"]["sizes"] == [16, 256]
    assert len(results["runs"]["16"]["0.04"][1]["losses"]) == 2
    assert list(results["times"]) == list(results["outcomes"]) == ["16", "256"]
    assert len(record["claims"]) == 2
