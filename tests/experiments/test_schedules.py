"""Schedules of the learning rate: records, exact expectations, and claims that can fail."""

from pathlib import Path

import jax
import numpy as np
import pytest

import jaxnet
from experiments import schedules
from experiments.schedules import digits, noisy, shapes
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_schedules(tmp_path: Path) -> None:
    record = recorded("schedules", tmp_path, "--smoke")
    assert record["claims"] == []  # too few runs
    assert np.shape(record["results"]["trained"][digits.SLIDE]["curves"]) == (4, 2, 7)


def test_all_schedules_are_drawn() -> None:
    drawn = [name for rates in shapes.curves().values() for name in rates]
    assert sorted(drawn) == sorted([*jaxnet.schedules.SCHEDULES, shapes.RULE])


def test_the_recursion_by_hand() -> None:
    assert noisy.expected(np.array([0.5, 0.25])).tolist() == [0.5, 0.5 * 0.5625 + 0.0625]
    assert noisy.expected(np.full(100, noisy.RATE))[-1] == pytest.approx(noisy.settled())


def found(*schedules: object) -> dict[str, noisy.Noisy]:
    run = {"runs": 2000, "steps": 1000}
    each = [noisy.descend_noisily(schedule, jax.random.key(0), **run) for schedule in schedules]
    return dict(zip(noisy.CASES, each, strict=True))


@pytest.mark.slow
def test_claims_about_the_quadratic_can_fail() -> None:
    constant, inverse, slide = noisy.CASES.values()
    good = found(constant, inverse, slide)
    claims = schedules.quadratic_claims(good)
    assert [claim.holds for claim in claims] == [True] * 4
    for each in good.values():
        assert abs(each.measured[-1] - each.exact[-1]) < 4 * each.error
    claims = schedules.quadratic_claims(found(inverse, slide, constant))
    assert [claim.holds for claim in claims] == [False] * 4


def test_the_plateau_rule_by_hand() -> None:
    falling, flat = np.arange(8.0, 0, -1), np.array([2.0, *[1.0] * 7])
    scales = digits.scales_of(np.stack([falling, flat]))
    assert scales[0].tolist() == [1] * 8
    assert scales[1] == pytest.approx([1] * 6 + [0.1] * 2)
    curves = np.array([[9.0, 8, 7, 6, 5, 4, 3, 1]])
    cut_before = np.array([[1.0] * 4 + [0.1] * 4])
    # epochs 6, 7 and 8 are after the cut: changes of 1 and 2
    assert digits.flutter(curves, cut_before) == pytest.approx([2.5**0.5])
    assert np.isnan(digits.flutter(curves, np.ones((1, 8)))).all()


def trained(epochs: int = 40) -> dict[str, digits.Trained]:
    """Return losses of 6 seeds as they were found: the constant rate wins, plateaus come late."""
    seeds = 1 + 0.01 * np.arange(6)
    rates = np.array([0.3, 0.1, 0.02, 0.005])[:, None] * seeds
    curves = 1 / np.arange(1, epochs + 1) * np.ones((4, 6, 1))
    wave = 0.1 + 0.02 * (-1) ** np.arange(epochs)
    curves[-1, :, 10:] = (wave * seeds[:, None])[:, 10:]
    calm = curves.copy()
    calm[-1, :, 20:] = 0.1 + 0.1 * (wave[20:] - 0.1) * seeds[::-1, None]
    plain = digits.Trained(rates, rates, rates, curves)
    slow = digits.Trained(3 * rates[:, ::-1], 3 * rates, 3 * rates, curves)
    late = digits.Trained(2 * rates, 2 * rates, 2 * rates, calm)
    special = {digits.CONSTANT: plain, digits.PLATEAU: late}
    return {name: special.get(name, slow) for name in digits.KINDS}


def test_claims_about_networks_can_fail() -> None:
    measured = trained()
    assert [claim.holds for claim in schedules.network_claims(measured)] == [True] * 5
    plain, late = measured[digits.CONSTANT], measured[digits.PLATEAU]
    slow = measured[digits.SLIDE]
    high = plain._replace(train=5 * plain.train, test=5 * plain.test, validation=5 * plain.test)
    better = measured | {digits.CONSTANT: high}
    claims = schedules.network_claims(better)
    # a schedule that wins, by .015 nats, and the slide's that goes far enough
    assert [claim.holds for claim in claims] == [False, True, False, True, True]
    wins = measured | {digits.CONSTANT: slow._replace(test=20 * slow.test)}
    assert not schedules.network_claims(wins)[1].holds
    early = late._replace(curves=late.curves[[3, 1, 2, 0]])  # the small rate is cut
    assert not schedules.network_claims(measured | {digits.PLATEAU: early})[3].holds
    swapped = {digits.CONSTANT: plain._replace(curves=late.curves), digits.PLATEAU: late}
    assert not schedules.network_claims(measured | swapped)[4].holds
