"""A progress bar is drawn where somebody watches, one at a time, and changes no bit."""

import builtins
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import (
    FitResult,
    History,
    Progress,
    Recipe,
    fit,
    grid,
    progress_bar,
    sweep,
    tune,
)
from jaxnet.training import successive_halving as halving
from jaxnet.training.loggers import progress as progress_module
from jaxnet.training.loggers.progress import epochs_on
from tests.test_structure import ROOT
from tests.training.toys import blobs, network

OPTIMIZER = jaxnet.optim.adam(0.01)
RUNS: dict[str, Any] = {"key": jax.random.key(0), "batch_size": 8, "width": 1, "shuffle": False}


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard error be a terminal, in a process that has said nothing yet.

    Not as a fixture: pytest sets standard error anew before the test itself.
    """
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(progress_module, "_announced", [])
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    return screen


SHOWN, HIDDEN = "\x1b[?25l", "\x1b[?25h"
"""The cursor is hidden while a bar is shown."""


def bars(terminal: Terminal) -> list[str]:
    """Return the beginnings and ends of bars, in their order."""
    return re.findall(r"\x1b\[\?25[lh]", terminal.getvalue())


def run(**settings: Any) -> FitResult:
    given = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 3, "batch_size": 8}
    return fit(network(), blobs(), **(given | settings))


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.sgd(learning_rate))


def test_a_terminal_shows_compilation_epochs_and_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    result = run(validation=blobs(seed=1))
    drawn = terminal.getvalue()
    assert re.match(r"on \w.*, 1 device\n", drawn)
    assert drawn.index("compiling") < drawn.index("3/3")
    assert f"accuracy {result.history.validation['accuracy'][-1]:.4f}" in drawn
    assert drawn.endswith("\x1b[2K")  # the bar is cleared


def test_compiling_ends_before_the_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Progress] = []
    monkeypatch.setattr(sys.modules["jaxnet.training.fit"], "epochs_on", lambda _: seen.append)
    run(report_every=1)
    assert [progress.epoch for progress in seen] == [0, 1, 2, 3]


def test_curves_of_other_shapes_are_left_out() -> None:
    notes: list[str] = []
    curves = {"loss": np.ones(2), "by class": np.ones((2, 3))}
    epochs_on(lambda done, note="", **_: notes.append(note))(
        Progress(2, 3, History(curves, {}, {}), seconds=1.0, step=4)
    )
    assert notes == ["loss 1.0000, step 4"]


def test_the_device_is_said_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    run()
    run()
    assert terminal.getvalue().count(", 1 device") == 1
    assert bars(terminal) == [SHOWN, HIDDEN] * 2


def test_the_time_left_is_known_after_one_long_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of a sweep may take minutes, and there may be two of them."""
    terminal, now = watched(monkeypatch), [0.0]
    monkeypatch.setattr(progress_module, "monotonic", lambda: now[0])
    with progress_bar("runs") as update:
        update(2, total=6)  # found in a checkpoint
        now[0] = 50.0
        update(3, total=6)
    drawn = terminal.getvalue()
    assert drawn.index("3/6") < drawn.index("0:02:30")


def test_the_time_left_counts_down(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(progress_module, "monotonic", lambda: now[0])
    left = progress_module._time_left((0.0, 0), (10.0, 1), 10)
    assert f"{left}" == "0:01:30"
    now[0] = 11.0
    assert f"{left}" == "0:01:29"
    now[0] = 200.0
    assert f"{left}" == "0:00:00"
    assert f"{progress_module._time_left((0.0, 0), (10.0, 0), 10)}" == "-:--:--"
    assert f"{progress_module._time_left((0.0, 0), (10.0, 1), None)}" == "-:--:--"


def test_the_result_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)

    def bits(result: FitResult) -> str:
        return digest((result.state, result.history))

    assert bits(run(report_every=1)) == bits(run(progress=False))
    assert "3/3" in terminal.getvalue()


def test_a_text_is_its_label_whatever_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    run(progress="[bold]{task.id} digits")
    assert "[bold]{task.id} digits" in terminal.getvalue()
    assert "epochs" not in terminal.getvalue()


