"""Overfitting: the record of a short run, exact risks and paths, and what would falsify claims."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments import overfitting
from experiments.overfitting import machine
from jaxnet.data import Examples
from jaxnet.training import fit
from tests.experiments.test_commands import recorded

POINTS = machine.draw_points(jax.random.key(0), 8)


@pytest.mark.slow
def test_the_record(tmp_path: Path) -> None:
    record = recorded("overfitting", tmp_path, "--smoke")
    assert record["claims"] == []  # too few sets
    results = record["results"]
    orders = np.median(results["orders"], axis=2)
    assert np.argmin(orders, axis=1).tolist() == [1, 1, 1]  # P = 2
    assert np.array(results["deep"]).shape == (3, 2, 2, 50)
    none, l2 = (results["cliff"][kind][0] for kind in ("none", "l2"))
    assert none["steepness"] > l2["steepness"] > 0


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_excess_risk_is_the_mean_over_inputs(order: int) -> None:
    w = machine.fit_order(*POINTS, order)
    x = np.linspace(-2, 2, 200_001)
    away = machine.powers(x, order) @ w - machine.powers(x, 2) @ machine.TRUE
    assert machine.excess_risk(w) == pytest.approx(np.mean(away**2), rel=1e-3)


def test_the_best_line_has_its_excess() -> None:
    best = np.array([3 + 4 / 3, 3.0])  # x^2 by its mean
    assert machine.excess_risk(best) == pytest.approx(machine.LINE_EXCESS)


@pytest.mark.parametrize("strength", [0.0, 0.1])
def test_the_steps_are_those_that_fit_takes(strength: float, float64: Any) -> None:
    del float64
    x, v = POINTS
    design = machine.powers(x, 5)
    rate = 1 / (np.linalg.eigvalsh(2 * design.T @ design / len(x))[-1] + 2 * strength)
    steps = int(machine.TIMES[30])
    result = fit(
        jaxnet.networks.polynomial(5),
        Examples(x[:, None], v[:, None]),
        key=jax.random.key(0),
        optimizer=jaxnet.optim.sgd(rate),
        loss="squared_error",
        penalty=lambda params: (
            strength * jnp.square(jnp.hstack([w.ravel() for w in jax.tree.leaves(params)])).sum()
        ),
        epochs=steps,
        batch_size=8,
    )
    w, b = result.params[-1]
    np.testing.assert_allclose(
        [b[0], *w[0]], machine.descend(x, v, strength=strength)[30], rtol=1e-8
    )


def invented() -> dict[str, Any]:
    """Return measurements of which all claims hold."""
    sets = 5
    orders = np.ones((3, 7, sets))
    orders[:, 0] = 1.5
    orders[:, 1] = 0.01
    orders[2, 4] = 0.04
    descent = np.ones((sets, len(machine.TIMES)))
    descent[:, 60], descent[:, -1] = 0.1, 1.0
    paths = np.ones((sets, len(machine.TIMES), 6))
    paths[:, 60] = [3, 3, 1, 0, 0, 0]
    seeds = 1 + 0.1 * np.arange(4)
    deep = np.ones((3, 2, 4, 3))
    deep[2] *= 2 * seeds[:, None]
    rows = {"none": (4.0, 1.0), "l2": (1.0, 0.3)}
    cliffs = {
        kind: [{"steepness": k, "test": loss * seed, "right": 1.0} for seed in seeds]
        for kind, (k, loss) in rows.items()
    }
    right = np.array([0.5, 0.9, 0.93, 0.94, 0.94])[:, None] * np.ones(3)
    widths = {
        "true": {"train_accuracy": np.ones((5, 3)), "validation_accuracy": right},
        "random": {
            "train_accuracy": np.ones((5, 3)),
            "validation_accuracy": np.full((5, 3), 0.11),
        },
    }
    held = {name: np.full_like(descent, 0.1 * s) for name, s in (("weak L2", 1), ("strong L2", 9))}
    return held | {
        "widths": widths,
        "orders": orders,
        "descent": descent,
        "paths": paths,
        "deep": deep,
        "cliff": cliffs,
    }


def entry(name: str, place: Any, value: float) -> Callable[[dict[str, Any]], None]:
    def apply(measured: dict[str, Any]) -> None:
        measured[name][place] = value

    return apply


def cliff(kind: str, **values: float) -> Callable[[dict[str, Any]], None]:
    def apply(measured: dict[str, Any]) -> None:
        measured["cliff"][kind] = [row | values for row in measured["cliff"][kind]]

    return apply


def width(kind: str, name: str, value: float) -> Callable[[dict[str, Any]], None]:
    def apply(measured: dict[str, Any]) -> None:
        measured["widths"][kind][name][-1] = value

    return apply


WRONG: dict[str, tuple[set[int], Callable[[dict[str, Any]], None]]] = {
    "a machine of order 3": ({0}, entry("orders", (1, 2), 0.001)),
    "a machine that is a line": ({0, 1}, entry("orders", (2, 0), 0.005)),
    "4 points without noise": ({2}, entry("orders", (0, 4), 0.05)),
    "20 points that do not suffice": ({3}, entry("orders", (2, 4), 0.5)),
    "a risk that only falls": ({4}, entry("descent", (slice(None), -1), 0.15)),
    "weights best where they are far off": ({5}, entry("paths", (slice(None), 60), 9.0)),
    "depth that helps": ({6}, entry("deep", 0, 4.0)),
    "a penalty that is left out": ({7, 9}, cliff("l2", steepness=4.0, test=1.5)),
    "training points that overlap": ({8}, cliff("none", right=0.9)),
    "a risk that rises with L2 too": ({10, 11}, entry("weak L2", (slice(None), -1), 2.0)),
    "a network that cannot learn any labels": ({12}, width("random", "train_accuracy", 0.99)),
    "random labels that tell": ({13}, width("random", "validation_accuracy", 0.2)),
    "width that overfits": ({14}, width("true", "validation_accuracy", 0.85)),
    "a penalty too strong": ({9}, cliff("l2", test=2.0)),
}


def test_the_claims_hold_of_what_they_say() -> None:
    assert [claim.holds for claim in overfitting.judge(invented())] == [True] * 15


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_fails(name: str) -> None:
    failing, spoil = WRONG[name]
    measured = invented()
    spoil(measured)
    claims = overfitting.judge(measured)
    assert {place for place, claim in enumerate(claims) if not claim.holds} == failing
