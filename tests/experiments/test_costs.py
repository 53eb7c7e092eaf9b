"""What training costs: cold start, growth, time to an accuracy, accelerators; the kept programs."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import accelerator, cold_start, cost_growth, time_to_accuracy
from experiments.cold_start.start import STAGES
from experiments.cost_growth import Growth
from experiments.harness import command
from experiments.time_to_accuracy import Runs, recipes
from experiments.time_to_accuracy.recipes import Recipe
from jaxnet.core.errors import InvalidValueError
from jaxnet.data import load_dataset
from jaxnet.training import use_compilation_cache
from tests.experiments.test_commands import recorded, run
from tests.peers import need, peers
from tests.test_structure import ROOT


@pytest.mark.slow
def test_a_second_start_compiles_nothing(tmp_path: Path) -> None:
    record = recorded("cold_start", tmp_path, "--smoke")
    (first,), (second,) = record["results"]["starts"].values()
    assert set(first) == set(second) == set(STAGES)
    assert all(seconds >= 0 for seconds in (*first.values(), *second.values()))
    assert second["compile or load"] < first["compile or load"] / 2


def test_a_slow_second_start_fails() -> None:
    for seconds, holds in ((0.29, True), (0.31, False)):
        medians = {"second start": {"compile or load": seconds}}
        assert cold_start.check_claims(medians)[0].holds == holds


PROGRAM = """
import sys, jax, jaxnet
jax.jit(lambda x: x + 1)(1.0)  # the cache is in use, without a folder
print(jaxnet.training.use_compilation_cache(*sys.argv[1:]))
jax.jit(lambda x: x * 3)(1.0)
"""


@pytest.mark.parametrize("how", ["argument", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"])
def test_programs_are_kept_in_the_folder(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "jaxnet" / "compiled" if how == "XDG_CACHE_HOME" else tmp_path / "kept"
    own = {"JAX_ENABLE_COMPILATION_CACHE": "1", "XDG_CACHE_HOME": str(tmp_path)}
    arguments = [str(folder)] if how == "argument" else []
    own |= {how: str(folder)} if how.startswith("JAX") else {}
    arguments = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(
        arguments, env=os.environ | own, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == f"{folder}\n"
    assert any(folder.iterdir())


def test_a_folder_of_programs_that_is_a_file_is_refused(tmp_path: Path) -> None:
    before = jax.config.values["jax_compilation_cache_dir"]
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValueError, match="expected folder to be a folder that can be writ"):
        use_compilation_cache(tmp_path / "file")
    assert jax.config.values["jax_compilation_cache_dir"] == before


def test_commands_run_where_programs_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    keep = functools.partial(use_compilation_cache, tmp_path / "file")
    monkeypatch.setattr(command, "use_compilation_cache", keep)
    command._keep_programs()
    assert "compiled programs are not kept: expected folder" in capsys.readouterr().err


@pytest.mark.slow
def test_the_record_of_growth(tmp_path: Path) -> None:
    quantities = ("batch size", "depth", "epochs in a program", "runs of a sweep")
    record = recorded("cost_growth", tmp_path, "--smoke", "--quantity", *quantities)
    found = record["results"]
    assert tuple(found) == quantities
    assert found["depth"]["values"] == [1, 2]
    assert np.shape(found["depth"]["seconds"]) == (1, 2)
    assert found["batch size"]["work"] == [1, 4]
    assert all(seconds > 0 for growth in found.values() for seconds in growth["seconds"][0])


def test_costs_that_grow_faster_than_work_fail() -> None:
    seconds = np.array([[1.0, 2.0, 2.0 * 2**1.14]] + [[1.0, 2.0, 2.0 * 2**1.16]] * 2)
    units = [1.0, 2.0, 4.0]
    growth = Growth([1, 2, 4], units, units, seconds, [10, 20, 44], [1.0] * 3)
    (time,), (memory,) = (
        claims({"width": growth}) for claims in (cost_growth.time_claims, cost_growth.memory_claims)
    )
    assert time.measured == pytest.approx(1.16)
    assert not time.holds
    assert memory.holds


def test_an_unknown_quantity_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cost_growth", "--quantity", "widht") == 2
    assert "Did you mean 'width'?" in capsys.readouterr().err


@pytest.mark.slow
def test_the_record_of_times_to_accuracy(tmp_path: Path) -> None:
    record = recorded("time_to_accuracy", tmp_path, "--smoke")
    for target, by in record["results"]["runs"].items():
        assert np.mean(by["jaxnet"]["accuracy"]) > float(target) - 0.02
        assert min(by["jaxnet"]["seconds"]) > 0


def test_recipes_are_chosen_by_their_least_seed_and_cost() -> None:
    dear, cheap, lucky = (Recipe((width,), 5) for width in (100, 50, 20))
    found = [
        (dear, np.array([0.99, 0.99])),
        (cheap, np.array([0.98, 0.98])),
        (lucky, np.array([0.99, 0.97])),
    ]
    assert time_to_accuracy.cheapest(found, 0.975) == cheap
    assert time_to_accuracy.cheapest(found, 0.985) == dear
    assert time_to_accuracy.cheapest(found, 0.995) is None


def test_a_search_sees_no_test_image() -> None:
    digits = load_dataset("digits")
    few = digits._replace(train=digits.train.take(slice(120)), test=None)
    ((best, accuracies),) = recipes.search(
        [Recipe((30,), 16, batch_size=10)], (1e-9, 0.01), few, seeds=2
    )
    assert best.rate == 0.01
    assert accuracies.shape == (2,)


def test_times_and_accuracies_below_the_targets_fail() -> None:
    good, slow = Runs(np.ones(2), np.full(2, 0.98)), Runs(np.full(2, 1.7), np.full(2, 0.97))
    runs = {0.975: {"jaxnet": good, "PyTorch": slow}}
    assert [each.holds for each in time_to_accuracy.accuracy_claims(runs)] == [True, False]
    assert time_to_accuracy.time_claims(runs)[0].holds
    runs = {0.975: {"jaxnet": good, "PyTorch": good}}
    assert not time_to_accuracy.time_claims(runs)[0].holds


@peers
def test_pytorch_trains_by_the_same_recipe() -> None:
    need("torch")
    from experiments.contenders import pytorch_recipe

    recipe = Recipe((50,), 10, 0.01, drop_rate=0.1, input_drop_rate=0.05)
    digits = load_dataset("digits")
    rates = recipes.rates_of(recipe, len(digits.train.targets))
    _, ours = recipes.train(recipe, digits, 0)
    _, theirs = pytorch_recipe.train(recipe, rates, digits, 0)
    assert theirs == pytest.approx(ours, abs=0.03)


@pytest.mark.slow
def test_the_record_of_an_accelerator_grows(tmp_path: Path) -> None:
    for starts in (1, 2):
        file = tmp_path / "record.jsonl"
        recorded("accelerator", tmp_path, "--smoke", "--record", str(file))
        lines = file.read_text().splitlines()
        assert len(lines) == starts
    line = json.loads(lines[-1])
    assert line["environment"]["backend"] == "cpu"
    assert line["distances"] == {"default": 0.0, "highest": 0.0}  # it is the CPU itself


def test_an_accelerator_that_differs_or_idles_fails() -> None:
    seconds = {"headline epoch": 0.1, "epoch of a network in the sweep": 0.01}
    distances = {"default": 0.03, "highest": 2e-4}
    config = accelerator.Config()
    claims = accelerator.check_claims(distances, seconds, on_cpu=False, config=config)
    assert len(claims) == 3
    assert not any(claim.holds for claim in claims)
