"""optimizer_race: problems by hand, record, and claims that can fail."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax
import pytest

from experiments.optimizer_race import claims, deepobs, noise, theory
from experiments.optimizer_race.contestants import contestants
from experiments.optimizer_race.landscapes import LANDSCAPES, Landscape
from experiments.optimizer_race.parts import describe_order
from experiments.optimizer_race.paths import STAY, descend
from jaxnet.core.types import Array
from jaxnet.optim import OPTIMIZERS
from tests.experiments.test_commands import recorded

NAMES = [landscape.name for landscape in LANDSCAPES]


@pytest.mark.parametrize("landscape", LANDSCAPES, ids=NAMES)
def test_a_minimum_is_one(landscape: Landscape, float64: np.dtype) -> None:
    for place in landscape.minima:
        w = jnp.asarray(place)
        assert float(landscape.gap(w)) == pytest.approx(0.0, abs=1e-14)
        np.testing.assert_allclose(jax.grad(landscape.function)(w), 0.0, atol=1e-12)
        assert np.linalg.eigvalsh(jax.hessian(landscape.function)(w)).min() > 0.3


@pytest.mark.parametrize(
    ("name", "w", "value"),
    [
        ("quadratic", (0.0, 2.0), 0.5 * (1.0 + 50 * 3.0)),  # 2 (sin 30, cos 30)
        ("Rosenbrock", (-0.5, 1.5), 1.5**2 + 100 * 1.25**2),
        ("Beale", (1.0, 1.0), 1.5**2 + 2.25**2 + 2.625**2),
        ("Branin", (0.0, 0.0), 36 + 10 * (1 - 1 / (8 * 3.141592653589793)) + 10),
        ("saddle", (2.0, 2.0), 2.0 - 2.0 + 4.0),
    ],
)
def test_values_by_hand(name: str, w: tuple[float, float], value: float, float64: np.dtype) -> None:
    landscape = LANDSCAPES[NAMES.index(name)]
    assert float(landscape.function(jnp.asarray(w))) == pytest.approx(value, rel=1e-14)


def _bowl(w: Array) -> Array:
    return 0.5 * jnp.sum(w * w)


def test_the_best_rate_needs_the_fewest_steps(float64: np.dtype) -> None:
    bowl = Landscape("bowl", "", _bowl, (3.0, 4.0), ((0.0, 0.0),), (-5.0, 5.0, -5.0, 5.0))
    rates = np.array([0.5, 1.0, 2.0])  # halves the distance; arrives at once; oscillates
    race = functools.partial(descend, OPTIMIZERS["sgd"], [bowl], steps=2 * STAY, tolerance=0.1)
    (best,) = race(rates)
    assert (best.rate, best.reached, best.stays) == (1.0, 1, True)
    assert best.working == pytest.approx(2 * np.log10(2))
    np.testing.assert_array_equal(best.path[:3], [[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    assert best.gaps[0] == 12.5
    (slow,) = race(rates[::2])
    assert slow.reached == 4  # 12.5 / 4^4 is the first gap below 0.1
    (lost,) = race(rates[2:] * np.array([1.0, 1.1]))
    assert (lost.rate, lost.reached, lost.stays) == (2.0, None, False)


def test_optimizers_that_need_more_than_gradients_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(OPTIMIZERS, "polyak", lambda rate: optax.polyak_sgd(rate))
    assert "polyak" not in contestants()
    assert list(contestants(["adam", "sgd"])) == ["adam", "sgd"]


def test_the_published_problem(float64: np.dtype) -> None:
    problem = deepobs.quadratic_deep()
    start = deepobs.mean_loss(problem, np.ones(100), problem.test)
    assert f"{start:.4f}" == "353.4468"
    curvatures = np.linalg.eigvalsh(problem.hessian)
    assert np.sum((curvatures > 0) & (curvatures < 1)) == 90
    assert np.sum((curvatures > 30) & (curvatures < 60)) == 10
    rotation = deepobs.random_rotation(np.random.RandomState(0), 5)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(5), atol=1e-14)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_training_depends_on_the_mean_of_a_batch(float64: np.dtype) -> None:
    problem = deepobs.quadratic_deep()
    batches = deepobs.batch_means(problem, seeds=2, epochs=2, reshuffle=False)
    assert batches.shape == (2, 14, 100)
    np.testing.assert_array_equal(batches[0, :7], batches[0, 7:])
    anew = deepobs.batch_means(problem, seeds=1, epochs=2, reshuffle=True)
    np.testing.assert_array_equal(anew[0, :7], batches[0, :7])
    second = deepobs.batch_means(problem, seed=1, seeds=1, epochs=1, reshuffle=False)
    np.testing.assert_array_equal(second[0], batches[1, :7])
    assert np.abs(anew[0, 7:] - batches[0, 7:]).max() > 0.01
    batch = problem.train[np.random.default_rng(0).permutation(1000)[:128]]
    slope = jax.grad(deepobs.mean_loss, argnums=1)(problem, jnp.ones(100), batch)
    one_step = deepobs.final_losses(
        problem, OPTIMIZERS["sgd"], np.array([0.0, 0.01]), batches[:1, :1]
    )
    assert one_step[0, 0] == pytest.approx(353.4467654661, rel=1e-12)
    expected = deepobs.mean_loss(problem, np.ones(100) - 0.01 * np.asarray(slope), problem.test)
    assert one_step[1, 0] == pytest.approx(expected, rel=1e-12)


def test_rprop_under_the_lectures_derivatives(float64: np.dtype) -> None:
    # steps 1, 1.2, 1.44 down, 0.72 up; then half of it down, and so on
    walk = noise.lecture_walk(OPTIMIZERS["rprop"](1.0, variant="minus"), 2)
    expected = [*noise.BY_HAND, -3.28, -3.712, -4.2304, -3.9712]
    np.testing.assert_allclose(walk, expected, rtol=1e-12)
    walk = noise.lecture_walk(OPTIMIZERS["sgd"](1.0), 1)
    np.testing.assert_allclose(walk, [0.0, -0.1, -0.2, -0.3, 0.2], atol=1e-15)


def published_losses(**off: float) -> dict[str, np.ndarray]:
    """Return losses with means at given standard errors above the published ones."""
    losses = {}
    for name, published in deepobs.PUBLISHED.items():
        pattern = np.tile([-1.0, 1.0], deepobs.PUBLISHED_RUNS // 2)
        deviation = published.deviation / pattern.std(ddof=1)
        error = published.deviation * (2 / deepobs.PUBLISHED_RUNS) ** 0.5
        mean = published.mean + off.get(name.split()[0], 0.0) * error
        losses[name] = np.full((36, 10), mean) + deviation * pattern
    losses["sgd"][18:] = np.nan
    return losses


RATES = np.logspace(-5, 2, 36)


def test_claims_about_published_results_can_fail() -> None:
    same, anew = published_losses(sgd=-2.9), published_losses(momentum=3.1, adam=3.1)
    settings = {"start": 353.4, "limit": 0.0376}
    held = claims.published_claims(RATES, same, anew, **settings)
    assert [claim.holds for claim in held] == [True, True, True, True, True, True]
    assert [claim.measured for claim in held[:3]] == pytest.approx([2.9, 0.0, 0.0], abs=1e-6)
    assert claims.needing_order(RATES, same, anew) == ["momentum 0.99", "adam"]
    same = published_losses(sgd=3.1, momentum=-3.1)
    same["sgd"][17] = 1e9  # diverges below the limit
    held = claims.published_claims(RATES, same, published_losses(momentum=2.9), **settings)
    assert [claim.holds for claim in held] == [False, False, True, False, False, False]


@pytest.mark.parametrize(
    ("off", "title"),
    [
        ({"momentum": 4.0, "adam": 4.0}, "quadratic_deep: momentum's and adam's published means"),
        ({"momentum": 4.0}, "quadratic_deep: momentum's published means need the same order"),
        ({}, "quadratic_deep: the published results do not depend on the order of the examples"),
    ],
)
def test_the_title_names_results_that_need_the_order(off: dict[str, float], title: str) -> None:
    names = claims.needing_order(RATES, published_losses(), published_losses(**off))
    assert describe_order(names).startswith(title)


def test_claims_about_theory_can_fail() -> None:
    linear = [theory.Linear("gradient descent", np.ones(1), 0.9803, 0.9802)]
    assert not claims.theory_claims(linear, (np.ones(1), np.ones(1)), [], [])[0].holds
    for last, holds in ((0.0203, False), (0.0201, True)):
        gaps = np.array([0.1, last])
        sublinear = [theory.Sublinear("w", gaps, 0.02, -1.0, -1.0)]
        held = claims.theory_claims([], (np.ones(1), np.ones(1)), sublinear, [])
        assert [claim.holds for claim in held] == [True, True, holds]


def test_descent_ends_where_the_gradient_flow_does(float64: np.dtype) -> None:
    for row in theory.sublinear_convergence(steps=20_000):
        assert row.gaps[-1] == pytest.approx(row.flow, rel=2e-3)


def test_claims_about_rprop_can_fail() -> None:
    def held(walk: float = -2.92, full: float = 1e-13, mini: float = 1e-3, sgd: float = 1e-6):
        at = [np.full((2, 3), gap) for gap in (mini, sgd)]
        at[1][0] = 1.0  # SGD at another rate
        last = noise.Last((0.1, 0.2), (0.1, 0.2), np.full(3, full), *at, *at)
        weights = np.array([*noise.BY_HAND[:-1], walk, 5.0])
        return [claim.holds for claim in claims.rprop_claims(weights, noise.BY_HAND, last)]

    assert held() == [True, True, True, True]
    assert held(walk=-2.91) == [False, True, True, True]
    assert held(full=1e-8) == [True, False, False, True]
    assert held(mini=1e-8) == [True, True, False, False]
    assert held(sgd=1e-4) == [True, True, True, False]


def test_claims_about_the_remedy_can_fail() -> None:
    def held(turn: int = 1, rms: float = 1e-4, descent: float = 1e-13) -> list[bool]:
        gaps = [np.full((2, 3), gap) for gap in (2e-3, 1e-6, rms, descent)]
        last = noise.Last((0.1, 0.2), (0.1, 0.2), gaps[0][0], *gaps)
        walk = turn * np.asarray(noise.lecture_walk(OPTIMIZERS["rmsprop"](1.0, like="lecture"), 3))
        return [claim.holds for claim in claims.remedy_claims(walk, last)]

    assert held() == [True, True, True]
    assert held(turn=-1) == [False, True, True]
    assert held(rms=3e-4) == [True, False, True]
    assert held(descent=1e-10) == [True, True, False]


def test_rmsprop_under_the_lectures_derivatives(float64: np.dtype) -> None:
    walk = noise.lecture_walk(OPTIMIZERS["rmsprop"](1.0, like="lecture"), 1)
    v = [0.001, 0.0019, 0.00271, 0.027439]  # .9 v + .1 g^2
    steps = np.array([-0.1, -0.1, -0.1, 0.5]) / np.sqrt(v)
    np.testing.assert_allclose(walk, [0.0, *np.cumsum(steps)], rtol=1e-5)


@pytest.mark.slow
def test_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(mpl.rcParams, "savefig.dpi", 40)
    record = recorded("optimizer_race", tmp_path, "--smoke")
    assert list(record["results"]) == ["race", "quadratic_deep", "convergence", "rprop"]
    assert list(record["results"]["race"]) == ["sgd", "adam"]
    assert list(record["results"]["race"]["adam"]) == NAMES
    assert f"{record['results']['quadratic_deep']['initial_loss']:.4f}" == "353.4468"
    assert len(record["claims"]) == 20
    assert all(claim["holds"] for claim in record["claims"])
    assert "initial test loss 353.4468" in capsys.readouterr().out
