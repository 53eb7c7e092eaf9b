"""Options that every command refuses before it runs, in one line."""

import dataclasses
import importlib
import typing
from pathlib import Path

import pytest

from experiments.__main__ import questions
from tests.experiments.test_commands import run

HUGE = "99999999999999999999"


def options_of(kind: type) -> list[tuple[str, str]]:
    """Return experiment and option for all options of a type, also in tuples."""
    found = []
    for name in sorted(questions()):
        config = importlib.import_module(f"experiments.{name}").Config
        hints = typing.get_type_hints(config)
        for field in dataclasses.fields(config):
            hint = hints[field.name]
            parts = (hint, *typing.get_args(hint))
            kinds = {*parts, *(inner for part in parts for inner in typing.get_args(part))}
            if kind in kinds and field.name not in ("images", "records"):  # not options
                found.append((name, "--" + field.name.replace("_", "-")))
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the error message of a command."""
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("name", "option", "value", "got"),
    [(*each, value, f"got {value}.") for each in options_of(int) for value in ("-1", HUGE)]
    + [
        (*each, value, f"got {value}")
        for each in options_of(float)
        for value in ("nan", "inf", "-1")
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_numbers_out_of_range(
    name: str, option: str, value: str, got: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, name, "--smoke", "--out", str(tmp_path / "out"), option, value)
    assert option in said
    assert got in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [("s3://bucket/x", "to be a local path"), ("", "to be given, got an empty text")],
    ids=["elsewhere", "empty"],
)
@pytest.mark.parametrize(("name", "option"), options_of(Path))
def test_paths_that_are_not_local(
    name: str,
    option: str,
    value: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        run(name, "--smoke", option, value)
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in said
    assert option in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "mistake",
    [
        ["--batch-size", "5000"],
        ["--optimizer", "adamm"],
        ["--l2", "-1"],
        ["--checkpoint", str(Path(__file__))],
    ],
    ids=lambda mistake: mistake[0],
)
def test_a_refused_run_leaves_the_previous_log(
    mistake: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, board = tmp_path / "log.jsonl", tmp_path / "board"
    log.write_text('{"epoch": 1, "seconds": 0.1, "train_loss": 0.5}\n')
    options = ["--out", str(tmp_path), "--log", str(log), "--tensorboard", str(board)]
    assert run("learning_curves", "--smoke", *options, *mistake) == 2
    assert log.read_text() == '{"epoch": 1, "seconds": 0.1, "train_loss": 0.5}\n'
    assert not any(board.glob("*"))


MISTAKES = [
    ("hyperparameter_sweep --batch-size 0", "--batch-size >= 1, got 0"),
    ("hyperparameter_sweep --batch-size 5000", "at most the 1150 examples"),
    ("hyperparameter_sweep --learning-rates", "--learning-rates to hold one or"),
    ("hyperparameter_sweep --learning-rates -1", "each of --learning-rates finite and in [0, inf)"),
    ("hyperparameter_sweep --learning-rates 1e-3 1e-3", "unlike values"),
    (
        "hyperparameter_sweep --learning-rates 1e30 1e31",
        "settings to hold one of which no run diverges",
    ),
    ("hyperparameter_sweep --drop-rates", "--drop-rates to hold one or more"),
    ("hyperparameter_sweep --seeds 1", "expected --seeds >= 2, got 1"),
    ("hyperparameter_sweep --hidden 0", "expected --hidden >= 1, got 0"),
    ("hyperparameter_sweep --hidden 2147483647", "--hidden finite and in [1, 1.0"),
    ("hyperparameter_sweep --dataset cifar", "got 'cifar'. Did you mean 'cifar10'?"),
    ("batch_size_tradeoff --dataset minst", "--dataset to be one of digits, mnist, got 'minst'"),
    ("batch_size_tradeoff --draws 1", "--draws >= 2, got 1"),
    ("batch_size_tradeoff --seeds -1", "--seeds >= 0, got -1"),
    ("batch_size_tradeoff --rounds 0", "--rounds >= 1, got 0"),
    ("batch_size_tradeoff --batch-sizes 0", "--batch-sizes >= 1, got 0"),
    ("batch_size_tradeoff --batch-sizes 1400", "--batch-sizes finite and in [1, 1294], got 1400"),
    (
        "batch_size_tradeoff --batch-sizes 64",
        "--batch-sizes to be two or more below the 1280 examples to train with, got (64,)",
    ),
    (
        "batch_size_tradeoff --batch-sizes 1 1294",
        "--batch-sizes to be two or more below the 1294 examples to train with, got (1, 1294)",
    ),
    ("sweep_throughput --data-dir /proc", "train-images-idx3-ubyte.gz to ex"),
    ("sweep_throughput --rounds 0", "expected --rounds >= 1, got 0"),
    ("sweep_throughput --examples -1", "expected --examples >= 0, got -1"),
    ("sweep_throughput --examples 5", "--examples finite and in [100, "),
    ("benchmark --rounds 0", "--rounds >= 1, got 0"),
    ("benchmark --examples 50", "--examples finite and in [100, "),
    ("benchmark --peers jaxnet", "got 'jaxnet'"),
    ("benchmark --workload headlin", "got 'headlin'. Did you mean 'headline'?"),
    ("benchmark --workload batch_1000 --examples 500", "--examples finite and in [1000, "),
    ("benchmark --data-dir /proc", "train-images-idx3-ubyte.gz to exist"),
    ("learning_rate_finder --points 7", "expected --points >= 8, got 7"),
    ("learning_rate_finder --hidden 2147483647", "--hidden finite and in [1, 1.0"),
    (
        "learning_curves --widths 64 2147483647 10",
        "each of --widths finite and in [1, 1.04858e+06], got 2147483647",
    ),
    ("optimizer_race --optimizers adm", "--optimizers to be one of"),
    ("optimizer_race --steps 99", "--steps >= 100, got 99"),
    ("optimizer_race --seeds 1", "--seeds >= 2, got 1"),
    ("optimizer_race --epochs 0", "--epochs >= 1, got 0"),
    ("optimizer_race --tolerance 0", "--tolerance finite and in (0, 1], got 0"),
    ("optimizer_race --tolerance 1e300", "--tolerance finite and in (0, 1], got 1e+"),
    ("check_gradients --every 0", "expected --every >= 1, got 0"),
    ("backprop_by_hand --seed -1", "expected --seed >= 0, got -1"),
]


@pytest.mark.parametrize(("command", "message"), MISTAKES, ids=[command for command, _ in MISTAKES])
@pytest.mark.usefixtures("no_type_checks")
def test_mistakes_of_one_experiment(
    command: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = command.split()
    assert message in refused(capsys, name, "--smoke", "--out", str(tmp_path), *options)
