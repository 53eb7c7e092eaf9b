"""The renderers: well-formed, complete, escaped; exact output of small graphs."""

from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import pytest

from jaxnet.inspection import computation_graph, to_graphviz, to_mermaid, to_svg
from jaxnet.inspection.graphs.notation import entries, number, summary

SVG = "{http://www.w3.org/2000/svg}"


def product(x, y):
    return jnp.exp(x) * y


GRAPHVIZ = """\
digraph computation {
  rankdir=LR;
  node [fontname="sans-serif"];
  n0 [shape=ellipse, label="input\\nx = 0\\n∂y1/∂x = 2"];
  n1 [shape=ellipse, label="input\\ny = 2\\n∂y1/∂y = 1"];
  n2 [shape=box, label="exp\\nz1 = 1\\n∂y1/∂z1 = 2"];
  n3 [shape=box, label="×\\ny1 = 2\\n∂y1/∂y1 = 1"];
  n0 -> n2;
  n2 -> n0 [label="1", color="#c2410c", fontcolor="#c2410c", style=dashed, constraint=false];
  n2 -> n3;
  n3 -> n2 [label="2", color="#c2410c", fontcolor="#c2410c", style=dashed, constraint=false];
  n1 -> n3;
  n3 -> n1 [label="1", color="#c2410c", fontcolor="#c2410c", style=dashed, constraint=false];
}
"""

MERMAID = """\
flowchart LR
  n0(["input<br/>x = 0<br/>∂y1/∂x = 2"])
  n1(["input<br/>y = 2<br/>∂y1/∂y = 1"])
  n2["exp<br/>z1 = 1<br/>∂y1/∂z1 = 2"]
  n3[["×<br/>y1 = 2<br/>∂y1/∂y1 = 1"]]
  n0 --> n2
  n2 -. "1" .-> n0
  n2 --> n3
  n3 -. "2" .-> n2
  n1 --> n3
  n3 -. "1" .-> n1
  linkStyle 1,3,5 stroke:#c2410c,color:#c2410c
"""


def test_graphviz_word_for_word() -> None:
    assert to_graphviz(computation_graph(product, 0.0, 2.0)) == GRAPHVIZ


def test_mermaid_word_for_word() -> None:
    assert to_mermaid(computation_graph(product, 0.0, 2.0)) == MERMAID


def test_svg_is_complete() -> None:
    root = ElementTree.fromstring(to_svg(computation_graph(product, 0.0, 2.0), title="e^x y"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"e^x y", "input", "x = 0", "exp", "z1 = 1", "∂y1/∂z1 = 2", "×", "∂y1/∂x = 2"} <= set(
        texts
    )
    assert sorted(t for t in texts if t in ("1", "2")) == ["1", "1", "2"]  # on the links
    ways = [element.get("class") for element in root.iter(f"{SVG}path")]
    assert ways == ["forward"] * 3 + ["back"] * 3
    description = root.findtext(f"{SVG}desc") or ""
    assert description.startswith("x = 0 (input), ∂y1/∂x = 2; y = 2 (input)")
    assert root.findtext(f"{SVG}title") == "e^x y"


def test_svg_contains_all_its_text() -> None:
    root = ElementTree.fromstring(to_svg(computation_graph(product, 0.0, 2.0)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        half = 0.62 * 14 * len(element.text or "") / 2
        assert half <= float(element.attrib["x"]) <= width
        assert 0 <= float(element.attrib["y"]) <= height


def test_names_are_escaped() -> None:
    name = 'w<"&\\>[0]'
    graph = computation_graph(lambda x: 2 * x, 1.0, names=[name])
    root = ElementTree.fromstring(to_svg(graph, title="a < b & c"))
    assert f"{name} = 1" in [element.text for element in root.iter(f"{SVG}text")]
    assert root.findtext(f"{SVG}title") == "a < b & c"
    assert 'input\\nw<\\"&\\\\>[0] = 1' in to_graphviz(graph)
    assert "input<br/>w#60;#34;#38;\\#62;#91;0#93; = 1" in to_mermaid(graph)


def test_links_without_gradient_have_no_backward_path() -> None:
    graph = computation_graph(lambda x, n: x * n.astype(x.dtype), 1.0, jnp.array(2))
    assert to_svg(graph).count('marker-end="url(#back)"') == 1
    assert to_graphviz(graph).count("constraint=false") == 1
    assert to_mermaid(graph).count("-.") == 1
    assert "∂y/∂n" not in to_svg(graph)
    alone = to_mermaid(computation_graph(lambda x: 3.0, 1.0))
    assert "linkStyle" not in alone


@pytest.mark.parametrize("render", [to_svg, to_graphviz, to_mermaid])
def test_arrays_are_summarized(render) -> None:
    logits = jnp.zeros((7, 10))
    labels = jnp.arange(7)
    graph = computation_graph(
        lambda z: -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], -1).mean(), logits
    )
    text = render(graph)
    assert "z: 7×10, norm 0" in text
    assert "∂y/∂z: 7×10, norm 0.3586" in text  # sqrt((.9^2 + 9 .1^2) / 7)
    assert "7×10×7×10" in text
    assert max(map(len, text.splitlines())) < 3000


def test_numbers() -> None:
    assert [number(x) for x in (1 / 3, -2.0, 1e-9, 12345.678, float("nan"), 7, True)] == [
        "0.3333",
        "−2",
        "1e−09",
        "1.235e+04",
        "nan",
        "7",
        "True",
    ]
    assert entries(jnp.array([1.0, -0.5])) == "(1, −0.5)"
    assert summary(jnp.zeros((2, 2), bool)) == "2×2"
    assert (entries(3 * jnp.ones((1, 1))), entries(jnp.ones(0))) == ("3", "")
    assert (summary(3 * jnp.ones(4)), summary(jnp.arange(9))) == ("4 entries, norm 6", "9 entries")
