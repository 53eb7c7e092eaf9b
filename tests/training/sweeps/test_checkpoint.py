"""A sweep that goes on from its parts ends with the bits of one that was never interrupted."""

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.core import Tracer

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import (
    Recipe,
    SweepProgress,
    SweepResult,
    cross_validate,
    grid,
    successive_halving,
    sweep,
    tune,
)
from jaxnet.training.checkpoints import save_interval
from jaxnet.training.program import LoopConfig
from jaxnet.training.sweeps import execution as execution_module
from jaxnet.training.sweeps.batches import Workers
from jaxnet.training.sweeps.checkpoint import SweepCheckpoint
from jaxnet.training.sweeps.execution import Execution, train_members
from jaxnet.training.sweeps.labels import SweepOutputs
from jaxnet.training.sweeps.sweep import make_members, seed_keys
from jaxnet.training.train import RunProgram
from tests.training.toys import blobs

SETTINGS = grid(learning_rate=[0.01, 0.1, 1e38])
RUNS: dict[str, Any] = {"key": jax.random.key(3), "epochs": 3, "batch_size": 8, "seeds": 3}


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.momentum(learning_rate))


SEARCH: dict[str, Any] = {
    "key": jax.random.key(0),
    "batch_size": 8,
    "width": 1,
    "shuffle": False,  # without which there is less to compile
}


class KilledError(Exception):
    """What ends a sweep in these tests, as a signal would."""


class Killer:
    """A report of progress that ends the sweep after so many runs (of so many); None for never."""

    def __init__(self, runs: int | None = None, *, of: int | None = None):
        self.runs, self.of = runs, of
        self.seen: list[SweepProgress] = []

    def __call__(self, progress: SweepProgress) -> None:
        self.seen.append(progress)
        here = self.of in (None, progress.runs)
        if here and self.runs is not None and progress.done - progress.resumed >= self.runs:
            raise KilledError


@pytest.fixture
def every_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every batch at once."""
    monkeypatch.setattr(save_interval, "COST", float("inf"))


def names(folder: Path) -> list[str]:
    """Return what a folder holds beside its lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def bits(result: SweepResult) -> str:
    """Return a digest of all that a sweep gives but its times."""
    arrays = result.metrics, result.history, result.params, result.statistics, result.state
    return digest((arrays, result.done, result.epoch, result.diverged, result.ended_by))


def swept(folder: Path | None, **changed: Any) -> SweepResult:
    given = {"settings": SETTINGS, "width": 1, "checkpoint": folder, **RUNS, **changed}
    return sweep(build, blobs(), **given)


def trained(compiled: dict[int, Workers], **execution: Any) -> SweepOutputs:
    """Train seven members by a program that is compiled once."""
    settings = grid(learning_rate=[0.01, 0.02, 0.05, 0.1, 0.2, 1.0, 1e38])
    members = make_members(settings, seed_keys(jax.random.key(3), 1), 3)
    member = RunProgram(build, LoopConfig(3, 8))
    train = jax.tree.map(jnp.asarray, blobs())
    return train_members(member, members, train, None, Execution(**execution), compiled)


STRATEGIES: dict[str, dict[str, Any]] = {
    "map": {"width": 1},
    "chunks": {"width": 2},
    "vmap": {"width": "all"},
    "metrics": {"width": 1, "keep": "metrics"},
    "state": {"width": 2, "keep": "state"},
}


@pytest.mark.usefixtures("every_wave")
@pytest.mark.parametrize("how", STRATEGIES.values(), ids=STRATEGIES.keys())
def test_kills_change_no_bit(how: dict[str, Any], tmp_path: Path) -> None:
    compiled: dict[int, Workers] = {}
    expected = trained(compiled, **how)
    for _ in range(3):
        with pytest.raises(KilledError):
            trained(compiled, **how, checkpoint=tmp_path, on_progress=Killer(1))
        if expected.width == 7:
            break  # it was finished, and does not call again
    last = Killer()
    resumed = trained(compiled, **how, checkpoint=tmp_path, on_progress=last)
    done = min(3 * expected.width, 7)
    assert [told.done for told in last.seen] == [done, *range(done + 1, 8)]
    assert {told.resumed for told in last.seen} == {done}
    assert digest(resumed.kept) == digest(expected.kept)
    assert resumed.width == expected.width


