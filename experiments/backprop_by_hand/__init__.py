"""How does backpropagation compute a gradient, link by link?

Draws the graphs of lectures 000, 001 and 002 with the forward value at each node and the derivative
on each link, and compares their numbers with the slides and jax.grad. Then it passes the first
sample of lecture 002 through its 5-7-4-3 network, forward and backward, layer by layer.
"""

import dataclasses
import inspect
from pathlib import Path

import jax

from experiments.backprop_by_hand import worked as worked_graphs
from experiments.backprop_by_hand.graphs import draw_graph
from experiments.backprop_by_hand.layerwise import Walk, draw_walk, walk
from experiments.harness.options import Seed
from experiments.harness.record import Claim, at_most, conclude, prepare_folder, write_atomically
from jaxnet.inspection import TOLERANCES, Graph, to_graphviz, to_mermaid, to_svg

RENDERERS = {".dot": to_graphviz, ".mmd": to_mermaid}


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    seed: Seed = 0
    """Seed of the network's weights and of its sample."""
    out: Path = Path("out/backprop_by_hand")
    """Folder for result.json, the figures (PNG, SVG) and the graphs' sources (.dot, .mmd)."""


SMOKE = Config()


def main(config: Config) -> list[Claim]:
    """Work the lectures' graphs and the network's sample, compare, and write the record."""
    out = prepare_folder(config.out)
    claims, figures, results = [], [], {}
    for worked in worked_graphs.WORKED:
        graph = worked_graphs.graph_of(worked)
        expected = autodiff(worked)
        print(worked_graphs.tabulate(worked, graph, expected))
        claims += worked_graphs.check(worked, graph, expected)
        figures += draw(out, worked, graph)
        results[worked.name] = {
            "values": {node.identifier: node.value for node in graph.nodes},
            "gradients": {node.identifier: node.gradient for node in graph.nodes},
            "jax_grad": expected,
        }
    sample = walk(config.seed)
    print(f"\nlecture 002: one sample through 5-7-4-3 and back\n{sample.tape}\n\n{sample.check}")
    claims += check_sample(sample)
    figures.append(draw_walk(out / "network.png", sample))
    results["network"] = {"entries": sample.tape.entries, "check": sample.check.rows}
    held = sum(claim.holds for claim in claims)
    print(f"\n{held} of {len(claims)} numbers agree with the lectures and with jax.grad")
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=figures)


def check_sample(sample: Walk) -> list[Claim]:
    """Compare the sample's gradient by hand with autodiff, and that with differences."""
    worst = max(row.hand_error for row in sample.check.rows)
    slopes = max(row.difference_error or 0.0 for row in sample.check.rows)
    rtol = TOLERANCES["float32"].rtol
    bars = (("jax.grad's", worst, rtol), ("that of central differences", slopes, 2 * rtol))
    return [
        at_most(f"5-7-4-3: the gradient by hand is {whose}", "lecture 002", error, bar)
        for whose, error, bar in bars
    ]


def autodiff(worked: worked_graphs.Worked) -> dict[str, float]:
    """Return input -> derivative of a worked example by `jax.grad`."""
    inputs = inspect.signature(worked.function).parameters
    found = jax.grad(worked.function, argnums=tuple(range(len(inputs))))(*worked.point)
    return {name: float(derivative) for name, derivative in zip(inputs, found, strict=True)}


def draw(out: Path, worked: worked_graphs.Worked, graph: Graph) -> list[Path]:
    """Write a graph in all formats, and return the paths."""
    base = out / worked.name
    texts = {".svg": to_svg(graph, title=worked.formula)}
    texts |= {suffix: render(graph) for suffix, render in RENDERERS.items()}
    paths = [draw_graph(base.with_suffix(".png"), graph, title=worked.formula)]
    for suffix, text in texts.items():
        content = text.encode()
        paths.append(
            write_atomically(base.with_suffix(suffix), lambda path, c=content: path.write_bytes(c))
        )
    return paths
