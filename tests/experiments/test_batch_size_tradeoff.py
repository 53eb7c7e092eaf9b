"""batch_size_tradeoff: its fits by hand, what it records, and that its claims can fail."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from experiments._batch_size import claims
from experiments._batch_size.noise import Drawn, Noise, fit_slope
from experiments._batch_size.report import answer
from experiments._batch_size.runs import Outcome, Run, Time, epochs_to_target, outcome
from experiments._batch_size.workload import GRIDS
from tests.experiments.test_commands import run

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


def test_the_weighted_fit_is_numpys() -> None:
    points = drawn(noise=0.1)._replace(errors=np.array([0.3, 0.1, 0.05, 0.02, 0.01]))
    weights = points.values / points.errors
    (slope, _), covariance = np.polyfit(
        np.log(SIZES), np.log(points.values), 1, w=weights, cov="unscaled"
    )
    fit = fit_slope(points, None)
    assert (fit.slope, fit.error) == pytest.approx((slope, covariance[0, 0] ** 0.5))


def noise(power: float) -> Noise:
    return Noise({0: 5.0}, 3.0, 1.0, 20, {"with": drawn(power), "without": drawn(examples=20)})


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


def outcomes(*epochs: float, accuracy: float = 0.9) -> dict[int, Outcome]:
    accuracies = np.array([0.9, accuracy])[: len(epochs)]
    return {
        size: Outcome(0.1, np.array([e]), 0.1, np.array([a]))
        for size, e, a in zip((1, 100), epochs, accuracies, strict=True)
    }


def test_the_claims_about_runs_can_fail() -> None:
    for made, expected in (
        (outcomes(2.0, 10.0), [True, True, True]),
        (outcomes(2.0, 50.0), [False, True, True]),
        (outcomes(2.0, 2.0), [True, False, True]),
        (outcomes(2.0, 10.0, accuracy=0.8), [True, True, False]),
    ):
        assert [claim.holds for claim in claims.run_claims(made, 100)] == expected


def test_epochs_to_the_target_are_interpolated() -> None:
    losses = np.array([1.0, 0.1, 0.2, 0.001])
    assert epochs_to_target(losses, 0.1) == 1.0
    assert epochs_to_target(losses, 10**-0.5) == pytest.approx(0.5)
    assert epochs_to_target(losses, 0.01) == pytest.approx(2 + np.log(20) / np.log(200))
    assert epochs_to_target(losses, 2.0) == 0.0
    assert epochs_to_target(np.array([1.0, np.inf]), 0.5) == np.inf


def test_rates_are_chosen_on_the_validation_loss() -> None:
    fast = [Run(np.array([1.0, 0.1, 0.3]), 0.7), Run(np.array([1.0, 0.1, 0.3]), 0.8)]
    good = [Run(np.array([1.0, 0.5, 0.1]), 0.6), Run(np.array([1.0, 0.5, 0.1]), 0.5)]
    ruined = [Run(np.array([1.0, 0.01, np.inf]), 0.0), Run(np.array([1.0, np.inf]), 0.0)]
    found = outcome({0.4: fast, 0.1: good, 2.0: ruined}, 0.1)
    assert (found.rate, found.final_rate) == (0.4, 0.1)
    assert found.epochs.tolist() == [1.0, 1.0]
    assert found.accuracies.tolist() == [0.6, 0.5]


def test_rates_grow_as_the_square_root_of_the_batch_size() -> None:
    grid = dataclasses.replace(GRIDS["digits"], rate=0.1)
    assert grid.rates(1) == pytest.approx([0.025, 0.05, 0.1, 0.2, 0.4])
    assert grid.rates(64) == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


def test_the_answer() -> None:
    times = {1: Time([1.0], 100), 100: Time([0.1], 1)}
    assert (
        answer(times, outcomes(2.0, 5.0)) == "batches of 100 learn soonest; 1 takes 4 times as long"
    )
    assert answer(times, outcomes(2.0, 16.0)) == "batches of 1 and 100 learn soonest"
    text = "batches of 1 learn soonest; 100 does not get there"
    assert answer(times, outcomes(2.0, np.inf)) == text
    assert answer(times, outcomes(np.inf, np.inf)) == "no batch size reaches the target"


def test_the_record_of_a_short_run(tmp_path: Path) -> None:
    options = ["--batch-sizes", "256", "16", "1024", "--seeds", "2", "--out", str(tmp_path)]
    assert run("batch_size_tradeoff", "--smoke", *options) == 0
    record = json.loads((tmp_path / "result.json").read_text())
    results = record["results"]
    assert record["seeds"] == [0, 1]
    assert record["figures"] == ["batch_size_tradeoff.png"]
    assert (tmp_path / "batch_size_tradeoff.png").read_bytes()[:4] == b"\x89PNG"
    assert results["grid"]["batch_sizes"] == [16, 256, 1024]
    assert results["noise"]["examples"] == 1024
    assert results["noise"]["drawn"]["without"]["sizes"] == [16, 256]
    assert len(results["runs"]["16"]["0.04"][1]["losses"]) == 2
    assert list(results["times"]) == list(results["outcomes"]) == ["16", "256", "1024"]
    assert len(record["claims"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "minst"], "--dataset to be one of digits, mnist, got 'minst'"),
        (["--draws", "1"], "--draws >= 2, got 1"),
        (["--seeds", "-1"], "--seeds >= 0, got -1"),
        (["--rounds", "0"], "--rounds >= 1, got 0"),
        (["--batch-sizes", "0"], "--batch-sizes >= 1, got 0"),
        (["--batch-sizes", "1400"], "--batch-sizes finite and in [1, 1294], got 1400"),
    ],
)
def test_mistakes(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("batch_size_tradeoff", "--smoke", "--out", str(tmp_path), *arguments) == 2
    assert message in capsys.readouterr().err
