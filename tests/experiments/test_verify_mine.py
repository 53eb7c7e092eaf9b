"""Own optimizer by one command: what it equals, where it differs, what it costs."""

import re
import sys
from pathlib import Path

import pytest

from tests.experiments.test_commands import recorded, run

OWN = """
import jax
import optax
from beside import rate_of


def mine(learning_rate):
    def update(updates, state, params=None):
        return jax.tree.map(lambda g: -2 * rate_of(learning_rate, state) * g, updates), state + 1

    return optax.GradientTransformation(lambda params: 0, update)


made = optax.sgd(0.1)


def impure(learning_rate):
    calls = []

    def update(updates, state, params=None):
        calls.append(1)
        return jax.tree.map(lambda g: -len(calls) * g, updates), state

    return optax.GradientTransformation(lambda params: 0, update)
"""

BESIDE = "rate_of = lambda rate, count: rate(count) if callable(rate) else rate\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "own_optimizer.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("import no_such_package\n")
    (tmp_path / "unfinished.py").write_text("def f(:\n")
    return tmp_path


@pytest.mark.slow
def test_an_own_optimizer_is_reported(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--mine", f"{own / 'own_optimizer.py'}:mine")
    results = recorded("verify_optimizers", own / "out", *given)["results"]
    assert results["equal"][0]["call"] == "sgd(2 * learning_rate, like='optax')"
    assert all(scenario["first"] is None for scenario in results["comparison"]["scenarios"])
    assert set(results["times"]) == {"jaxnet.optim.sgd", "optax.sgd"}
    printed = capsys.readouterr().out
    assert "equals sgd(2 * learning_rate, like='optax')" in printed
    assert "but for rounding" in printed
    assert "microseconds a step" in printed


@pytest.mark.slow
def test_a_transformation_in_a_module_is_reported(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(own))
    assert run("verify_optimizers", "--mine", "own_optimizer:made", "--out", str(own / "out")) == 0
    assert "equals sgd(0.1, like='optax')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("own_optimizer.py", "expected --mine to be FILE.py:NAME or MODULE:NAME"),
        ("own_optimizer.py:missing", "expected --mine to name something of .*It has .*mine, made"),
        ("absent.py:mine", "expected --mine to be in a file, got no file .*Correct the path"),
        (
            "broken.py:mine",
            "got ModuleNotFoundError: .*'no_such_package'. Run python",
        ),
        ("unfinished.py:mine", "got SyntaxError"),
        ("own_optimizer.py:impure", "expected update of mine to be pure"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    own: Path, capsys: pytest.CaptureFixture[str], given: str, message: str
) -> None:
    assert run("verify_optimizers", "--mine", f"{own}/{given}", "--out", str(own / "out")) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert re.search(message, error), error


def test_a_module_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify_optimizers", "--mine", "no_such_module:mine") == 2
    assert "got no module 'no_such_module'. Start where" in capsys.readouterr().err
    assert "no_such_module" not in sys.modules
