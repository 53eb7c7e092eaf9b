"""Ctrl-C lets the chunk under way end, and leaves what was reached."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import stream
from jaxnet.training import FitResult, Progress, Recipe, TrainingInterrupted, fit, grid, sweep
from jaxnet.training.checkpoints import save_interval
from tests.test_structure import ROOT
from tests.training.toys import blobs, network

OPTIMIZER = jaxnet.optim.momentum(0.01)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let the process have Python's handler, and check that it has it afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # a command that ran in this process would end it
    watching = signal.set_wakeup_fd(-1)
    yield
    signal.set_wakeup_fd(watching, warn_on_full_buffer=False)
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def run(**settings: Any) -> FitResult:
    given = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 5, "batch_size": 8}
    return fit(network(), blobs(), **(given | settings))


def bits(result: FitResult) -> str:
    return digest((result.params, result.statistics, result.state, result.history))


def interrupt(*, at: int, times: int = 1) -> Callable[[Any], None]:
    """Return a callback that presses Ctrl-C when so many epochs, or runs, are done."""

    def press(progress: Any) -> None:
        if (progress.epoch if isinstance(progress, Progress) else progress.done) == at:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    return press


def interrupted(**settings: Any) -> TrainingInterrupted:
    with pytest.raises(TrainingInterrupted) as caught:
        run(report_every=1, **settings)
    return caught.value


def test_the_error_has_what_was_reached() -> None:
    error = interrupted(on_progress=interrupt(at=2))
    assert isinstance(error, KeyboardInterrupt)
    assert bits(error.result) == bits(run(epochs=2))
    assert error.result.ended_by == "interrupt"
    assert str(error) == (
        "training was interrupted after epoch 2; the error's result has what was reached. "
        "fit(..., state=error.result.state) resumes from there."
    )
    resumed = run(epochs=3, state=error.result.state)
    assert digest(resumed.state) == digest(run().state)


def test_a_run_that_has_ended_meanwhile_is_whole() -> None:
    error = interrupted(on_progress=interrupt(at=5))
    assert error.result.ended_by == "epochs"
    assert bits(error.result) == bits(run())


def test_a_checkpoint_is_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save_interval.SaveInterval, "due", lambda *_: False)
    with pytest.raises(TrainingInterrupted, match=r"The same call resumes.*epoch_1\.safetensors'"):
        run(checkpoint=tmp_path, on_progress=interrupt(at=1))
    again: list[Progress] = []
    resumed = run(checkpoint=tmp_path, on_progress=again.append)
    assert again[0].resumed == 1
    assert bits(resumed) == bits(run())


def test_a_stream_resumes_amid_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaxnet.training.stream_run.CHUNK_SECONDS", 0.0)
    given: dict[str, Any] = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "batch_size": 8}

    def train(**more: Any) -> FitResult:
        rows = stream(blobs(), chunk=8)
        return fit(network(), rows, epochs=2, **given, **more)

    def press(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (1, 2):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match=r"after epoch 1 and 2 steps; .* The same call"):
        train(checkpoint=tmp_path, on_progress=press)
    assert bits(train(checkpoint=tmp_path)) == bits(train())
    with pytest.raises(TrainingInterrupted, match="with the epoch under way from its start"):
        train(on_progress=press)


def test_a_second_one_interrupts_at_once() -> None:
    after: list[int] = []

    def press(progress: Progress) -> None:
        interrupt(at=2, times=2)(progress)
        after.append(progress.epoch)

    with pytest.raises(KeyboardInterrupt) as caught:
        run(report_every=1, on_progress=press)
    assert type(caught.value) is KeyboardInterrupt
    assert after == [1]


def test_an_error_meanwhile_does_not_hide_it() -> None:
    def fail(progress: Progress) -> None:
        signal.raise_signal(signal.SIGINT)
        raise RuntimeError("no room")

    with pytest.raises(KeyboardInterrupt) as caught:
        run(on_progress=fail)
    assert str(caught.value.__cause__) == "no room"


def test_a_handler_of_the_users_stays() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        assert bits(run(on_progress=interrupt(at=1))) == bits(run())
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


@pytest.mark.parametrize("processes", [1, 2], ids=["thread", "processes"])
def test_nothing_is_installed_elsewhere(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    handlers: list[Any] = []

    def train() -> None:
        run(epochs=1, on_progress=lambda _: handlers.append(signal.getsignal(signal.SIGINT)))

    if processes == 1:
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    else:
        monkeypatch.setattr(jax, "process_count", lambda: processes)
        train()
    assert handlers == [signal.default_int_handler]


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.sgd(learning_rate))


def swept(**more: Any) -> Any:
    given: dict[str, Any] = {"key": jax.random.key(0), "epochs": 2, "batch_size": 8, "width": 1}
    given |= {"settings": grid(learning_rate=[0.1, 0.2, 0.3]), "seeds": 2}
    return sweep(build, blobs(), **(given | more))


def test_a_sweep_keeps_its_finished_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_interval.SaveInterval, "due", lambda *_: False)
    with pytest.raises(TrainingInterrupted, match=r"after [34] of 6 runs\. The same ") as caught:
        swept(checkpoint=tmp_path, on_progress=interrupt(at=3))
    part, whole = caught.value.result, swept()
    number = part.settings.size
    assert number in (1, 2)  # a fourth run may have begun
    assert digest(part.params) == digest(jax.tree.map(lambda leaf: leaf[:number], whole.params))
    again: list[Any] = []
    resumed = swept(checkpoint=tmp_path, on_progress=again.append)
    assert again[0].resumed >= 3
    assert digest((resumed.params, resumed.history)) == digest((whole.params, whole.history))


def test_a_sweep_without_a_whole_setting_has_no_result() -> None:
    with pytest.raises(TrainingInterrupted, match=r"after [1-4] of 24 runs\.$") as caught:
        swept(seeds=8, on_progress=interrupt(at=1))
    assert caught.value.result is None


SCRIPT = """
import json, sys
from jaxnet.training import TrainingInterrupted
from tests.training.test_interrupts import bits, run

try:
    report = lambda progress: print(progress.epoch, flush=True)
    run(epochs=10**6, on_progress=report, checkpoint=sys.argv[1])
except TrainingInterrupted as error:
    state = error.result.state
    print(json.dumps({"epoch": int(state.epoch), "bits": bits(error.result)}))
"""


@pytest.mark.slow
def test_a_process_ends_with_what_it_reached(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 0
    found = json.loads(printed.splitlines()[-1])
    assert found["epoch"] >= 1
    whole = run(epochs=found["epoch"])
    assert found["bits"] == bits(whole)
    assert np.isfinite(whole.history.train["loss"]).all()
    more = found["epoch"] + 2
    assert bits(run(epochs=more, checkpoint=tmp_path)) == bits(run(epochs=more))
