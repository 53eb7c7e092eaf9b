"""Records of experiments: claims in print, durations, and what an interrupt leaves."""

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import minimal
from experiments.__main__ import questions
from experiments.harness import duration, terminal
from experiments.harness.command import run_command
from experiments.harness.progress import announce_resumption
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    begin,
    clearly_positive,
    conclude,
    growing,
    plain,
    prepare_folder,
    write_partial,
)
from tests.test_structure import ROOT


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of no experiment."""

    out: Path = Path("out")
    seeds: int = 2


CLAIMS: dict[str, tuple[Claim, str]] = {
    "at least": (at_least("share read", "an issue", 44.6, 5), "✓ share read: 44.6 >= 5"),
    "not at least": (at_least("share read", "an issue", 4.6, 5), "✗ share read: 4.6 >= 5"),
    "at most": (
        at_most("seconds", "an issue", 0.25, 1, uncertainty=0.5),
        "✓ seconds: 0.25 ± 0.5 <= 1",
    ),
    "not at most": (at_most("seconds", "an issue", float("nan"), 1), "✗ seconds: nan <= 1"),
    "clear": (clearly_positive("gain", "x", [1.0, 3.0]), "✗ gain: 2 ± 1 >= 3"),
}


@pytest.mark.parametrize(("claim", "line"), CLAIMS.values(), ids=CLAIMS.keys())
def test_a_claim_is_printed_with_its_comparison(
    claim: Claim, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conclude(Config(tmp_path), seeds=[0], results={}, claims=[claim]) == [claim]
    assert capsys.readouterr().out == f"\n{line}\nwrote\n{tmp_path / 'result.json'}\n"
    (written,) = json.loads((tmp_path / "result.json").read_text())["claims"]
    assert written["comparison"] == claim.comparison
    assert written["holds"] is line.startswith("✓")
    assert written["verdict"] == ("holds" if written["holds"] else "not shown")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_that_cannot_encode_the_marks_has_words(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    claims = [CLAIMS[name][0] for name in ("at least", "clear")]
    conclude(Config(tmp_path), seeds=[0], results={}, claims=claims)
    sys.stdout.flush()
    assert b"\nok share read: 44.6 >= 5\nFAILS gain: 2 +- 1 >= 3\n" in written.getvalue()


def nothing(config: Config) -> Sequence[Claim]:
    """Conclude at once."""
    prepare_folder(config.out)
    return conclude(config, seeds=[0], results={"seeds": config.seeds})


NOTHING = types.SimpleNamespace(
    Config=Config,
    SMOKE=Config(seeds=1),
    main=nothing,
    __doc__="What?",
    __spec__=types.SimpleNamespace(name="experiments.nothing"),
)


def said(out: Path, *options: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run an experiment that does nothing by its command, and return its first line."""
    assert run_command(NOTHING, ["--no-cache", "--out", str(out), *options]) == 0
    return capsys.readouterr().out.partition("\n")[0]


KNOWN: dict[str, tuple[dict[str, float], tuple[str, ...], str]] = {
    "default": ({"default": 200.0}, (), "takes about 3.3 min, on two cores"),
    "smoke": ({"default": 200.0, "smoke": 7.4}, ("--smoke",), "takes about 7 s, on two cores"),
    "other settings": ({"default": 200.0, "smoke": 7.4}, ("--seeds", "3"), ""),
    "short": ({"default": 2.0}, (), ""),
    "not measured": ({}, (), ""),
}


@pytest.mark.parametrize(("seconds", "options", "line"), KNOWN.values(), ids=KNOWN.keys())
def test_the_duration_is_said_before(
    seconds: dict[str, float],
    options: tuple[str, ...],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(duration, "TABLE", tmp_path / "seconds.json")
    (tmp_path / "seconds.json").write_text(json.dumps({"test_record": seconds}))
    assert said(tmp_path / "out", *options, capsys=capsys) == line


def test_it_is_that_of_an_earlier_run_with_these_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(duration, "TABLE", tmp_path / "seconds.json")
    assert said(tmp_path, "--seeds", "3", capsys=capsys) == ""
    path = tmp_path / "result.json"
    record = json.loads(path.read_text())
    assert 0 <= record["seconds"] < 2
    path.write_text(json.dumps(record | {"seconds": 5000.0}))
    assert said(tmp_path, "--seeds", "4", capsys=capsys) == ""
    path.write_text(json.dumps(record | {"seconds": 5000.0}))
    assert said(tmp_path, "--seeds", "3", capsys=capsys) == "takes about 83 min, as before"
    path.write_text("{")
    assert said(tmp_path, "--seeds", "3", capsys=capsys) == ""


def test_the_table_is_filled_from_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "TABLE", tmp_path / "seconds.json")
    for name, config in {"a": minimal.Config(out=tmp_path), "b": minimal.SMOKE}.items():
        (tmp_path / name).mkdir()
        record = {"experiment": "minimal", "config": plain(config), "seconds": len(name) + 0.26}
        (tmp_path / name / "result.json").write_text(json.dumps(record))
    duration.main([str(tmp_path)])
    found = json.loads((tmp_path / "seconds.json").read_text())
    assert found == {"minimal": {"default": 1.3, "smoke": 1.3}}


def test_the_table_names_experiments() -> None:
    table = json.loads(duration.TABLE.read_text())
    assert table.keys() <= questions().keys()
    assert {kind for kinds in table.values() for kind in kinds} <= {"default", "smoke"}


def test_what_was_reached_is_written_beside_the_record(tmp_path: Path) -> None:
    config, partial = Config(tmp_path), tmp_path / "partial.json"
    begin(config)
    rows, curves = growing("rows", []), growing("curves", {})
    assert write_partial(config) == ""
    nothing(config)
    whole = (tmp_path / "result.json").read_text()
    begin(config)
    rows, curves = growing("rows", []), growing("curves", {})
    rows.append(np.float32(0.5))
    curves["a"] = np.arange(2)
    assert write_partial(config) == f"what was reached is in {partial}"
    record = json.loads(partial.read_text())
    assert record["interrupted"] is True
    assert record["results"] == {"rows": [0.5], "curves": {"a": [0, 1]}}
    assert (tmp_path / "result.json").read_text() == whole
    nothing(config)
    assert not partial.exists()
    assert write_partial(config) == ""  # what comes after the record is no part of it
    assert "interrupted" not in json.loads((tmp_path / "result.json").read_text())


@pytest.mark.slow
def test_an_interrupt_leaves_the_rows_reached(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which children inherit
    command = [sys.executable, "-m", "experiments.check_gradients", "--differences", "2"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command += ["--out", str(tmp_path), "--no-cache"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stdout is not None
        process.stdout.readline()  # the first case
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == f"interrupted; what was reached is in {tmp_path / 'partial.json'}\n"
    record = json.loads((tmp_path / "partial.json").read_text())
    assert record["experiment"] == "check_gradients"
    assert record["interrupted"] is True
    assert {"group", "case"} <= record["results"]["cases"][0].keys()
    assert not (tmp_path / "result.json").exists()


def test_what_resumes_is_said_of_an_interrupted_run(tmp_path: Path) -> None:
    begin(Config(out=tmp_path))
    announce_resumption(None)
    assert [action() for action in terminal.at_interrupt] == [""]
    announce_resumption(tmp_path / "kept")
    said = terminal.at_interrupt[-1]()
    assert said == f"the same command resumes from {tmp_path / 'kept'}"
    begin(Config(out=tmp_path))
    assert len(terminal.at_interrupt) == 1
