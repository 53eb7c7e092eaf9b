"""Does backpropagation by hand equal automatic differentiation, in every layer, loss and head?

Compares the gradient by hand with `jax.grad` in bfloat16, float32 and float64, and `jax.grad` with
central differences in float64, leaf by leaf, by norm: for every layer, activation, loss and head of
jaxnet, and for networks of many kinds. Errors of a thousandth in one leaf must be noticed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.check_gradients.cases import CASES, Case, draw, sabotaged
from experiments.check_gradients.errors_figure import draw_errors
from experiments.harness.options import Count, Seed
from experiments.harness.progress import progress
from experiments.harness.record import Claim, at_least, at_most, conclude, growing, prepare_folder
from jaxnet.inspection import DIFFERENCE_TOLERANCE, TOLERANCES, GradientCheck, check_gradients

PRECISIONS = ("bfloat16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the check."""

    differences: Count = 16
    """Entries per leaf that are compared with central differences."""
    every: Count = 1
    """Check only every n-th case: 10 takes a tenth of the time."""
    seed: Seed = 0
    """Seed of parameters, inputs, targets and dropout."""
    leaves: bool = False
    """Print every leaf, not only the worst of each case."""
    out: Path = Path("out/check_gradients")
    """Folder for result.json and the figure."""


SMOKE = Config(differences=2, every=6)


def main(config: Config) -> list[Claim]:
    """Check all cases, and write the record."""
    cases = CASES[:: config.every]
    out = prepare_folder(config.out)
    rows = growing("cases", [])
    for case in progress("checking", cases):
        checks = {precision: _check(case, precision, config) for precision in PRECISIONS}
        rows.append({"group": case.group, "case": case.name} | _worst(checks))
        print(_line(rows[-1]), *(map(str, checks.values()) if config.leaves else ()), sep="\n")
    caught = [not _check(case, "float64", config).agrees for case in sabotaged()]
    return conclude(
        config,
        seeds=[config.seed],
        results={"cases": rows, "sabotaged_leaves_caught": caught},
        claims=_claims(rows, caught),
        figures=[draw_errors(out / "check_gradients.png", rows)],
    )


def _check(case: Case, precision: str, config: Config) -> GradientCheck:
    with jax.enable_x64(precision == "float64"):
        params, statistics, x, targets = draw(case, precision, seed=config.seed)
        return check_gradients(
            case.network,
            params,
            statistics,
            x,
            targets,
            loss=case.loss,
            key=jax.random.key(config.seed),
            differences=config.differences,
        )


def _worst(checks: dict[str, GradientCheck]) -> dict[str, Any]:
    """Return the worst error per precision: by hand, and against differences."""
    worst: dict[str, Any] = {"agrees": all(check.agrees for check in checks.values())}
    for precision, check in checks.items():  # NumPy's maximum propagates NaN, Python's may not
        worst[precision] = float(np.max([row.hand_error for row in check.rows]))
        slopes = [row.difference_error or 0.0 for row in check.rows]
        worst[f"{precision}_differences"] = float(np.max(slopes))
    return worst


def _line(row: dict[str, Any]) -> str:
    errors = "  ".join(f"{name} {row[name]:.1e}" for name in PRECISIONS)
    slopes = f"differences {row['float64_differences']:.1e}"
    verdict = "" if row["agrees"] else "  DIFFERS"
    return f"{row['group']:<11} {row['case']:<34} by hand {errors}  {slopes}{verdict}"


def _claims(rows: list[dict[str, Any]], caught: list[bool]) -> list[Claim]:
    bars = {name: (TOLERANCES[name].rtol, f"by hand = autodiff in {name}") for name in PRECISIONS}
    bars["float64_differences"] = (DIFFERENCE_TOLERANCE, "autodiff = central differences")
    source = "lecture 001, backpropagation; lecture 002, checked by autodiff"
    claims = []
    for name, (bar, statement) in bars.items():
        worst = float(np.max([row[name] for row in rows]))
        claims.append(at_most(f"{statement}, worst leaf's error", source, worst, bar))
    agreeing = sum(row["agrees"] for row in rows) / len(rows)
    claims.append(at_least("cases that agree", source, agreeing, 1.0))
    share = sum(caught) / len(caught)
    statement = "leaves made wrong by a thousandth that are caught"
    return [*claims, at_least(statement, "jaxnet's own bar", share, 1.0)]