@pytest.mark.parametrize("error", [None, io.StringIO()], ids=["closed", "piped"])
@pytest.mark.parametrize("progress", [None, True, "digits"])
def test_it_is_silent_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, error: Any, progress: Any
) -> None:
    monkeypatch.setattr(sys, "stderr", error)
    run(progress=progress)
    assert error is None or error.getvalue() == ""


def test_it_is_silent_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    run(progress=False)
    sweep(build, blobs(), settings=grid(learning_rate=[0.1]), epochs=1, **RUNS, progress=False)
    assert terminal.getvalue() == ""


def test_runs_within_a_bar_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress_bar("seeds", 2) as update:
        for seed in range(2):
            run(key=jax.random.key(seed))
            update(seed + 1, note=f"seed {seed}")
    drawn = terminal.getvalue()
    assert "2/2" in drawn
    assert "seed 1" in drawn
    assert "epochs" not in drawn
    run()
    assert "epochs" in terminal.getvalue()  # the next one has its bar again


def test_runs_in_threads_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    run(progress=False)  # compiles
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: run(), range(8)))
    assert len({digest(result.state) for result in results}) == 1
    drawn = bars(terminal)
    assert drawn == [SHOWN, HIDDEN] * (len(drawn) // 2) != []


def test_an_error_ends_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)

    def fail(progress: Any) -> None:
        raise RuntimeError("stop")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="stop"):
            run(on_progress=fail)
    assert bars(terminal) == [SHOWN, HIDDEN] * 2


SEARCHES: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "sweep": (lambda given: sweep(build, blobs(), **given), ["runs", "2/2"]),
    "halving": (
        lambda given: halving(build, blobs(), blobs(), **given, reduction=2),
        ["runs of rung 1 of 2", "runs of rung 2 of 2"],
    ),
    "tune": (lambda given: tune(build, blobs(), blobs(), **given), ["runs", "epochs"]),
}


@pytest.mark.parametrize(("search", "titles"), SEARCHES.values(), ids=SEARCHES.keys())
def test_searches_show_their_runs(
    monkeypatch: pytest.MonkeyPatch, search: Any, titles: list[str]
) -> None:
    terminal = watched(monkeypatch)
    search({**RUNS, "settings": grid(learning_rate=[0.1, 0.2]), "epochs": 2})
    drawn = terminal.getvalue()
    assert all(title in drawn for title in titles)
    assert "compiling" in drawn


def test_what_is_printed_meanwhile_goes_where_standard_output_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = watched(monkeypatch)
    run(report_every=3, on_progress=lambda progress: print("here"))
    assert capsys.readouterr().out == "here\n"
    assert "here" not in terminal.getvalue()


def test_without_rich_it_is_silent_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    run()
    assert terminal.getvalue() == ""
    with pytest.raises(ImportError, match=r"pip install rich\. Or pass progress=False\."):
        run(progress=True)


def test_a_notebook_needs_ipywidgets(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})
    monkeypatch.setattr(builtins, "get_ipython", shell, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    run()
    with pytest.raises(ImportError, match="pip install ipywidgets"):
        run(progress=True)


@pytest.mark.usefixtures("no_type_checks")
def test_another_type_is_refused() -> None:
    wrong: Any = 3
    message = r"expected progress to be True, False, None or a label, got 3\."
    with pytest.raises(TypeError, match=message):
        run(progress=wrong)
    with pytest.raises(TypeError, match=message):
        sweep(build, blobs(), settings=grid(learning_rate=[0.1]), epochs=1, **RUNS, progress=wrong)


@pytest.mark.slow
def test_a_real_terminal_shows_it() -> None:
    pty = pytest.importorskip("pty")
    code = "from tests.training.loggers.test_progress import run; run(report_every=1)"
    own, screen = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, stderr=screen, env=environment, check=True)
    os.close(screen)
    drawn = b""
    while True:
        try:
            drawn += (part := os.read(own, 1 << 16))
        except OSError:  # all of it was read
            break
        if not part:
            break
    os.close(own)
    assert b", 1 device" in drawn
    assert b"compiling" in drawn
    assert b"3/3" in drawn
