"""Figures of learning curves: an error of 0 on a logarithmic axis; sheets of misread images."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxnet
from experiments.learning_curves import curves
from jaxnet.data import Dataset, Examples

WRONG_AND_PANELS = [(0, 1), (1, 1), (5, 5), (6, 6), (7, 8), (13, 15), (30, 24)]


@pytest.mark.parametrize(("wrong", "panels"), WRONG_AND_PANELS)
def test_a_sheet_of_misread_images_has_no_panels_to_spare(
    wrong: int, panels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one row is shorter than the others, by less than the number of rows."""
    figures: list[Figure] = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: figures.append(figure) or path)
    labels = np.arange(40) % 2
    logits = 3 * np.eye(2, dtype=np.float32)[np.where(np.arange(40) < wrong, 1 - labels, labels)]
    monkeypatch.setattr(curves.jaxnet.training, "predict", lambda *_: jnp.asarray(logits))
    images = Examples(np.zeros((40, 4), np.float32), labels)
    dataset = Dataset("toy", images, images, ("a", "b"), (2, 2), 1)
    result: Any = SimpleNamespace(params=(), statistics=())
    curves.draw_misread(Path("misread.png"), dataset, jaxnet.mlp((4, 2)), result)
    assert len(figures[0].axes) == panels
    assert sum(bool(axes.images) for axes in figures[0].axes) == min(wrong, 24)


FOOT = 0.5 * 100 * 0.125


@pytest.mark.parametrize(
    ("accuracies", "triangles"), [([0.5, 0.875, 1.0, 1.0], [3, 4]), ([0.5, 0.875, 0.75, 0.875], [])]
)
def test_an_error_of_0_is_at_the_foot_and_the_axis_ends_at_the_last_epoch(
    accuracies: list[float], triangles: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: figures.append(figure) or path)
    train = {"loss": np.array([1.0, 0.5, 0.1, 0.1]), "accuracy": np.array(accuracies)}
    held_out = {"loss": np.ones(4), "accuracy": np.full(4, 0.5)}
    history: Any = SimpleNamespace(train=train, validation=held_out)
    curves.draw_curves(Path("curves.png"), history, title="Title", held_out="test")
    left, right = figures[0].axes
    assert 4.0 <= left.get_xlim()[1] == right.get_xlim()[1] < 4.1
    at_the_foot = [line for line in right.lines if line.get_marker() == "v"]
    drawn = [x for line in at_the_foot for x in np.asarray(line.get_xdata()).tolist()]
    assert drawn == triangles
    assert all(np.allclose(np.asarray(line.get_ydata()), FOOT) for line in at_the_foot)
    assert [text.get_text() for text in right.texts] == ["triangles: none misread"] * bool(
        triangles
    )
    figures[0].draw_without_rendering()
    assert right.get_position().width > 0.3  # the layout holds
