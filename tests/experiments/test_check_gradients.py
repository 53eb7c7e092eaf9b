"""check_gradients: cases, record, and wrong rules that fail."""

from pathlib import Path
from typing import get_args

import pytest

import jaxnet
from experiments import check_gradients
from experiments.check_gradients import cases as gradient_cases
from jaxnet.layers import activation, dense, serial
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.layers.dropout import DropoutForm
from jaxnet.networks import HEADS
from jaxnet.networks.mlp import Place
from tests.experiments.test_commands import recorded, run


def cases(*names: str) -> list[gradient_cases.Case]:
    return [case for case in gradient_cases.CASES if case.name in names]


def test_every_part_has_a_case() -> None:
    names = {(case.group, case.name) for case in gradient_cases.CASES}
    for group, table in {
        "activation": jaxnet.activations.ACTIVATIONS,
        "loss": jaxnet.losses.LOSSES,
        "head": HEADS,
    }.items():
        assert {(group, name) for name in table} <= names
    made = {case.network.description.kind for case in gradient_cases.CASES}
    others = {"activation", "layer", "layer_from_forward", "moments", "folded", "unfolded"}
    kinds = {name for name in jaxnet.layers.__all__ if name.islower()} - others
    assert kinds <= made


def test_every_convention_has_a_case() -> None:
    names = {case.name for case in gradient_cases.CASES}
    assert {f"batch-norm-{name}" for name in get_args(ConventionName)} <= names
    assert {f"dropout-{form}-0.5" for form in get_args(DropoutForm)} <= names
    assert {f"mlp-4-6-5-2-batch-norm-{place}" for place in get_args(Place)} <= names


@pytest.mark.slow
def test_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = cases("dense-5-3", "sign", "huber", "bounded_regression", "mlp-5-7-4-3-dropout")
    monkeypatch.setattr(check_gradients, "CASES", few)
    monkeypatch.setattr(check_gradients, "sabotaged", lambda: gradient_cases.sabotaged()[::3])
    record = recorded("check_gradients", tmp_path, "--differences", "2")
    assert [row["case"] for row in record["results"]["cases"]] == [case.name for case in few]
    assert record["results"]["sabotaged_leaves_caught"] == [True] * 3
    assert len(record["claims"]) == 6
    assert all(claim["holds"] for claim in record["claims"])
    assert "loss        huber" in capsys.readouterr().out


def test_a_wrong_rule_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    square = jaxnet.activations.Activation(lambda z: z * z, lambda z, _, dy: 2.002 * z * dy)
    wrong = gradient_cases.Case("layer", "square", serial(dense(3), activation(square)))
    monkeypatch.setattr(check_gradients, "CASES", [wrong])
    monkeypatch.setattr(check_gradients, "sabotaged", lambda: gradient_cases.sabotaged()[:1])
    options = ("--differences", "1", "--leaves", "--out", str(tmp_path))
    assert run("check_gradients", *options) == 1
    printed = capsys.readouterr()
    assert "layer       square" in printed.out
    assert "0.weights" in printed.out
    assert "DIFFERS" in printed.out
    assert "claim does not hold: by hand = autodiff in float32" in printed.err


def test_a_gradient_that_is_nan_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ruined = jaxnet.activations.Activation(lambda z: z * z, lambda z, _, dy: dy * float("nan"))
    wrong = gradient_cases.Case("layer", "nan", serial(dense(3), activation(ruined)))
    monkeypatch.setattr(check_gradients, "CASES", [wrong])
    monkeypatch.setattr(check_gradients, "sabotaged", lambda: gradient_cases.sabotaged()[:1])
    assert run("check_gradients", "--differences", "1", "--out", str(tmp_path)) == 1
    assert "cases that agree" in capsys.readouterr().err
