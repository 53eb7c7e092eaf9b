"""learning_curves: the claim names the test images."""

import importlib
from pathlib import Path

import pytest

from tests.experiments.test_commands import recorded


@pytest.mark.slow
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
    record = recorded("learning_curves", tmp_path, "--smoke", "--dataset", dataset)
    (claim,) = record["claims"]
    assert claim["statement"] == f"3 epochs or more on {dataset} reach 0.0% on {tested}"
    assert record["results"]["tested_on"] == tested
