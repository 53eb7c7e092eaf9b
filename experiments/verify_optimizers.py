"""Does every optimizer and schedule equal optax's, PyTorch's and Keras's, and if not, why not?

Compares every optimizer under every convention, over 100 steps of one stream of gradients in
float64, with the library and with the rule written in NumPy from the paper; each float32 step and
each bfloat16 update with float64; every schedule step by step. Reports how far and why libraries
differ at equal settings. Known bugs of libraries are pinned to their versions. The exit status is 1
if an unexplained difference remains.

With ``--mine FILE.py:NAME`` for an optimizer of your own: what it equals, where it differs and what
it costs.
"""

import dataclasses
import math
import sys
from pathlib import Path
from typing import Annotated

from experiments.harness.command import run_command
from experiments.harness.options import Count, Within
from experiments.harness.progress import progress
from experiments.harness.record import (
    Claim,
    at_most,
    conclude,
    environment,
    growing,
    package_versions,
    prepare_folder,
    write_atomically,
)
from experiments.peers.bfloat16 import BFLOAT16_ULPS, Bfloat16
from experiments.peers.bfloat16 import comparisons as compare_bfloat16
from experiments.peers.case import Case
from experiments.peers.cases import CASES
from experiments.peers.compare import ULPS
from experiments.peers.composition import comparisons as compare_compositions
from experiments.peers.mine import examine, load_optimizer, record
from experiments.peers.objectives import comparisons as compare_objectives
from experiments.peers.page import build_page
from experiments.peers.paths import LIBRARIES, has
from experiments.peers.rows import BAD, Pair, Row, compare_conventions, measure
from experiments.peers.schedules import comparisons as compare_schedules
from experiments.peers.second_order import comparisons as compare_second_order
from jaxnet.core.errors import invalid_value
from jaxnet.optim.verification import STEPS, conventions

