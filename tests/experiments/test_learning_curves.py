"""learning_curves: the claim names the test images."""

import importlib
import json
from pathlib import Path

import pytest

from tests.experiments.test_commands import run


@pytest.mark.parametrize(
    ("dataset", "tested"),
    [
        ("digits", "test images by writers of the training images"),
        ("digits_by_writer", "test images"),
    ],
)
def test_a_claim_names_the_test_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, tested: str
) -> None:
    module = importlib.import_module("experiments.learning_curves")
    monkeypatch.setattr(module, "EXPECTED", {dataset: (3, 0.0)})
    assert run("learning_curves", "--smoke", "--dataset", dataset, "--out", str(tmp_path)) == 0
    record = json.loads((tmp_path / "result.json").read_text())
    (claim,) = record["claims"]
    assert claim["statement"] == f"3 epochs or more on {dataset} reach 0.0% on {tested}"
    assert record["results"]["tested_on"] == tested
