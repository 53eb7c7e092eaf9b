"""Endings of commands by terminal, pipe, interrupt or error: never with a traceback."""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

from experiments.contenders.turns import lost
from tests.experiments.test_commands import run
from tests.test_structure import ROOT

LIST = [sys.executable, "-m", "experiments"]
HELP = [sys.executable, "-m", "experiments.minimal", "--help"]


def started(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"stderr": subprocess.PIPE} | options
    return subprocess.run(command, cwd=ROOT, text=True, check=False, **options)


def closed_pipe() -> int:
    """Return the writing end of a pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
@pytest.mark.parametrize("command", [LIST, HELP], ids=["list", "help"])
def test_a_pipe_without_a_reader_ends_it_silently(command: list[str], unbuffered: str) -> None:
    pipe, environment = closed_pipe(), os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = started(command, stdout=pipe, env=environment)
    os.close(pipe)
    assert done.stderr == ""
    assert done.returncode == 141  # as a shell reports SIGPIPE


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
@pytest.mark.parametrize("command", [LIST, HELP], ids=["list", "help"])
def test_a_full_disk_under_standard_output_is_reported(command: list[str], unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        done = started(command, stdout=full, env=os.environ | {"PYTHONUNBUFFERED": unbuffered})
    assert done.stderr == "error: [Errno 28] No space left on device\n"
    assert done.returncode == 2


@pytest.mark.slow
def test_results_are_saved_before_anything_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module("experiments.learning_curves")

    def refused(*lines: Any, **options: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(module, "print", refused, raising=False)
    assert run("learning_curves", "--smoke", "--out", str(tmp_path)) == 141
    assert capsys.readouterr().err == ""
    names = ["learning_curves.png", "misread.png", "model.safetensors", "result.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.slow
def test_closed_streams_do_no_harm(tmp_path: Path) -> None:
    command = (
        f"{sys.executable} -m experiments.predict --smoke --train 1 --out {tmp_path} >&- 2>&- <&-"
    )
    done = started(["bash", "-c", command])
    assert done.returncode == 0
    assert len(json.loads((tmp_path / "result.json").read_text())["results"]["predictions"]) == 12
    command = f"{sys.executable} -m experiments.predict --count 0 --out {tmp_path} 2>&-"
    assert started(["bash", "-c", command]).returncode == 2


def test_progress_is_silent_without_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = importlib.import_module("experiments.harness.progress")
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress.progress("", [1])) == [1]
    progress.show_status("nothing")
    assert capsys.readouterr().out == ""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let child processes receive interrupts, which background processes ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_during_the_imports_has_no_traceback() -> None:
    command = [sys.executable, "-m", "experiments.predict", "--help"]
    environment = os.environ | {"PYTHONVERBOSE": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE
    ) as process:
        printed = process.stderr or []
        next(line for line in printed if line.startswith("import 'numpy"))
        process.send_signal(signal.SIGINT)
        printed = list(printed)
    assert not [line for line in printed if line.startswith("Traceback")]
    assert "".join(printed).count("interrupted") == 1
    assert process.returncode == 130


PREAMBLE = """
import os, signal, sys, threading, time
sys.argv[:1] = ["-m"]  # as python -m has it while it imports
from experiments.harness.terminal import finish

def interrupt(late=None):
    os.kill(os.getpid(), signal.SIGINT)

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)

soon = threading.Timer(0.5, interrupt)
"""

MOMENTS = {
    "in a compiled program": """
import jax
endless = jax.jit(lambda i: jax.lax.while_loop(lambda i: True, lambda i: i + 1, i))
endless = endless.lower(0).compile()

def run():
    soon.start()
    endless(0).block_until_ready()
""",
    "in a callback, which swallows exceptions": """
def run():
    type("Late", (), {"__del__": interrupt})()
    time.sleep(5)
    return 0
""",
    "while its output is not read": """
def run():
    soon.start()
    print("." * 10**7)
""",
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_an_interrupt_ends_it_at_once(moment: str) -> None:
    command = [sys.executable, "-c", f"{PREAMBLE}{moment}\nsys.exit(finish(run))"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        try:
            assert process.wait(timeout=90) == 130
        finally:
            process.kill()
        assert process.stderr is not None
        assert process.stderr.read() == "interrupted\n"


def test_a_request_to_end_is_heeded_as_an_interrupt_is() -> None:
    """By `timeout`, a scheduler or a container, before they kill."""
    code = f"{PREAMBLE}\ndef run():\n    terminate(); time.sleep(60)\nsys.exit(finish(run))"
    done = started([sys.executable, "-c", code])
    assert (done.returncode, done.stderr) == (143, "terminated\n")


def test_an_interrupt_shows_the_cursor_again() -> None:
    pty = pytest.importorskip("pty")
    code = f"{PREAMBLE}\ndef run():\n    interrupt(); time.sleep(60)\nsys.exit(finish(run))"
    own, terminal = pty.openpty()
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=terminal, check=False)
    printed = os.read(own, 100)
    os.close(terminal)
    os.close(own)
    assert printed == b"\r\x1b[2K\x1b[?25hinterrupted\r\n"
    assert process.returncode == 130


def test_a_contender_ends_with_its_parent() -> None:
    code = """
import time
from experiments.contenders import process as contender
contender.start = lambda *arguments: time.sleep(600)
contender.main("jaxnet", "headline", "0", "")
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        process.stdin.close()  # pyright: ignore[reportOptionalMemberAccess]
        try:
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_a_message_is_one_line_for_any_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "--model", "no\nsuch\x1b[31m\udcff.png") == 2
    assert r"nothing at no\nsuch\x1b[31m\udcff.png." in capsys.readouterr().err


OTHERS: dict[str, tuple[Exception, str]] = {
    "system": (
        PermissionError(13, "Permission denied", "somewhere"),
        "[Errno 13] Permission denied: 'somewhere'",
    ),
    "memory": (MemoryError(), "not enough memory; choose smaller settings"),
    "host": (
        jax.errors.JaxRuntimeError("INTERNAL: Out of memory allocating 68719478400 bytes."),
        "not enough memory; choose smaller settings",
    ),
    "device": (
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 68719478400 bytes."),
        "not enough memory; choose smaller settings",
    ),
    "contender": (lost({"floor": "it died"}), "expected contenders to tra"),
}


@pytest.mark.parametrize(("error", "message"), OTHERS.values(), ids=OTHERS.keys())
def test_errors_of_the_system_are_reported(
    error: Exception,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main(config: Any) -> list[Any]:
        raise error

    module = importlib.import_module("experiments.backprop_by_hand")
    monkeypatch.setattr(module, "main", main)
    assert run("backprop_by_hand") in (1, 2)
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {message}")
    assert printed.count("\n") == 1
