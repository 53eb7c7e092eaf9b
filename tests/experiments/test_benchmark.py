"""benchmark: contenders train, ratios have the range of the rounds, busy machines no verdict."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from experiments import benchmark, optimizer_cost
from experiments.benchmark import report
from experiments.benchmark.compare import FLOORS, Measured, Ratio, ratio_of
from experiments.contenders import CONTENDERS, workload
from experiments.contenders.floor import products
from experiments.contenders.process import peak_bytes, timed
from experiments.contenders.turns import Timing
from experiments.contenders.workload import WORKLOADS, Workload, make_workload
from experiments.harness.load import Load
from jaxnet.data import Examples, load_dataset
from tests.peers import marks, need
from tests.test_structure import ROOT


def test_the_peak_of_a_process_is_not_that_of_its_parent() -> None:
    ballast = np.ones(30_000_000)
    command = "from experiments.contenders.process import peak_bytes; print(peak_bytes())"
    run = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, check=True)
    assert 0 < int(run.stdout) < ballast.nbytes < peak_bytes()


def test_bars_have_the_range_of_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(report, "save_figure", lambda figure, path: figures.append(figure) or path)
    timings = [
        Timing("jaxnet", 1.0, {}, "mnist", seconds=[0.3, 0.5, 0.4]),
        Timing("sklearn", 1.0, {}, "mnist", seconds=[1.0, 1.0, 3.0]),
    ]
    report.draw(Path("benchmark.png"), timings, "mnist")
    (axes,) = figures[0].axes
    errors = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    ends = [np.asarray(each.lines[2][0].get_segments()[0])[:, 0].tolist() for each in errors]
    assert ends == [pytest.approx([1.0, 3.0]), pytest.approx([0.3, 0.5])]
    assert "median and range of 3 rounds" in axes.get_xlabel()


KINDS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sample": {"optimizer": "sgd", "batch_size": 1, "learning_rate": 0.02, "widths": (64, 10)},
    "dropout": {"drop_rate": 0.5, "widths": (64, 60, 60, 10), "learning_rate": 0.01}
    | {"in_bytes": True},
}
"""Kinds of workloads, by what differs from one of 64-30-10."""

NEEDS = {"scikit-learn": "sklearn"}


def train(name: str, **kind: Any) -> list[dict[str, Any]]:
    """Return the answers of a contender's first two epochs on digits."""
    for package in CONTENDERS[name].requires:
        need(NEEDS.get(package, package))
    digits = load_dataset("digits")
    part = digits.train.take(slice(1000))
    workload = Workload(part, digits.test, 16, (64, 30, 10), 50, 3e-3, "digits")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        epoch = CONTENDERS[name].load()(workload._replace(**kind))
        return [timed(epoch), timed(epoch)]


def rows() -> list[Any]:
    """Return contenders and kinds; variants of jaxnet and torch once."""
    once = ("jaxnet_", "runs", "pytorch_compiled")
    return [
        pytest.param(name, kind, marks=marks(*contender.requires))
        for name, contender in CONTENDERS.items()
        for kind in (("adam",) if name.startswith(once) else KINDS)
        if name not in FLOORS and (name, kind) != ("sklearn", "dropout")
    ]


@pytest.mark.parametrize(("name", "kind"), rows())
@pytest.mark.filterwarnings("ignore:expected JAX not to have started", "ignore::DeprecationWarning")
def test_contenders_train(name: str, kind: str) -> None:
    first, second = train(name, **KINDS[kind])
    assert 0.2 < first["test_accuracy"] <= 1.0
    anew = name.startswith("runs")  # all runs once more, instead of the next epoch
    assert second["test_accuracy"] >= (first["test_accuracy"] if anew else 0.4)
    assert second["seconds"] > 0


@pytest.mark.parametrize("kind", ["adam", "sample"])
def test_numpy_by_hand_learns_what_plain_jax_learns(kind: str) -> None:
    accuracies = [
        [answer["test_accuracy"] for answer in train(name, **KINDS[kind])]
        for name in ("numpy_loop", "plain_jax")  # same parameters, same order
    ]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.01)


@pytest.mark.parametrize(("kind", "reason"), [("drop_rate", "dropout"), ("in_bytes", "float64")])
def test_what_sklearn_does_not_have(kind: str, reason: str) -> None:
    with pytest.raises(NotImplementedError, match=reason):
        train("sklearn", **{kind: 1})


