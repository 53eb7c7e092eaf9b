"""`python -m experiments all`: runs, what becomes of failures, and the page."""

import base64
import importlib
import io
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from experiments.__main__ import questions
from experiments.course import running
from experiments.course.command import run_course
from experiments.course.contents import PARTS, TIMED, TOOLS
from experiments.course.page import build_page
from experiments.course.running import Run, run_all
from experiments.harness.figures import new_figure, save_figure
from tests.quick import users_environment
from tests.test_structure import ROOT

CLAIM = {"statement": "a < b & c", "source": "lecture 004, dropout", "measured": 0.25}
CLAIM |= {
    "comparison": "<=",
    "threshold": 0.5,
    "uncertainty": 0.01,
    "verdict": "holds",
    "holds": True,
}


class Parsed(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def values(self, attribute: str) -> list[str]:
        found = [attributes.get(attribute) for _, attributes in self.tags]
        return [value for value in found if value is not None]


ARGUMENTS = ["-m", "experiments.standardization", "--seed", "3"]


def page_of(out: Path, *claims: dict[str, Any], quick: bool = False, **changes: Any) -> Parsed:
    folder = out / "standardization"
    folder.mkdir()
    figure, (axes,) = new_figure(1, 1, size=(4, 3), title="Errors")
    axes.set(xlabel="epoch", ylabel="misread (%)")
    save_figure(figure, folder / "errors.png")
    environment = {"versions": {"jax": "1"}, "python": "3", "platform": "x", "device": "cpu"}
    environment |= {"cpu_cores": 2}
    record = {"claims": claims, "figures": ["errors.png"], "environment": environment}
    run = Run("standardization", ARGUMENTS, 0, 3.0, "last <line>", record)._replace(**changes)
    return Parsed(build_page([run], questions(), out, quick=quick))


def test_the_page_shows_claims_figures_and_sources(tmp_path: Path) -> None:
    page = page_of(tmp_path, CLAIM)
    assert "a < b & c" in page.said
    assert "0.25 ± 0.01 <= 0.5" in page.said
    assert "python -m experiments.standardization --seed 3, 3 s" in page.said
    assert "1 experiments, 1 claims, 1 of them true." in page.said
    assert '"""Why are inputs standardized' in page.said  # the file that shows it
    assert "-1/N Σ Y·log A3 = 1.1394" in page.said
    (image,) = [attributes for tag, attributes in page.tags if tag == "img"]
    assert image["alt"] == "Errors. misread (%) over epoch."
    data = base64.b64decode((image["src"] or "").removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as drawn:
        assert drawn.size == (600, 450)


def test_drawings_are_shown_too(tmp_path: Path) -> None:
    folder = tmp_path / "standardization"
    folder.mkdir()
    (folder / "a_graph.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    run = Run("standardization", ARGUMENTS, 0, 3.0, "", {"figures": ["a_graph.svg"]})
    page = Parsed(build_page([run], questions(), tmp_path, quick=True))
    assert page.values("alt") == ["A graph"]
    assert page.values("src")[0].startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "holds"),
        ({"verdict": "fails"}, "fails"),
        ({"verdict": "holds only if the network is large"}, "only if"),
        ({"holds": False}, "not shown"),
        ({"holds": False, "verdict": "fails"}, "not shown"),
    ],
)
def test_each_verdict_has_its_word(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
    page = page_of(tmp_path, CLAIM | changes)
    assert f"1 {word}" in page.said  # in the contents
    assert f"{word} a < b & c" in page.said
    assert str((CLAIM | changes)["verdict"]) in page.said or word == "not shown"


def test_the_page_asks_for_nothing_outside_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, CLAIM)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert all(source.startswith("data:") for source in page.values("src"))
    links = page.values("href")
    assert len(links) == 3
    assert {link[1:] for link in links} <= set(page.values("id"))


def test_a_crash_is_said(tmp_path: Path) -> None:
    page = page_of(tmp_path, status=-9, record=None)
    assert "It ended with status -9:last <line>" in page.said
    assert "Without a result: standardization." in page.said
    assert "no result" in page.said


def test_a_quick_run_says_why_there_are_no_claims(tmp_path: Path) -> None:
    assert "No claims are made of these small settings." in page_of(tmp_path, quick=True).said


