"""Convergence: the record, theory by hand, and claims that can fail."""

from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import convergence
from experiments.convergence import averages, race, rates, rprop_cycle
from jaxnet import optim
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_convergence(tmp_path: Path) -> None:
    record = recorded("convergence", tmp_path, "--smoke")
    assert len(record["claims"]) == 8
    assert all(claim["holds"] for claim in record["claims"])
    assert record["results"]["iterations"]["quadratic"] == 3


@pytest.mark.usefixtures("float64")
def test_claims_about_rates_can_fail() -> None:
    slow, ascent = rates.strongly_convex(4.0), rates.descend(lambda w: w**2 / 2, 1.0, 2.5, 10)
    flat = rates.descend(lambda w: w**4 / 4, 1.0, 1 / 3, 100)
    assert rates.iterations(slow) == 7  # the factor is .36: log 1000 / log (1 / .36) is 6.8
    claims = convergence.rate_claims({"quadratic": slow, "separable": slow}, {10: ascent})
    assert [claim.holds for claim in claims] == [False, False, False, True]
    claims = convergence.rate_claims({"quadratic": slow, "separable": slow}, {100: flat})
    assert [claim.holds for claim in claims] == [False, False, True, False]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_the_worst_gap_is_that_of_the_theorem(steps: int) -> None:
    gaps = rates.worst(steps)
    assert gaps.shape == (steps + 1,)
    assert gaps[-1] == pytest.approx(1 / (4 * steps + 2), rel=1e-12)


@pytest.mark.usefixtures("float64")
def test_a_step_that_is_not_newtons_leaves_a_gap() -> None:
    assert race.newton_step() < 1e-12
    assert race.newton_step(optim.newton(0.9)) == pytest.approx(0.01)
    assert race.newton_step(optim.sgd(1.0)) > 0.1


def test_the_trace_is_no_average() -> None:
    key = jax.random.key(0)
    good = averages.of_numbers(key, 2000)
    trace = averages.of_numbers(key, 2000, "optax")
    claims = convergence.average_claims({"numbers": good, "gradients": good * [1, 1, 2]})
    assert [claim.holds for claim in claims] == [True, False]
    assert not convergence.average_claims({"numbers": trace})[0].holds
    assert trace.mean(axis=0) == pytest.approx([1, 4 / 3, 1 / 0.19], rel=0.15)  # 1 / (1 - b^2)


@pytest.mark.usefixtures("float64")
def test_rprop_by_hand_and_with_other_factors() -> None:
    path = rprop_cycle.walk(1.5, 2.0, 0.5, steps=5)
    assert path.tolist() == [1.5, 0.5, -1.5, -0.5, 1.5, 0.5]
    # a flip makes no step: a period of 6
    assert rprop_cycle.repeats(2.0, 0.5, "improved_minus", 6) == 0
    typical, doubles = rprop_cycle.TYPICAL, rprop_cycle.DOUBLES
    swapped = dict.fromkeys(rprop_cycle.PAIRS, float(rprop_cycle.stuck(*typical)))
    swapped[typical] = float(rprop_cycle.stuck(*doubles))
    claims = convergence.rprop_claims(rprop_cycle.repeats(*typical), swapped)
    assert [claim.holds for claim in claims] == [False, False, False]


def test_claims_about_the_race_can_fail() -> None:
    spread = 1 + 0.1 * np.arange(4)
    order = (race.GRADIENT, race.ADAM, race.LBFGS, race.LEVENBERG)
    steps = {name: 1000 / 4**place * spread for place, name in enumerate(order)}
    steps[race.LBFGS] = steps[race.LBFGS][::-1]
    assert [claim.holds for claim in convergence.race_claims(steps)] == [True] * 4
    turned = dict(zip(steps, reversed(steps.values()), strict=True))
    assert [claim.holds for claim in convergence.race_claims(turned)] == [False] * 4


def test_a_run_that_does_not_arrive_counts_as_the_longest() -> None:
    risks = np.array([[[1.0, 0.5, 1e-4], [1.0, 0.5, 0.4]], [[1.0, 1e-4, 1e-5], [1.0, 1e-3, 1e-4]]])
    assert race.iterations_of(risks, 30).tolist() == [[2, 30], [1, 1]]
    assert race.reached(risks, 30).tolist() == [1, 1]
