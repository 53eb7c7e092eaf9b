"""The README is true: its example runs, its list of experiments is whole."""

import functools
import re
import subprocess
import sys

import jaxnet
from experiments.__main__ import questions
from tests.test_structure import ROOT

README = (ROOT / "README.md").read_text()

EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_runs_and_prints_what_it_says() -> None:
    example, _ = EXAMPLES
    stated = re.findall(r"# (0\.\d+)", example)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=True
    )
    printed = done.stdout.split()
    assert len(printed) == len(stated) == 2  # on validation examples, and once on test examples
    for value, said in zip(printed, stated, strict=True):
        # rounding differs between machines: a few of the 288 and 359 images may tip over
        assert abs(float(value) - float(said)) < 0.015


def test_the_sweep_runs_and_prints_a_table() -> None:
    _, second = EXAMPLES
    fewer = second.replace('"seeds": 4, "epochs": 20', '"seeds": 2, "epochs": 2')
    assert fewer != second
    done = subprocess.run(
        [sys.executable, "-c", fewer],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["learning_rate", "drop_rate", "validation_accuracy", "+-", "runs"]
    assert len(rows) == 6


def test_every_experiment_is_in_the_table_with_its_question() -> None:
    for name, question in questions().items():
        assert f"| `{name}` | {question} |" in README


def test_there_are_exactly_two_set_up_commands() -> None:
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert ["experiments.learning_curves" in c for c in commands] == [True, False]
    assert commands[1].endswith("-m pytest")


def test_the_floor_diagram_names_every_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "jaxnet").glob("*/__init__.py")}
    diagram = README.partition("## How it is built")[2]
    for room in rooms:
        assert re.search(rf"\b{room}\b", diagram), room


def test_every_formula_is_where_the_index_says() -> None:
    index = README.partition("## Where each formula is")[2].partition("\n## ")[0]
    names = re.findall(r"`jaxnet\.([\w.]+)`", index)
    assert len(names) > 60
    for name in names:
        found = functools.reduce(getattr, name.split("."), jaxnet)
        # modules of functions are found as attributes, as a user writes them
        assert callable(found), name
        assert (found.__doc__ or "").strip(), name
