"""How does backpropagation compute a gradient, link by link?

The graphs that lectures 000, 001 and 002 work by hand, drawn with the forward value at each node
and the derivative on each link back, their numbers beside those of the slides and of jax.grad.
Then one sample through the 5-7-4-3 network of lecture 002: what each layer computes on the way
forward and sends on the way back.
"""

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

import jaxnet
from experiments import _layerwise, _worked
from experiments._command import run_command
from experiments._graphs import draw_graph
from experiments._record import Claim, prepare_folder, write_atomically, write_record
from jaxnet.core.checks import check_range
from jaxnet.inspection import Graph, to_graphviz, to_mermaid, to_svg

WIDTHS = (5, 7, 4, 3)

RENDERERS = {".dot": to_graphviz, ".mmd": to_mermaid}


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    seed: int = 0
    """Seed of the network's weights and of its sample."""
    out: Path = Path("out/backprop_by_hand")
    """Folder for result.json, the figures (PNG, SVG) and the graphs' sources (.dot, .mmd)."""


SMOKE = Config()

GRADIENT_GAP = 1e-5
"""Relative distance of two correct gradients in float32; measured 1e-8 to 9e-8 (seeds 0 to 4)."""


def main(config: Config) -> list[Claim]:
    """Work the lectures' graphs and the network's sample, draw, compare, record."""
    check_range("command line", "--seed", config.seed, low=0, high=2**32 - 1)
    out = prepare_folder(config.out)
    claims, figures, results = [], [], {}
    for worked in _worked.WORKED:
        graph = _worked.graph_of(worked)
        expected = autodiff(worked)
        print(_worked.tabulate(worked, graph, expected))
        claims += _worked.check(worked, graph, expected)
        figures += draw(out, worked, graph)
        results[worked.name] = {
            "values": {node.identifier: node.value for node in graph.nodes},
            "gradients": {node.identifier: node.gradient for node in graph.nodes},
            "jax_grad": expected,
        }
    claim, results["network"] = one_sample(config.seed)
    claims.append(claim)
    path = write_record(
        out,
        experiment="backprop_by_hand",
        config=config,
        seeds=[config.seed],
        results=results,
        claims=claims,
        figures=figures,
    )
    held = sum(claim.holds for claim in claims)
    print(f"\n{held} of {len(claims)} numbers agree with the lectures and with jax.grad")
    print("wrote", *[path, *figures], sep="\n")
    return claims


def autodiff(worked: _worked.Worked) -> dict[str, float]:
    """Return input -> derivative of a worked example by `jax.grad`."""
    inputs = [name for name in worked.gradients if name.startswith("x")]
    found = jax.grad(worked.function, argnums=tuple(range(len(inputs))))(*worked.point)
    return {name: float(derivative) for name, derivative in zip(inputs, found, strict=True)}


def draw(out: Path, worked: _worked.Worked, graph: Graph) -> list[Path]:
    """Write a graph in all forms, and return the paths."""
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


def one_sample(seed: int) -> tuple[Claim, dict[str, object]]:
    """Take one sample through the network and back, beside `jax.grad`."""
    weights_key, sample_key = jax.random.split(jax.random.key(seed))
    network = jaxnet.mlp(WIDTHS, activation="sigmoid", initializer="xavier_normal")
    params, statistics = network.init(weights_key, WIDTHS[:1])
    batch = jax.random.normal(sample_key, (1, WIDTHS[0])), jnp.array([2])
    found = _layerwise.walk(network, params, statistics, *batch)
    print(_layerwise.tabulate(found))
    gap = _layerwise.gap(found.dparams, _layerwise.autodiff(network, params, statistics, *batch))
    statement = "5-7-4-3: the gradient by hand is jax.grad's, relative distance at most 1e-5"
    claim = Claim(statement, "lecture 002", gap, GRADIENT_GAP, gap <= GRADIENT_GAP)
    rows = [row._asdict() for row in found.rows]
    return claim, {"layers": rows, "loss": found.loss, "gradient_gap": gap}


if __name__ == "__main__":
    sys.exit(run_command("backprop_by_hand", main, Config(), smoke=SMOKE, description=__doc__))
