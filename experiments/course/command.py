"""Command ``python -m experiments all``: runs everything and writes the page."""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import tyro

from experiments.course.contents import PARTS, TIMED
from experiments.course.page import build_page
from experiments.course.running import Run, run_all
from experiments.harness.options import PATHS, Seed, check_options
from experiments.harness.record import prepare_folder, write_atomically
from experiments.harness.terminal import USER_ERROR, complain, prepare
from jaxnet.core.checks import check_choice
from jaxnet.core.errors import InputError

FAILED = 1


@dataclasses.dataclass(frozen=True)
class Config:
    """Run experiments and write index.html, one page with their claims and figures."""

    only: Annotated[tuple[str, ...], tyro.conf.arg(aliases=["-o"])] = ()
    """Names of experiments; by default all of the page."""
    quick: bool = False
    """Small settings that take seconds each, and make few claims; compiled with few optimizations,
    but for experiments that measure time."""
    seed: Seed = 0
    """Seed of the experiments that have one. To see which claims hold with another one:
    python -m experiments.compare_records out/all out/other"""
    out: Path = Path("out/all")
    """Folder for the page, and a folder for each experiment. Those that have finished there with
    the same settings are not run again."""


def run_course(questions: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Parse the options, run, write the page, and return the exit status.

    Args:
        questions: name of each experiment -> its question.
        arguments: of the command, after ``all``.

    Returns:
        0; 1 if an experiment has no result or a claim is not true; 2 for a user's mistake.
    """
    prepare()
    config = tyro.cli(Config, prog="python -m experiments all", args=arguments, registry=PATHS)
    every = [name for part in PARTS for name in part.experiments]
    try:
        check_options(config)
        for name in config.only:
            check_choice("--only", name, dict.fromkeys(every))
        out = prepare_folder(config.out)
    except InputError as error:
        complain(f"error: {error}")
        return USER_ERROR
    names, done = [name for name in every if not config.only or name in config.only], []

    def told(run: Run, before: bool) -> None:
        done.append(run.name)
        how = "had finished" if before else f"status {run.status} in {run.seconds:.0f} s"
        print(f"{len(done)} of {len(names)}: {run.name}, {how}", file=sys.stderr, flush=True)

    alone = () if config.quick else TIMED
    runs = run_all(names, out, alone=alone, quick=config.quick, seed=config.seed, told=told)
    page = build_page(runs, questions, out, quick=config.quick)
    path = write_atomically(out / "index.html", lambda path: path.write_text(page, "utf-8"))
    print("wrote", path)
    for run in runs:
        if run.status:
            complain(f"{run.name} ended with status {run.status}; see {out / run.name}/output.txt")
    return FAILED if any(run.status for run in runs) else 0