def test_every_experiment_is_on_the_page_once() -> None:
    names = [name for part in PARTS for name in part.experiments]
    assert sorted([*names, *TOOLS]) == sorted(questions())
    assert set(TIMED) <= set(names)


def test_a_seed_is_given_to_those_that_have_one() -> None:
    for name in questions().keys() - set(TOOLS):
        config = importlib.import_module(f"experiments.{name}").Config
        given = "--seed" in running.command(name, quick=False, seed=3)
        assert given == hasattr(config, "seed"), name


SCRIPTS = {
    "good": "print('said')",
    "bad": "raise SystemExit(3)",
    "false": "import sys; print('claim does not hold'); sys.exit(1)",
}


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    write = "import json, sys, pathlib; out = pathlib.Path(sys.argv[-1]); "
    write += "(out / 'result.json').write_text(json.dumps({'claims': []})); "

    def command(name: str, *, quick: bool, seed: int) -> list[str]:
        return ["-c", f"{write}{SCRIPTS[name]}\n# {quick} {seed}"]

    monkeypatch.setattr(running, "command", command)


@pytest.mark.usefixtures("scripts")
def test_a_failure_leaves_the_others_and_finished_ones_are_kept(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    starts: list[tuple[dict[str, Any], set[str]]]
    starts = [({}, set()), ({}, {"good"}), ({"quick": True}, set()), ({"seed": 1}, set())]

    def tell(run: Run, before: bool) -> None:
        told.append((run.name, before))

    for options, kept in starts:
        told.clear()
        runs = run_all(list(SCRIPTS), tmp_path, **options, told=tell)
        assert [run.status for run in runs] == [0, 3, 1]
        assert [run.crashed for run in runs] == [False, True, False]
        assert runs[0].output == "said"
        assert {name for name, before in told if before} == kept
        assert sorted(name for name, _ in told) == sorted(SCRIPTS)


@pytest.mark.usefixtures("scripts")
def test_what_measures_time_runs_when_all_others_have_ended(tmp_path: Path) -> None:
    told: list[str] = []
    options: dict[str, Any] = {"quick": True, "told": lambda run, before: told.append(run.name)}
    runs = run_all(list(SCRIPTS), tmp_path, alone=("good",), **options)
    assert told[-1] == "good"
    assert [run.name for run in runs] == list(SCRIPTS)


@pytest.mark.usefixtures("scripts")
def test_a_quick_run_compiles_fast_but_for_what_measures_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAX_DISABLE_MOST_OPTIMIZATIONS")
    said = "import os; print(os.environ.get('JAX_DISABLE_MOST_OPTIMIZATIONS'))"
    for name in ("pca", "benchmark"):
        monkeypatch.setitem(SCRIPTS, name, said)
    for quick, expected in ((True, ["1", "None"]), (False, ["None", "None"])):
        runs = run_all(["pca", "benchmark"], tmp_path, quick=quick, told=lambda run, before: None)
        assert [run.output for run in runs] == expected


@pytest.mark.usefixtures("scripts")
def test_a_run_that_was_interrupted_runs_again(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "result.json").write_text("{}")
    told = []
    run_all(["good"], tmp_path, quick=False, told=lambda run, before: told.append(before))
    (tmp_path / "good" / running.NOTE).write_text("{")
    run_all(["good"], tmp_path, quick=False, told=lambda run, before: told.append(before))
    assert told == [False, False]
    assert json.loads((tmp_path / "good" / running.NOTE).read_text())["status"] == 0


def test_mistakes_end_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "file"
    file.touch()
    asked = ["--only", "standardisation", "--out", str(tmp_path)]
    assert run_course(questions(), asked) == 2
    assert "Did you mean 'standardization'?" in capsys.readouterr().err
    assert run_course(questions(), ["--out", str(file / "page")]) == 2
    assert "expected folder to be writable" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    asked = ["all", "--quick", "--only", "standardization", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "experiments"]
    ran = subprocess.run(
        [*command, *asked], cwd=ROOT, env=users_environment(), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert f"wrote {tmp_path / 'index.html'}" in ran.stdout
    assert "1 of 1: standardization, status 0" in ran.stderr
    wrong = subprocess.run([*command, "al"], cwd=ROOT, capture_output=True, text=True)
    assert (wrong.returncode, "Did you mean 'all'?" in wrong.stderr) == (2, True)
