"""How fast is the headline epoch beside PyTorch, Keras, flax, Equinox and scikit-learn?

One epoch of 784-100-100-10 on MNIST with mini-batches of 100 and Adam, reshuffling and test
evaluation included. Every contender trains as its users would, in its own process; the processes
take turns, epoch by epoch, on the same machine. Reports medians, ratios
(peer time over jaxnet time: above 1 means that jaxnet is faster), the first epochs, and
jaxnet's time over that of its matrix products alone. Peers that are not installed are left out.
"""

import dataclasses
import sys
from pathlib import Path

from experiments.contenders import CONTENDERS
from experiments.contenders.turns import (
    Timing,
    check_workload,
    lost,
    missing_packages,
    time_in_turns,
)
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, GREY, new_figure, save_figure
from experiments.harness.load import Load
from experiments.harness.options import Count, Natural
from experiments.harness.progress import show_status
from experiments.harness.record import Claim, at_least, at_most, conclude, prepare_folder
from jaxnet.core.checks import check_choice

WORKLOAD = "headline"
"""Name of the workload in result.json."""

COSTS = {"jaxnet_by_hand": 1.1, "jaxnet_dropout": 1.15}
"""Variants of jaxnet -> largest claimed ratio of their time to that of plain jaxnet."""

OWN = ("jaxnet", *COSTS)

PEERS = tuple(n for n in CONTENDERS if n not in (*OWN, "floor", "runs_by_fit", "runs_by_sweep"))

PYTORCH_BEST = ("pytorch_in_memory", "pytorch_compiled")
"""Contenders whose faster one is ``pytorch_best``."""

BARS = {"pytorch_dataloader": 3.0, "pytorch_best": 1.8}
"""Ratio -> smallest claimed value, on two CPU cores."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the benchmark."""

    rounds: Count = 7
    """Epochs per contender after its first; medians are over these."""
    peers: tuple[str, ...] = PEERS
    """Peers to compare with."""
    examples: Natural = 0
    """Number of training examples; 0 for all 60,000."""
    data_dir: Path | None = None
    """Folder that holds mnist/; by default $JAXNET_DATA, else random images of MNIST's shape."""
    out: Path = Path("out/benchmark")
    """Folder for result.json and the figure."""


SMOKE = Config(rounds=1, peers=("sklearn",), examples=2000)


def main(config: Config) -> list[Claim]:
    """Time all contenders, compare, and write the record."""
    for peer in config.peers:
        check_choice("--peers", peer, dict.fromkeys(PEERS))
    workload, load = check_workload(config.examples, config.data_dir), Load()
    out = prepare_folder(config.out)
    missing = {name: missing_packages(name) for name in config.peers}
    names = [*OWN, *(name for name in config.peers if not missing[name]), "floor"]
    timings, failures = time_in_turns(
        names,
        rounds=config.rounds,
        examples=config.examples,
        data_dir=config.data_dir,
        show=show_status,
    )
    failures |= {n: f"install it by: pip install {' '.join(p)}" for n, p in missing.items() if p}
    if {*OWN, "floor"} & set(failures):
        raise lost(failures)
    seconds = {timing.name: timing.median for timing in timings}
    ratios = compare(seconds)
    costs = {name: seconds[name] / seconds["jaxnet"] for name in COSTS}
    print(f"on {workload.data} images")
    print(table(timings, seconds["jaxnet"]))
    for name, reason in failures.items():
        print(f"not measured: {CONTENDERS[name].is_a}: {reason}")
    floor_ratio = seconds["jaxnet"] / seconds["floor"]
    print(f"jaxnet takes {floor_ratio:.2f} times as long as its matrix products at full speed")
    claims = load.unless_busy(check_claims(config, ratios, costs))
    return conclude(
        config,
        seeds=[],
        results={
            "ratios": {WORKLOAD: ratios},
            "costs": {WORKLOAD: costs},
            "floor_ratio": {WORKLOAD: floor_ratio},
            "timings": {WORKLOAD: timings},
            "not_measured": failures,
            "data": workload.data,
        },
        claims=claims,
        figures=[draw(out / "benchmark.png", timings, workload.data)],
    )


def compare(seconds: dict[str, float]) -> dict[str, float]:
    """Return peer -> time over jaxnet's, with the faster in-memory loop as pytorch_best."""
    ratios = {name: seconds[name] / seconds["jaxnet"] for name in PEERS if name in seconds}
    in_memory = [ratios[name] for name in PYTORCH_BEST if name in ratios]
    return ratios | ({"pytorch_best": min(in_memory)} if in_memory else {})


def check_claims(config: Config, ratios: dict[str, float], costs: dict[str, float]) -> list[Claim]:
    """Compare the ratios with the bars, if the whole workload was measured often enough."""
    if config.rounds < 5 or config.examples:
        return []
    source = "jaxnet's own bar"
    return [
        at_least(f"at least {bar} times {name}", source, ratios[name], bar)
        for name, bar in BARS.items()
        if name in ratios
    ] + [
        at_most(f"{name} costs at most {bar}", source, costs[name], bar)
        for name, bar in COSTS.items()
    ]


def table(timings: list[Timing], own: float) -> str:
    """Return a table of the times."""
    lines = [f"{'':48}  median s    range s        ratio  first epoch s"]
    for timing in sorted(timings, key=lambda timing: timing.median):
        low, high = min(timing.seconds), max(timing.seconds)
        lines.append(
            f"{CONTENDERS[timing.name].is_a:48}  {timing.median:8.3f}  {low:.3f}-{high:.3f}  "
            f"{timing.median / own:9.2f}  {timing.first_seconds:13.1f}"
        )
    return "\n".join(lines)


def draw(path: Path, timings: list[Timing], data: str) -> Path:
    """Draw a bar per contender with the range of the rounds, fastest first."""
    ordered = sorted(timings, key=lambda timing: timing.median, reverse=True)
    own = next(timing.median for timing in timings if timing.name == "jaxnet")
    rounds = len(ordered[0].seconds)
    size = (11.5, 1.8 + 0.5 * len(ordered))
    title = f"One epoch of 784-100-100-10 on {data} images, mini-batches of 100, Adam"
    figure, (axes,) = new_figure(1, 1, size=size, title=title)
    for place, timing in enumerate(ordered):
        low, middle, high = min(timing.seconds), timing.median, max(timing.seconds)
        color = BLUE if timing.name in OWN else GREY
        axes.barh(place, middle, color=color)
        bars = [[middle - low], [high - middle]]
        axes.errorbar(middle, place, xerr=bars, color="black", capsize=4, linewidth=1.5)
        label = f"{middle:.2f} s  ({middle / own:.2f})"
        axes.annotate(label, (high, place), (8, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(ordered)), [CONTENDERS[timing.name].is_a for timing in ordered])
    unit = f"seconds an epoch: median and range of {rounds} rounds (in brackets: over jaxnet's)"
    axes.set(xlabel=unit, xlim=(0, 1.3 * max(max(timing.seconds) for timing in timings)))
    axes.grid(axis="y", visible=False)
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
