"""benchmark: our contenders train, bars have the range of the rounds, busy machines no verdict."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from experiments import benchmark, optimizer_cost
from experiments.contenders import CONTENDERS
from experiments.contenders.process import timed
from experiments.contenders.turns import Timing
from experiments.contenders.workload import Workload
from experiments.harness.load import Load
from jaxnet.data import load_dataset


def test_bars_have_the_range_of_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(
        benchmark, "save_figure", lambda figure, path: figures.append(figure) or path
    )
    timings = [
        Timing("jaxnet", 1.0, {}, "mnist", seconds=[0.3, 0.5, 0.4]),
        Timing("sklearn", 1.0, {}, "mnist", seconds=[1.0, 1.0, 3.0]),
    ]
    benchmark.draw(Path("benchmark.png"), timings, "mnist")
    (axes,) = figures[0].axes
    errors = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    ends = [np.asarray(each.lines[2][0].get_segments()[0])[:, 0].tolist() for each in errors]
    assert ends == [pytest.approx([1.0, 3.0]), pytest.approx([0.3, 0.5])]
    assert "median and range of 3 rounds" in axes.get_xlabel()


@pytest.mark.parametrize("name", [name for name in CONTENDERS if name.startswith(("jax", "runs"))])
@pytest.mark.filterwarnings("ignore:expected JAX not to have started")
def test_our_contenders_train(name: str) -> None:
    digits = load_dataset("digits")
    train, test = digits.train.take(slice(1000)), digits.test
    workload = Workload(train, test, 16, (64, 30, 10), 50, 3e-3, "digits")
    epoch = CONTENDERS[name].load()(workload)
    first, second = timed(epoch), timed(epoch)
    assert 0.2 < first["test_accuracy"] <= 1.0
    anew = name.startswith("runs")  # all runs once more, instead of the next epoch
    assert second["test_accuracy"] >= (first["test_accuracy"] if anew else 0.4)
    assert second["seconds"] > 0


def test_a_busy_machine_leads_to_no_verdict_on_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = [optimizer_cost.Cost("adam", 2.0, 1.0, 2.0, 10, 10)]
    claims = optimizer_cost.time_claims(optimizer_cost.Config(), costs)
    assert [claim.holds for claim in claims] == [False]
    assert optimizer_cost.memory_claim(costs).holds
    load = Load()
    monkeypatch.setattr(Load, "others", lambda self: 0.5)
    assert load.unless_busy(claims) == claims
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(Load, "others", lambda self: 1e4)
    assert load.unless_busy(claims) == []
    assert "no verdict on times: a load of 10000.0" in capsys.readouterr().out
