"""hyperparameter_sweep and learning_rate_finder: records, figures and messages."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments import hyperparameter_sweep, learning_rate_finder
from jaxnet.data import load_dataset
from tests.experiments.test_commands import read_record, recorded, run


@pytest.mark.slow
def test_a_sweep_records_every_run_and_its_choice_and_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sweep"
    options = ("--smoke", "--checkpoint", str(folder), "--out", str(tmp_path))
    assert run("hyperparameter_sweep", *options) == 0
    record = read_record(tmp_path)
    results = record["results"]
    assert record["figures"] == ["hyperparameter_sweep.png"]
    assert len(results["runs"]) == 2 * 2 * 2
    means: dict[tuple[float, float], float] = {}
    for member in results["runs"]:
        setting = member["learning_rate"], member["drop_rate"]
        means[setting] = means.get(setting, 0.0) + member["validation_accuracy"] / 2
    errors = results["verdict"]["errors"]
    assert errors == pytest.approx([1 - mean for mean in means.values()])
    chosen = results["chosen"]["learning_rate"], results["chosen"]["drop_rate"]
    assert results["verdict"]["tied"][list(means).index(chosen)]
    assert len(results["test_accuracies"]) == 2  # one network per seed
    assert all(0.1 < accuracy <= 1.0 for accuracy in results["test_accuracies"])
    printed = capsys.readouterr().out
    assert "8 networks: compiled in" in printed
    assert "resumes" not in printed
    (folder / "part_1.safetensors").unlink()  # the first run, as after a kill
    assert run("hyperparameter_sweep", *options) == 0
    assert f"resumes from run 7 of 8, found in {folder}" in capsys.readouterr().out
    again = read_record(tmp_path)["results"]
    assert [again[name] for name in ("runs", "chosen")] == [results["runs"], results["chosen"]]
    assert run("hyperparameter_sweep", *options, "--seeds", "3") == 2
    assert "with runs 12, got 8" in capsys.readouterr().err


@pytest.mark.slow
def test_the_edge_of_the_finder_agrees_with_theory(tmp_path: Path) -> None:
    record = recorded("learning_rate_finder", tmp_path, "--smoke")
    assert [claim["holds"] for claim in record["claims"]] == [True]
    linear = record["results"]["linear regression"]
    assert linear["edge"] > linear["stable_at_start"] > linear["suggestion"] > 0
    assert linear["stable_at_end"] == pytest.approx(linear["stable_at_start"], rel=1e-3)
    assert record["figures"] == ["learning_rate_finder.png"]


def found(edge: float, stable_at_start: float, best: float, stable_at_end: float) -> Any:
    rates = np.array([0.1, best, 10.0])
    losses = np.array([1.0, 0.1, 1e9])
    return learning_rate_finder.Found(
        "network", rates, losses, 2.0, edge, 0.1, stable_at_start, best, stable_at_end
    )


@pytest.mark.parametrize(
    ("network", "holds", "says"),
    [
        ((2.5, 0.5, 1.4, 1.8), [True, True, True], "5 for a network:\nwhere it trains best"),
        ((2.5, 0.5, 1.4, 1.3), [True, True, False], "at 5 for a network"),  # not flatter
        ((0.6, 0.5, 0.4, 1.8), [True, False, True], "at 1.2 for a network"),
    ],
)
def test_the_claims_of_the_finder_can_fail(
    network: tuple[float, ...], holds: list[bool], says: str
) -> None:
    linear, config = found(0.95, 0.88, 0.8, 0.88), learning_rate_finder.Config()
    claims = learning_rate_finder.check_claims(config, linear, found(*network))
    assert [claim.holds for claim in claims] == holds
    title = learning_rate_finder.describe(linear, found(*network))
    assert says in title
    assert ("trains best" in title) is all(holds)
    late = found(1.5, 0.88, 0.8, 0.88)
    assert not learning_rate_finder.check_claims(config, late, found(*network))[0].holds


def test_the_finder_draws_no_line_to_diverged_rates() -> None:
    axes = Figure().subplots()
    learning_rate_finder._draw_one(axes, found(2.5, 0.5, 1.4, 1.8))
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in axes.lines}
    assert drawn["after training"].tolist() == [0.1, 1.4]
    assert drawn["diverged"].tolist() == [10.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_finder_without_divergence_reports_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = recorded("learning_rate_finder", tmp_path, "--smoke", "--epochs", "1")
    printed = capsys.readouterr().out
    assert "does not diverge up to rate 10;" in printed
    assert "inf" not in printed
    assert record["claims"] == []
    assert record["results"]["tanh network"]["edge"] is None


@pytest.mark.slow
def test_a_choice_that_diverges_on_all_examples_is_not_tested() -> None:
    dataset, config = load_dataset("digits"), hyperparameter_sweep.SMOKE
    chosen = {"learning_rate": 1e30, "drop_rate": 0.0}
    with pytest.raises(ValueError, match="to train on all examples, got one that diverges"):
        hyperparameter_sweep.test_once(config, dataset, 1, chosen)
