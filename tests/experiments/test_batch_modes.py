"""Modes of gradient descent: their order, records, and claims that can fail."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments import batch_modes
from experiments.batch_modes import modes
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_batch_modes(tmp_path: Path) -> None:
    record = recorded("batch_modes", tmp_path, "--smoke")
    assert len(record["claims"]) == 7
    assert all(claim["holds"] for claim in record["claims"])
    assert {np.shape(each) for each in record["results"]["test_errors"].values()} == {(2, 1)}


def test_the_rule_cycles_as_the_lecture_computes() -> None:
    # 1.1 + (10.1 - 11) 10 = -7.9;  -7.9 + (1.9 + 15.8) 2 = 27.5;
    # 27.5 + (3.4 - 96.25) 3.5 = -297.475;  -297.475 + (1.1 + 297.475) = 1.1
    path = modes.walk(1.0, False, jax.random.key(0), passes=2)
    expected = [1.1, *([-7.9, 27.5, -297.475, 1.1] * 2)]
    np.testing.assert_allclose(path, expected, rtol=2e-4)


def test_arrangements_keep_what_they_say() -> None:
    order, key = jnp.arange(10) + 5, jax.random.key(1)
    plain, mixed, blocks = (
        np.asarray(arrange(key, order, 3))
        for arrange in (modes.in_order, modes.reshuffled, modes.fixed)
    )
    assert plain.tolist() == [[5, 6, 7], [8, 9, 10], [11, 12, 13]]
    assert sorted(blocks.tolist()) == plain.tolist() != blocks.tolist()
    assert len(set(mixed.ravel().tolist())) == 9
    assert sorted(mixed.tolist()) != plain.tolist()


def test_claims_about_order_can_fail() -> None:
    noise = 0.001 * np.arange(6)
    levels = (0.2, 0.03, 0.03, 0.02, 0.02, 0.5)
    last = {
        n: each + noise * (1 + i)
        for i, (n, each) in enumerate(zip(modes.MODES, levels, strict=True))
    }
    assert [claim.holds for claim in batch_modes.order_claims(last)] == [True] * 4
    wrong = dict(zip(last, [last[name] for name in reversed(last)], strict=True))
    wrong = {n: each + 0.1 * (i % 2) for i, (n, each) in enumerate(wrong.items())}
    wrong["samples, sorted by class"] = wrong["samples, always in one random order"] - noise
    wrong["full batch"] = wrong["mini-batches, examples reshuffled"] - 0.1
    assert [claim.holds for claim in batch_modes.order_claims(wrong)] == [False] * 4


def test_claims_about_cycle_and_noise_can_fail() -> None:
    keys = jax.random.key(0)
    calm, wild = modes.walk(0.005, False, keys), modes.walk(1.0, True, keys)
    swapped = {"again": wild, "wild": calm, "calm": wild}
    assert [claim.holds for claim in batch_modes.cycle_claims(swapped)] == [False] * 3
    linear = 1 / np.array([modes.SIZES] * 2, float)
    assert not batch_modes.noise_claims(linear)[0].holds
    assert batch_modes.noise_claims(np.sqrt(linear))[0].holds


def test_claims_about_adjustments_can_fail() -> None:
    def held(**more: float) -> list[bool]:
        fair = modes.Adjustment(100.0, 99.0, 0.01, 100)._replace(**more)
        return [claim.holds for claim in batch_modes.adjustment_claims([fair] * 2)]

    assert held() == [True] * 3
    assert held(outputs=1.0, loss=1.0) == [False, False, True]  # no more than one step
    assert held(apart=0.1) == [True, True, False]


def test_a_large_rate_does_not_add_up() -> None:
    dataset = jaxnet.data.load_dataset("digits")
    large = modes.adjust(dataset, jax.random.key(0), rate=0.01)
    assert not any(claim.holds for claim in batch_modes.adjustment_claims([large] * 2))


@pytest.mark.parametrize(("seconds", "holds"), [((0.1, 0.2), True), ((0.1, 2.0), False)])
def test_the_claim_about_seconds_can_fail(seconds: tuple[float, float], holds: bool) -> None:
    names = list(modes.MODES)[:2]
    errors = dict(zip(names, (np.full((2, 8), 0.5), np.full((2, 8), 0.05)), strict=True))
    claim = batch_modes.time_claim(errors, dict(zip(names, seconds, strict=True)))
    assert claim.holds is holds
