"""The notebook runs from its first cell to its last, shows what it says, and holds no outputs."""

import ast
import io
import json
import re
from typing import Any

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.test_structure import ROOT

TOUR = json.loads((ROOT / "guides" / "tour.ipynb").read_text())
CELLS = ["".join(cell["source"]) for cell in TOUR["cells"] if cell["cell_type"] == "code"]


def shown_by(number: int, source: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does, and return the value of its last line if it has one."""
    module = ast.parse(source)
    last = module.body[-1]
    if not isinstance(last, ast.Expr):
        return exec(compile(module, f"cell {number}", "exec"), names)
    exec(compile(ast.Module(module.body[:-1], []), f"cell {number}", "exec"), names)
    return eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)


@pytest.mark.slow
def test_the_tour_runs_and_its_numbers_agree() -> None:
    names: dict[str, Any] = {"__name__": "tour"}
    kinds = []
    for number, source in enumerate(CELLS, 1):
        value = shown_by(number, source, names)
        kinds.append(type(value).__name__)
        if isinstance(value, Figure):
            value.savefig(io.BytesIO(), dpi=20)
        for look in ("_repr_html_", "_repr_svg_"):
            getattr(value, look, lambda: None)()
    assert kinds.count("Figure") == 7
    assert {"Layer", "FitResult", "GradientCheck", "Graph", "SweepResult"} <= set(kinds)
    assert names["test"]["accuracy"] > 0.93
    assert names["check"].agrees
    np.testing.assert_allclose(names["by_hand"], names["by_jax"], rtol=1e-5, atol=1e-7)
    assert max(jax.tree.leaves(names["distances"])) < 1e-4
    right = [names["names"][label] for label in names["digits"].test.targets[:10]]
    assert sum(a == b for a, b in zip(names["predicted"], right, strict=True)) >= 8


def test_links_of_the_tour_lead_somewhere() -> None:
    text = "".join(line for cell in TOUR["cells"] for line in cell["source"])
    links = re.findall(r"\]\(([\w./]+)\)", text)
    assert len(links) == 4
    assert all((ROOT / "guides" / link).exists() for link in links)


def test_the_notebook_is_of_format_4_and_without_outputs() -> None:
    assert (TOUR["nbformat"], TOUR["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in TOUR["cells"]}) == len(TOUR["cells"])
    for cell in TOUR["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert not any(line[:1] in "%!" for source in CELLS for line in source.splitlines() if line)