ROUNDINGS = 4.0
"""Largest difference of an equal row: so many roundings in each of the 100 steps.

A tenth of the tolerance of the verdict, so that a slightly different rule is noticed.
"""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the verification."""

    only: str = ""
    """Check only optimizers whose name contains this, such as adam."""
    every: Count = 1
    """Check only every n-th case: 10 takes a tenth of the time."""
    mine: str = ""
    """Verify an optimizer of your own instead: FILE.py:NAME or MODULE:NAME, of a transformation or
    of a function of the learning rate that returns one."""
    learning_rate: Annotated[float, Within(0.0, math.inf)] = 0.01
    """Learning rate of --mine, if it takes one."""
    out: Path = Path("out/verify_optimizers")
    """Folder for result.json and the page."""


SMOKE = Config(every=12)


def main(config: Config) -> list[Claim]:
    """Measure all rows, and write the page and the record."""
    if config.mine:
        return _verify_mine(config)
    cases = _cases(config)
    out = prepare_folder(config.out)
    rows, pairs, bfloat16 = growing("rows", []), [], []
    for case in progress("optimizers", cases):
        for like in conventions(case.optimizer):
            rows.append(measure(case, like))
            print(_line(rows[-1]))
    if config.every == 1:
        for name in dict.fromkeys(case.optimizer for case in cases):
            pairs += compare_conventions(name, [c for c in cases if c.optimizer == name])
        bfloat16 = compare_bfloat16(cases)
    others = _others(config)
    for row in (row for found in others.values() for row in found):
        print(_line(row))
    for line in [*map(_bfloat16_line, bfloat16), *_pair_lines(pairs)]:
        print(line)
    claims = _claims(rows, pairs, bfloat16, others)
    text = build_page(rows, pairs, bfloat16, others, _environment())
    page = write_atomically(out / "optimizers.html", lambda path: path.write_bytes(text.encode()))
    results = {"rows": rows, "bfloat16": bfloat16, "pairs": pairs, "others": others}
    return conclude(config, seeds=[0, 1], results=results, claims=claims, figures=[page])


def _verify_mine(config: Config) -> list[Claim]:
    """Report what an own optimizer equals, where it differs and what it costs; claim nothing."""
    mine, _ = load_optimizer(config.mine), prepare_folder(config.out)
    report = examine(mine, config.learning_rate)
    print(*report.texts, sep="\n")
    return conclude(config, seeds=[], results=record(report))


def _cases(config: Config) -> list[Case]:
    cases = [case for case in CASES if config.only in case.optimizer][:: config.every]
    if not cases:
        known = ", ".join(dict.fromkeys(case.optimizer for case in CASES))
        raise invalid_value("--only", f"part of one of {known}", config.only, "Choose another.")
    return cases


def _others(config: Config) -> dict[str, list[Row]]:
    """Measure schedules, compositions and the like: heading -> rows; nothing with ``--only``."""
    if config.only:
        return {}
    schedules = compare_schedules(config.every)
    others = {"Schedules (differences of a rate, over the largest)": schedules}
    if config.every == 1:
        others["Composition"] = compare_compositions()
        others["Wrappers that need an objective"] = compare_objectives()
        others["Second order (differences of weights on their own problems)"] = (
            compare_second_order()
        )
    # of a row without a library to compare with nothing is known
    return {head: [row for row in rows if row.witnesses] for head, rows in others.items()}


def _environment() -> dict[str, object]:
    found = environment()
    return found | {"versions": found["versions"] | package_versions(list(filter(has, LIBRARIES)))}


def _line(row: Row) -> str:
    numbers = "  ".join(f"{name} {largest:.1e}" for name, largest in row.witnesses.items())
    ulps = "" if row.ulps is None else f"  float32 {row.ulps:.1f} ulp"
    verdict = row.verdict.upper() if row.verdict in BAD else row.verdict
    text = f"{row.case:<32} {row.like:<8} {verdict:<8} {numbers}{ulps}"
    return f"{text}  {row.note} {row.link}".rstrip()


def _bfloat16_line(row: Bfloat16) -> str:
    verdict = "equal" if row.exact else "DIFFERS"
    optax = "" if row.optax is None else f"  optax's own {row.optax:.1f} ulp"
    return f"{row.case:<32} {row.like:<8} {verdict:<8} bfloat16 {row.ulps:.2f} ulp{optax}"


def _pair_lines(pairs: list[Pair]) -> list[str]:
    """Return a line per pair that differs."""
    lines = []
    for pair in pairs:
        names = " and ".join(pair.conventions)
        why = f"{pair.reason} {pair.link}".strip() if pair.explained else "UNEXPLAINED"
        why += "" if pair.without is None else f" Without that {pair.without:.1e} apart."
        apart = f"{names} are {pair.difference:.1e} apart ({pair.case})"
        lines += [f"{pair.optimizer}: {apart}: {why}"] if pair.reason or not pair.explained else []
    return lines


def _claims(
    rows: list[Row], pairs: list[Pair], bfloat16: list[Bfloat16], others: dict[str, list[Row]]
) -> list[Claim]:
    source = "the libraries' own code; the papers"
    everything = [*rows, *(row for found in others.values() for row in found)]
    bad = sum(row.verdict in BAD for row in everything)
    unexplained = sum(not pair.explained for pair in pairs)
    worst = max((max(r.witnesses.values()) for r in everything if r.verdict == "equal"), default=0)
    worst /= STEPS * 2.0**-52
    ulps = max((row.ulps for row in everything if row.ulps is not None), default=0.0)
    statement = "pairs of conventions without their reason, or apart without it"
    pairs_claim = at_most(statement, source, unexplained, 0)
    own, worst_update = "jaxnet's own bar", max((row.ulps for row in bfloat16), default=0.0)
    bfloat16_claim = at_most("worst bfloat16 update, in ulp", own, worst_update, BFLOAT16_ULPS)
    return [
        at_most("rows that differ without a known reason", source, bad, 0),
        *([pairs_claim] if pairs else []),  # they are measured if all cases are, as bfloat16 is
        at_most(
            "largest difference of an equal row in float64, in roundings", source, worst, ROUNDINGS
        ),
        at_most("worst float32 step, in ulp", own, ulps, ULPS),
        *([bfloat16_claim] if bfloat16 else []),
    ]


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
