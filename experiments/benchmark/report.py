"""Table and figures of the benchmark."""

from pathlib import Path

from experiments.benchmark.compare import FLOORS, Measured, Ratio
from experiments.contenders import CONTENDERS
from experiments.contenders.turns import Timing
from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    save_figure,
    share_legend,
)


def table(measured: dict[str, Measured]) -> str:
    """Return a table of all workloads and contenders, fastest first."""
    lines = [
        f"{'workload':13} {'contender':46} {'median s':>8} {'ratio':>7} {'its range':>15}  "
        f"{'jaxnet is':18} {'first epoch s':>13} {'peak MiB':>8} {'accuracy':>8}"
    ]
    for workload, found in measured.items():
        for timing in sorted(found.timings, key=lambda timing: timing.median):
            same = Ratio(1.0, 1.0, 1.0, "")
            median, least, most, verdict = found.ratios.get(timing.name, same)
            spread = f"{least:.2f}-{most:.2f}"
            verdict = "" if timing.name in FLOORS else verdict
            accuracy = "" if timing.name in FLOORS else f"{timing.test_accuracy:.4f}"
            lines.append(
                f"{workload:13} {CONTENDERS[timing.name].is_a:46} {timing.median:8.3f} "
                f"{median:7.2f} {spread:>15}  {verdict:18} {timing.first_seconds:13.1f} "
                f"{timing.peak_bytes / 2**20:8.0f} {accuracy:>8}"
            )
    images = sorted({found.data for found in measured.values()})
    return "\n".join([*lines, f"data: {', '.join(images)}"])


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
        color = BLUE if timing.name.startswith("jaxnet") else GREY
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


MARKS = {
    "products": ("|", GREY),
    "plain_jax": ("o", BLUE),
    "keras": ("s", BLUE),
    "flax_nnx": ("^", BLUE),
    "flax_linen": ("v", BLUE),
    "equinox": ("D", BLUE),
    "pytorch_in_memory": ("P", ORANGE),
    "pytorch_compiled": ("X", ORANGE),
    "pytorch_dataloader": (">", ORANGE),
    "sklearn": ("*", GREEN),
    "numpy_loop": ("h", GREEN),
}
"""Peer -> marker and colour: on JAX, on PyTorch, on NumPy."""


def draw_workloads(path: Path, ratios: dict[str, dict[str, Ratio]]) -> Path:
    """Draw the ratio of each peer, with its range, by workload."""
    verdicts = [
        ratio.verdict
        for found in ratios.values()
        for name, ratio in found.items()
        if name in MARKS and name not in FLOORS
    ]
    faster, slower = verdicts.count("faster"), verdicts.count("slower")
    title = f"jaxnet beats its peers in {faster} of {len(verdicts)} comparisons, loses in {slower}"
    figure, (axes,) = new_figure(1, 1, size=(12, 4.0 + 0.55 * len(ratios)), title=title)
    for index, (name, (marker, color)) in enumerate(MARKS.items()):
        places = [place for place, found in enumerate(ratios.values()) if name in found]
        rows = [found[name] for found in ratios.values() if name in found]
        if rows:
            shift = 0.06 * (index - len(MARKS) // 2)  # ranges beside each other
            axes.errorbar(
                [ratio.median for ratio in rows],
                [place + shift for place in places],
                xerr=[
                    [ratio.median - ratio.least for ratio in rows],
                    [ratio.most - ratio.median for ratio in rows],
                ],
                fmt=marker,
                color=color,
                markersize=8,
                elinewidth=1,
                label=CONTENDERS[name].is_a,
            )
    axes.axvline(1, color="black", linewidth=1.5)
    axes.set_xscale("log")
    label_logarithmic(axes.xaxis)
    axes.set_yticks(range(len(ratios)), list(ratios))
    axes.invert_yaxis()
    unit = "time of an epoch over jaxnet's: median and range of the rounds"
    axes.set(xlabel=f"{unit} (right of 1: jaxnet is faster)")
    share_legend(figure, axes, 2)
    return save_figure(figure, path)
