"""Records of experiments: claims in print."""

import dataclasses
import io
import json
import sys
from pathlib import Path

import pytest

from experiments.harness.record import Claim, at_least, at_most, clearly_positive, conclude


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of no experiment."""

    out: Path
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
