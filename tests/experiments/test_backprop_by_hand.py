"""backprop_by_hand: files, numbers, and claims that can fail."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jax
import pytest
from matplotlib.figure import Figure

import jaxnet
from experiments.backprop_by_hand import layerwise
from experiments.backprop_by_hand import worked as worked_graphs
from jaxnet.core.types import Layer
from jaxnet.inspection import WEIGHT_COLORS
from tests.experiments.test_commands import run


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    assert run("backprop_by_hand", "--smoke", "--out", str(folder)) == 0
    return folder


@pytest.mark.slow
def test_each_graph_has_four_formats(out: Path) -> None:
    record = json.loads((out / "result.json").read_text())
    expected = {
        f"{w.name}{s}" for w in worked_graphs.WORKED for s in (".png", ".svg", ".dot", ".mmd")
    }
    expected |= {"network.png"}
    assert set(record["figures"]) == expected
    assert {path.name for path in out.iterdir()} == expected | {"result.json"}
    for worked in worked_graphs.WORKED:
        assert (out / f"{worked.name}.png").read_bytes()[:4] == b"\x89PNG"
        ElementTree.fromstring((out / f"{worked.name}.svg").read_text())


def test_every_number_of_the_lectures_is_a_claim(out: Path) -> None:
    record = json.loads((out / "result.json").read_text())
    claims = {claim["statement"]: claim for claim in record["claims"]}
    assert all(claim["holds"] for claim in claims.values())
    assert len([claim for claim in claims.values() if claim["source"] == "JAX"]) == 10
    assert len(claims) == 22 + 4 + 10 + 2
    assert claims["square: dy/dx is 36"]["measured"] == pytest.approx(36, rel=1e-6)
    assert claims["chain: dy/dx is 4"]["measured"] == pytest.approx(4, rel=1e-6)
    assert claims["shared: dy/dx1 is 10"]["threshold"] == 10
    assert record["results"]["shared"]["gradients"] == {
        "x0": 17,
        "x1": 10,
        "x2": 0,
        "z1": 10,
        "z2": 1,
        "z3": 1,
        "z4": 1,
        "z5": 0,
        "z6": 1,
        "y": 1,
    }


def test_the_network_is_recorded_layer_by_layer(out: Path) -> None:
    network = json.loads((out / "result.json").read_text())["results"]["network"]
    entries = network["entries"]
    kinds = [entry["kind"] for entry in entries]
    symbols = [entry["symbols"][0] for entry in entries]
    assert kinds == ["dense", "sigmoid", "dense", "sigmoid", "dense"]
    assert symbols == ["z1", "y1", "z2", "y2", "z3"]
    messages = [entry["dy"][0] for entry in entries]
    assert [len(message) for message in messages] == [7, 7, 4, 4, 3]
    assert sum(messages[-1]) == pytest.approx(0, abs=1e-6)  # y - v
    assert all(row["agrees"] for row in network["check"])


def test_a_wrong_number_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = worked_graphs.WORKED[2]._replace(gradients={"x": 18.018})
    monkeypatch.setattr(worked_graphs, "WORKED", (wrong,))
    assert run("backprop_by_hand", "--out", str(tmp_path)) == 1
    assert "claim does not hold: two_ways: dy/dx is 18.018" in capsys.readouterr().err


def test_a_wrong_gradient_of_the_network_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: Any, **options: Any) -> Layer:
        network = jaxnet.mlp(*arguments, **options)

        def backward(params: Any, kept: Any, dy: jax.Array) -> Any:
            dparams, dx = network.backward(params, kept, dy)
            return dparams, 1.001 * dx

        return network._replace(backward=backward)

    monkeypatch.setattr(layerwise, "mlp", broken)
    monkeypatch.setattr(worked_graphs, "WORKED", ())
    assert run("backprop_by_hand", "--out", str(tmp_path)) == 1
    assert "5-7-4-3: the gradient by hand is jax.grad's" in capsys.readouterr().err


def test_weights_have_the_colours_of_other_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(layerwise, "save_figure", lambda made, path: figures.append(made) or path)
    found = layerwise.walk(0)
    layerwise.draw_walk(Path("network.png"), found)
    drawn = [line.get_color() for line in figures[0].axes[0].lines]
    signs = [weight > 0 for weights in found.weights for weight in weights.ravel()]
    assert drawn == [WEIGHT_COLORS["positive" if sign else "negative"] for sign in signs]


def test_the_formula_of_a_graph_names_its_output_and_nothing_else_y() -> None:
    for worked in worked_graphs.WORKED:
        outputs = [node.identifier for node in worked_graphs.graph_of(worked).nodes][-1:]
        assert outputs == ["y"]
        assert worked.formula.startswith("y = ")
        assert worked.formula.count("y") == 1


def test_the_table_has_the_lectures_numbers() -> None:
    worked = worked_graphs.WORKED[1]
    table = worked_graphs.tabulate(worked, worked_graphs.graph_of(worked), {"x": 4.0})
    assert "x: input              0.5                     4          4          4" in table
    assert "back from y: 0.3679 times 1 = 0.3679" in table
