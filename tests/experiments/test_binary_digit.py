"""Is it a 2: the record of a short run, and what would falsify each claim."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import binary_digit
from experiments.binary_digit.networks import (
    CROSS,
    SQUARED,
    STEP,
    at_edge,
    equal_label,
    first_equal,
    mistakes,
)
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record(tmp_path: Path) -> None:
    record = recorded("binary_digit", tmp_path, "--smoke")
    assert record["claims"] == []  # too few epochs
    results = record["results"]
    assert results["slopes"][STEP] == 0 < results["slopes"][SQUARED]
    curves = {name: np.array(each) for name, each in results["f1"].items()}
    assert all(each.shape == (3, 2, 2, 2) for each in curves.values())
    assert np.ptp(curves[STEP], axis=-1).max() == 0
    assert curves[SQUARED][:, 1].max() == 0  # from a bias of -8
    assert curves[CROSS][2, 1].min() > 0.5
    assert len(results["truth"]) == 359


def invented() -> dict[str, Any]:
    """Return measurements of which all claims hold: 2 of 100 images wrong, 3 seeds."""
    truth = np.arange(100) < 10
    sure = np.where(truth, 0.999, 0.001)
    sure[[5, 50]] = 1 - sure[[5, 50]]
    rows = np.ones((3, 2, 3, 1))
    curve = rows[..., None] * np.ones(4)
    seeds = np.array([0.0, 0.01, 0.02])[:, None]
    squared = curve[..., 0, :] * (0.8 + seeds)
    squared[:, 1] = 0.0
    return {
        "f1": {STEP: 0.1 * curve[..., 0, :], SQUARED: squared, CROSS: 0.95 * curve[..., 0, :]},
        "outputs": {
            STEP: rows * truth,
            SQUARED: 0.5 + 0.9 * (rows * sure - 0.5),
            CROSS: rows * sure,
        },
        "equal": 0.0,
        "first_equal": first_equal(),
        "slopes": {STEP: 0.0, SQUARED: 0.1, CROSS: 0.1},
        "truth": truth,
        "one_against_rest": np.array([0.96, 0.97, 0.97]),
        "softmax": np.array([0.97, 0.97, 0.96]),
    }


def exchanged(entry: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a change that calls cross-entropy squared error, and the other way round."""
    return lambda m: {entry: m[entry] | {SQUARED: m[entry][CROSS], CROSS: m[entry][SQUARED]}}


def shifted(m: dict[str, Any]) -> dict[str, Any]:
    """Return outputs pushed down, as by logits read as probabilities."""
    return {"outputs": m["outputs"] | {CROSS: m["outputs"][CROSS] * 0.49}}


WRONG: dict[str, tuple[set[int], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "a sigmoid called a step": ({0}, lambda m: {"slopes": m["slopes"] | {STEP: 0.01}}),
    "a step that moves": ({1}, lambda m: {"f1": m["f1"] | {STEP: m["f1"][STEP] + [0, 0, 0, 0.1]}}),
    "the losses exchanged": ({2, 3, 4}, exchanged("f1")),
    "the outputs exchanged": ({5}, exchanged("outputs")),
    "another threshold": ({6}, shifted),
    "sigmoids that reach 1": ({8}, lambda m: {"equal": 0.01}),
    "a sigmoid that never is 1": ({9}, lambda m: {"first_equal": np.inf}),
    "a softmax that is worse": ({7}, lambda m: {"softmax": m["softmax"] - 0.1}),
}


def test_the_claims_hold_of_what_they_say() -> None:
    assert all(claim.holds for claim in binary_digit.judge(invented()))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_fails(name: str) -> None:
    failing, change = WRONG[name]
    measured = invented()
    claims = binary_digit.judge(measured | change(measured))
    assert {place for place, claim in enumerate(claims) if not claim.holds} == failing


def test_which_sigmoids_equal_their_label() -> None:
    truth = np.array([True, True, False, False])
    assert equal_label(np.array([[20.0, 10.0, 20.0, -10.0]]), truth) == 0.25
    assert jax.nn.sigmoid(jnp.float32(16.6)) < 1 == jax.nn.sigmoid(jnp.float32(16.7))


def test_edges_and_mistakes() -> None:
    assert at_edge(np.array([0.005, 0.02, 0.5, 0.995])).tolist() == [True, False, False, True]
    found = mistakes(np.array([[0.4, 0.6, 0.9]]), np.array([True, False, True]), 0.5)
    assert found == pytest.approx([2 / 3])
