"""How fast are the lectures' networks beside plain JAX, PyTorch, Keras, flax and others?

One epoch of each workload, reshuffling and test evaluation included: the headline run,
784-100-100-10 on MNIST with mini-batches of 100 and Adam, and others by --workload NAME or all.
Every contender trains as its users would, in its own process; the processes take turns, epoch by
epoch, on the same machine. Reports times, ratios of each round
(peer time over jaxnet time: above 1 means that jaxnet is faster), test accuracies, and
the time of the matrix products alone. Peers that are not installed are left out.
"""

import dataclasses
from pathlib import Path

from experiments.benchmark.compare import ENOUGH, FLOORS, Measured, Ratio, compare
from experiments.benchmark.report import draw, draw_workloads, table
from experiments.contenders import CONTENDERS
from experiments.contenders.turns import (
    check_workload,
    lost,
    missing_packages,
    time_in_turns,
)
from experiments.contenders.workload import WORKLOADS
from experiments.harness.load import Load
from experiments.harness.options import Count, Natural, check_some
from experiments.harness.progress import show_status
from experiments.harness.record import Claim, at_least, at_most, conclude, growing, prepare_folder
from jaxnet.core.checks import check_choice

VARIANTS = {"headline": ("jaxnet_by_hand", "jaxnet_dropout"), "wide": ("jaxnet_dropout",)}
"""Workload -> variants of jaxnet that are timed in it."""

COST = 1.1
"""Largest claimed ratio of a variant's time to that of plain jaxnet."""

PEERS = tuple(n for n in CONTENDERS if not n.startswith(("jaxnet", "runs_by", "floor")))

BARS = {"pytorch_dataloader": 3.0, "pytorch_best": 1.8}
"""Ratio in the headline run -> smallest claimed value, on two CPU cores."""

MEMORY = 1.2
"""Largest claimed peak memory in the workload wider, over that of plain JAX."""

DISTANCE = 0.02
"""Claimed largest distance between test accuracies in the headline run."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the benchmark."""

    workload: tuple[str, ...] = ("headline",)
    """Names in WORKLOADS of experiments/contenders/workload.py, or all."""
    rounds: Count = 7
    """Epochs per contender after its first; medians are over these."""
    peers: tuple[str, ...] = PEERS
    """Peers to compare with."""
    examples: Natural = 0
    """Number of training examples; 0 for all of the workload."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else random images of MNIST's shape."""
    out: Path = Path("out/benchmark")
    """Folder for result.json and the figures."""


SMOKE = Config(rounds=1, peers=("sklearn",), examples=2000)


def main(config: Config) -> list[Claim]:
    """Time all contenders in each workload, compare, and write the record."""
    check_some("--workload", config.workload)
    for peer in config.peers:
        check_choice("--peers", peer, dict.fromkeys(PEERS))
    for name in config.workload:
        check_choice("--workload", name, {**WORKLOADS, "all": None})
    names = tuple(WORKLOADS) if "all" in config.workload else tuple(dict.fromkeys(config.workload))
    data = {name: check_workload(name, config.examples, config.data_dir).data for name in names}
    load, out = Load(), prepare_folder(config.out)
    measured = growing("workloads", {})
    measured.update((name, measure(name, data[name], config)) for name in names)
    print(table(measured))
    for workload, found in measured.items():
        for name, reason in found.not_measured.items():
            print(f"not measured: {workload}: {CONTENDERS[name].is_a}: {reason}")
        share = 1 / found.ratios["floor"].median
        print(f"{workload}: {share:.2f} times the time of its matrix products at full speed")
    figures = []
    if "headline" in measured:
        figures.append(draw(out / "benchmark.png", measured["headline"].timings, data["headline"]))
    if len(measured) > 1:
        ratios = {name: found.ratios for name, found in measured.items()}
        figures.append(draw_workloads(out / "workloads.png", ratios))
    times = [claim for name in names for claim in check_claims(config, name, measured[name].ratios)]
    return conclude(
        config,
        seeds=[],
        results=measured,
        claims=[
            *check_accuracies(config, measured),
            *check_memory(config, measured),
            *load.unless_busy(times),
        ],
        figures=figures,
    )


def measure(workload: str, data: str, config: Config) -> Measured:
    """Time the contenders of one workload in turns."""
    own = ("jaxnet", *VARIANTS.get(workload, ()))
    missing = {name: missing_packages(name) for name in config.peers}
    timings, failures = time_in_turns(
        [*own, *(name for name in config.peers if not missing[name]), "floor"],
        workload=workload,
        rounds=config.rounds,
        examples=config.examples,
        data_dir=config.data_dir,
        show=lambda text: show_status(f"{workload}: {text}"),
    )
    failures |= {n: f"install it by: pip install {' '.join(p)}" for n, p in missing.items() if p}
    if {*own, "floor"} & set(failures):
        raise lost(failures)
    return Measured(data, timings, compare(timings), failures)


def check_claims(config: Config, workload: str, ratios: dict[str, Ratio]) -> list[Claim]:
    """Compare the ratios with the bars, if the whole workload was measured often enough."""
    if config.rounds < ENOUGH or config.examples:
        return []
    source, claims = "jaxnet's own bar", []
    if "plain_jax" in ratios:
        statement = f"{workload}: in its best round as fast as plain JAX"
        claims += [at_least(statement, source, ratios["plain_jax"].most, 1.0)]
    claims += [
        at_least(f"at least {bar} times {name}", source, ratios[name].median, bar)
        for name, bar in BARS.items()
        if name in ratios and workload == "headline"
    ]
    return claims + [
        at_most(f"{workload}: {name} costs at most {COST}", source, ratios[name].median, COST)
        for name in VARIANTS.get(workload, ())
    ]


def check_accuracies(config: Config, measured: dict[str, Measured]) -> list[Claim]:
    """Claim that all contenders learn the headline run equally well."""
    found = measured.get("headline")
    if config.rounds < ENOUGH or config.examples or found is None or found.data != "mnist":
        return []
    skipped = (*FLOORS, *VARIANTS["headline"])
    reached = [each.test_accuracy for each in found.timings if each.name not in skipped]
    statement = "largest distance between test accuracies"
    return [at_most(statement, "jaxnet's own bar", max(reached) - min(reached), DISTANCE)]


def check_memory(config: Config, measured: dict[str, Measured]) -> list[Claim]:
    """Claim that a wide network needs little more memory than in plain JAX."""
    timings = measured["wider"].timings if "wider" in measured and not config.examples else []
    peaks = {timing.name: timing.peak_bytes for timing in timings}
    if "plain_jax" not in peaks:
        return []
    statement = "wider: peak memory of the process over that of plain JAX"
    more = peaks["jaxnet"] / peaks["plain_jax"]
    return [at_most(statement, "jaxnet's own bar", more, MEMORY)]