@pytest.mark.slow
@pytest.mark.usefixtures("every_wave")
def test_a_sweep_goes_on_and_a_finished_one_compiles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: np.dtype
) -> None:
    with pytest.raises(KilledError) as killed:  # which holds on to all that it has seen
        swept(tmp_path, on_progress=Killer(4))
    assert names(tmp_path) == [f"part_{number}.safetensors" for number in range(1, 5)]
    resumed = swept(tmp_path)
    assert killed.traceback
    assert bits(resumed) == bits(swept(None))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert resumed.params[0].weights.dtype == dtype
    monkeypatch.setattr(execution_module, "compile_workers", None)
    again = swept(tmp_path)
    assert bits(again) == bits(resumed)
    assert 0 < again.run_seconds <= resumed.run_seconds
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.slow
@pytest.mark.usefixtures("every_wave")
def test_what_auto_chose_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"width": "auto", "checkpoint": tmp_path}
    monkeypatch.setattr("jaxnet.training.sweeps.width._pays", lambda trial, *_: trial.width == 1)
    monkeypatch.setattr("jaxnet.training.sweeps.width.GAIN", 1e9)  # wider is always faster
    monkeypatch.setattr("jaxnet.training.sweeps.width.GROWTH", 3)
    with pytest.raises(KilledError):
        trained({}, **given, on_progress=Killer(3))
    compiled: dict[int, Workers] = {}
    expected = trained(compiled, width=3)
    monkeypatch.setattr(execution_module, "choose", None)
    resumed = trained(compiled, **given)
    assert list(compiled) == [resumed.width] == [3]
    assert [trial.width for trial in resumed.trials] == [1, 3]
    assert trained({}, **given).trials == resumed.trials
    assert digest(resumed.kept) == digest(expected.kept)


def test_seconds_are_of_all_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr(save_interval.time, "perf_counter", lambda: float(next(clock)))
    compiled: dict[int, Workers] = {}
    killers = [Killer(2), Killer(2), Killer()]
    for killer in killers[:2]:
        with pytest.raises(KilledError):
            trained(compiled, width=1, checkpoint=tmp_path, on_progress=killer)
    whole = trained(compiled, width=1, checkpoint=tmp_path, on_progress=killers[2])
    told = [progress.seconds for killer in killers for progress in killer.seen]
    assert told[0] > 0
    for before, after in itertools.pairwise(killers):
        first, second = after.seen[:2]
        # what came after the last part is trained again, and counted again
        assert 0 < first.seconds <= before.seen[-1].seconds
        assert second.seconds > first.seconds
    assert whole.run_seconds >= told[-1]


def test_waves_are_joined_where_writing_would_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_interval, "COST", 1e-9)
    compiled: dict[int, Workers] = {}
    written = trained(compiled, width=1, checkpoint=tmp_path)
    # the first batch, whose cost is not known before, and all others at the end
    assert names(tmp_path) == ["part_1.safetensors", "part_2.safetensors"]
    read = trained({}, width=1, checkpoint=tmp_path)
    expected = trained(compiled, width=1)
    assert digest(read.kept) == digest(written.kept) == digest(expected.kept)


def test_without_a_checkpoint_nothing_is_lowered_or_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(SweepCheckpoint, "__init__", refuse)
    monkeypatch.setattr(execution_module, "lower_member", refuse)
    swept(None)


def test_nothing_is_traced_twice(tmp_path: Path) -> None:
    traces = []

    def counted(learning_rate: Any) -> Recipe:
        traces.append(isinstance(learning_rate, Tracer))
        return build(learning_rate)

    given = {"settings": SETTINGS, "width": 1, "checkpoint": tmp_path, **RUNS}
    sweep(counted, blobs(), **given)
    assert traces.count(True) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("every_wave")
def test_folds_go_on(tmp_path: Path) -> None:
    given = SEARCH | {"settings": SETTINGS, "epochs": 2, "folds": 3}
    with pytest.raises(KilledError):
        cross_validate(build, blobs(), **given, checkpoint=tmp_path, on_progress=Killer(2))
    last = Killer()
    resumed = cross_validate(build, blobs(), **given, checkpoint=tmp_path, on_progress=last)
    assert last.seen[0].resumed == 2
    assert bits(resumed) == bits(cross_validate(build, blobs(), **given))


@pytest.mark.slow
@pytest.mark.usefixtures("every_wave")
def test_each_rung_has_its_own_folder(tmp_path: Path) -> None:
    settings = grid(learning_rate=[0.001, 0.01, 0.1, 1.0])
    given = SEARCH | {"settings": settings, "epochs": 4, "reduction": 2}

    def halved(**more: Any) -> Any:
        result = successive_halving(build, blobs(), blobs(seed=1), **given, **more)
        return [(rung.indices.tolist(), bits(rung.sweep)) for rung in result.rungs]

    with pytest.raises(KilledError):
        halved(checkpoint=tmp_path, on_progress=Killer(1, of=2))
    last = Killer()
    assert halved(checkpoint=tmp_path, on_progress=last) == halved()
    assert [(told.done, told.runs) for told in last.seen] == [(4, 4), (1, 2), (2, 2), (1, 1)]
    assert names(tmp_path) == ["stage_0", "stage_1", "stage_2"]


@pytest.mark.slow
@pytest.mark.usefixtures("every_wave")
def test_tuning_goes_on_in_its_search_and_in_its_last_training(tmp_path: Path) -> None:
    given = SEARCH | {"settings": SETTINGS, "epochs": 2}

    def tuned(**more: Any) -> Any:
        result = tune(build, blobs(), blobs(20, seed=2), **given, **more)
        return bits(result.sweep), digest(result.fit.state), result.test

    with pytest.raises(KilledError):
        tuned(checkpoint=tmp_path, on_progress=Killer(2))
    last = Killer()
    expected = tuned(checkpoint=tmp_path, on_progress=last)
    assert [told.done for told in last.seen] == [2, 3]
    assert "epoch_2.safetensors" in names(tmp_path / "stage_1")
    assert tuned() == expected