def test_products_of_the_same_shapes_have_all_operations() -> None:
    train, test = (Examples(np.zeros((n, 64)), np.zeros(n, int)) for n in (90, 40))
    whole = Workload(train, test, 1, (64, 30, 20, 10), 90, 1e-3, "zeros")  # one step
    function, arguments = products(whole)
    cost: Any = jax.jit(function).lower(*arguments).compile().cost_analysis()
    assert cost["flops"] == pytest.approx(whole.flops(), rel=1e-3)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_can_be_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAXNET_DATA", raising=False)
    drawn = workload._random_images
    monkeypatch.setattr(workload, "_random_images", lambda n, seed: drawn(n // 100, seed))
    made, settings = make_workload(name, 1500), WORKLOADS[name]
    assert len(made.train.targets) == 1500 if name in ("large", "tabular") else 600
    assert made.widths[1:-1] == settings.hidden
    assert made.batch_size == settings.batch_size or name == "full_batch"
    assert made.widths[-1] == (2 if name == "tabular" else 10)
    inputs = made.scaled(made.in_memory()[0].inputs)
    assert inputs.dtype == np.float32
    assert name == "tabular" or 0.9 < inputs.max() <= 1


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ([2.0, 1.1, 3.0, 2.0, 2.0], "faster"),
        ([0.5, 0.9, 0.8, 0.7, 0.9], "slower"),
        ([2.0, 1.1, 0.9, 2.0, 2.0], "no difference seen"),
        ([2.0, 2.0, 2.0, 2.0], "too few rounds"),
    ],
)
def test_verdicts_need_all_of_enough_rounds(seconds: list[float], verdict: str) -> None:
    ratio = ratio_of([2 * each for each in seconds], [2.0] * len(seconds))
    assert ratio.verdict == verdict
    assert (ratio.least, ratio.most) == (min(seconds), max(seconds))


def test_claims_compare_ratios_with_bars() -> None:
    ratios = {"jaxnet_by_hand": 1.11, "jaxnet_dropout": 1.09, "pytorch_best": 1.79}
    same = {name: Ratio(value, value, value, "") for name, value in ratios.items()}
    holds, fails = ({"plain_jax": Ratio(0.9, 0.8, most, "")} for most in (1.0, 0.99))
    claims = benchmark.check_claims(benchmark.Config(rounds=5), "headline", holds | same)
    assert [claim.holds for claim in claims] == [True, False, False, True]
    claims = benchmark.check_claims(benchmark.Config(), "wide", fails | same)
    assert [claim.holds for claim in claims] == [False, True]
    assert benchmark.check_claims(benchmark.SMOKE, "headline", holds | same) == []


def test_several_workloads_have_one_table_and_one_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def time_in_turns(names: list[str], **more: Any) -> tuple[list[Timing], dict[str, str]]:
        ran = [name for name in names if name != "sklearn"]
        timings = [Timing(name, 1.0, {}, "", [1.0 + i] * 5) for i, name in enumerate(ran)]
        return timings, {"sklearn": f"not for {more['workload']}"}

    monkeypatch.setattr(benchmark, "time_in_turns", time_in_turns)
    peers = ("plain_jax", "sklearn")
    config = benchmark.Config(("tabular", "narrow"), rounds=5, peers=peers, out=tmp_path)
    benchmark.main(dataclasses.replace(config, examples=200))
    results = json.loads((tmp_path / "result.json").read_text())["results"]
    assert list(results) == ["tabular", "narrow"]
    assert results["narrow"]["ratios"]["plain_jax"]["verdict"] == "faster"
    assert (tmp_path / "workloads.png").exists()
    printed = capsys.readouterr().out
    assert "not measured: narrow: scikit-learn's MLPClassifier: not for narrow" in printed


def test_accuracies_of_the_headline_are_compared() -> None:
    timings = [
        Timing(name, 1.0, {}, "mnist", test_accuracy=accuracy)
        for name, accuracy in {"jaxnet": 0.97, "keras": 0.975, "floor": 0.0}.items()
    ]
    config, found = benchmark.Config(), Measured("mnist", timings, {}, {})
    assert benchmark.check_accuracies(config, {"headline": found})[0].holds
    timings[1].test_accuracy = 0.94
    assert not benchmark.check_accuracies(config, {"headline": found})[0].holds
    found.data = "random"
    assert benchmark.check_accuracies(config, {"headline": found}) == []


def test_memory_is_compared_with_plain_jax() -> None:
    timings = [Timing("jaxnet", 1.0, {}, "", peak_bytes=125), Timing("plain_jax", 1.0, {}, "")]
    found = {"wider": Measured("random", timings, {}, {})}
    for peak, holds in ((110, True), (100, False)):
        timings[1].peak_bytes = peak
        assert benchmark.check_memory(benchmark.Config(), found)[0].holds == holds
    assert benchmark.check_memory(benchmark.Config(examples=5), found) == []


def test_a_busy_machine_leads_to_no_verdict_on_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = [optimizer_cost.Cost("adam", 2.0, 1.0, 2.0, 10, 10)]
    claims = optimizer_cost.time_claims(optimizer_cost.Config(), costs)
    assert [claim.holds for claim in claims] == [False]
    assert optimizer_cost.memory_claim(costs).holds
    assert not optimizer_cost.memory_claim([*costs, costs[0]._replace(ours_bytes=11)]).holds
    load = Load()
    monkeypatch.setattr(Load, "others", lambda self: 0.5)
    assert load.unless_busy(claims) == claims
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(Load, "others", lambda self: 1e4)
    assert load.unless_busy(claims) == []
    assert "no verdict on times: a load of 10000.0" in capsys.readouterr().out
