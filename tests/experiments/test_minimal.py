"""minimal: its loop reports, and ends with the parameters of the one program."""

import json
import re
from pathlib import Path
from typing import Any

import jax
import pytest

from experiments import minimal
from tests.experiments.test_commands import run


def test_both_ways_agree_and_a_report_is_printed_every_few_mini_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("minimal", "--smoke", "--report-every", "7", "--out", str(tmp_path)) == 0
    reported = re.findall(r"(\d+) mini-batches: loss (\d\.\d+)", capsys.readouterr().out)
    assert [int(done) for done, _ in reported] == [7, 14, 21, 28]
    losses = [float(loss) for _, loss in reported]
    assert losses[-1] < losses[0]
    (claim,) = json.loads((tmp_path / "result.json").read_text())["claims"]
    assert claim["measured"] < 1e-5


def test_another_run_is_another_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def other(*arguments: Any, key: Any, **options: Any) -> Any:
        return train(*arguments, key=jax.random.fold_in(key, 1), **options)

    train = minimal.fit
    monkeypatch.setattr(minimal, "fit", other)
    assert run("minimal", "--smoke", "--out", str(tmp_path)) == 1
    assert "claim does not hold: largest relative distance" in capsys.readouterr().err
