"""A folder of another sweep is refused and says why; damage and full disks lose little.

What sweeps share with runs of `fit`: see `tests.training.checkpoints.test_damage`.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import optuna
import pytest

import jaxnet
from jaxnet.core.errors import InputError
from jaxnet.training import Recipe, early_stopping, fit, grid, optuna_search, sweep
from jaxnet.training.checkpoints import save_interval
from jaxnet.training.sweeps.checkpoint import share_folder, stage_folder
from tests.full_disk import full_disk
from tests.training.checkpoints.test_damage import flip, halve, pipe
from tests.training.sweeps.test_checkpoint import (
    RUNS,
    SETTINGS,
    KilledError,
    Killer,
    bits,
    build,
    names,
    swept,
)
from tests.training.toys import blobs


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a sweep of which three of nine runs are missing."""
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(save_interval, "COST", float("inf"))
        with pytest.raises(KilledError):
            swept(folder, on_progress=Killer(6))
    return folder


@pytest.fixture(scope="module")
def whole() -> str:
    """Return what the sweep gives that nobody killed."""
    return bits(swept(None))


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return shutil.copytree(written, tmp_path / "copy")


def wider(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(network=jaxnet.mlp((3, 4, 3)))


def adam(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(optimizer=jaxnet.optim.sgd(learning_rate))


def penalized(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(penalty=jaxnet.penalties.get_penalty("l2", strength=0.1))


def doubled(learning_rate: Any) -> Recipe:
    return build(2 * learning_rate)


def stopping(learning_rate: Any) -> Recipe:
    return build(learning_rate)._replace(rules=[early_stopping()])


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "width": (
        {"build": wider},
        r"with params\[0\]\.weights float32 of shape \(4, 3\), got .*\(3, 3\)",
    ),
    "optimizer": ({"build": adam}, r"with state\.opt_state.* none, got float32"),
    "rules": ({"build": stopping}, r"with state\.rules\[0\]\.best float32 .*, got none"),
    "penalty": ({"build": penalized}, r"with penalty l2\(strength=0\.1\), got none"),
    "a number": (
        {"build": doubled},
        "the line of its program '.*', got '.*Some number or function",
    ),
    "batch size": ({"batch_size": 9}, "with batch_size 9, got 8"),
    "epochs": ({"epochs": 4}, "history.* of shape .4,., got float32 of shape .3,."),
    "more seeds": ({"seeds": 4}, "with runs 12, got 9. Pass the settings, seeds, key and options"),
    "key": (
        {"key": jax.random.key(4)},
        r"with keys key<fry> of shape \(9,\) and SHA-256 .*, got key",
    ),
    "settings": (
        {"settings": grid(learning_rate=[0.01, 0.1, 0.2])},
        r"with learning_rate float32 of shape \(9,\) and SHA-256 .*, got float32",
    ),
    "strategy": ({"width": "all"}, "with width all, got 1"),
    "another number": ({"width": 2}, "with width 2, got 1"),
    "keep": ({"keep": "state"}, "with keep state, got params"),
    "validation": ({"validation": blobs(seed=2)}, "with history.*validation.* none|none, got"),
    "examples": (
        {"train": blobs(seed=2)},
        r"with train\.inputs float32 of shape .* in the same order",
    ),
}


@pytest.mark.parametrize(("changed", "message"), OTHERS.values(), ids=OTHERS.keys())
def test_another_sweep_is_refused(changed: dict[str, Any], message: str, written: Path) -> None:
    before = names(written)
    given: dict[str, Any] = {"build": build, "train": blobs(), "settings": SETTINGS, **RUNS}
    given |= {"width": 1, "checkpoint": written, **changed}
    with pytest.raises(InputError, match=f"^expected checkpoint '.*{message}"):
        sweep(given.pop("build"), given.pop("train"), **given)
    assert names(written) == before


def test_another_precision_is_refused(written: Path, float64: Any) -> None:
    with pytest.raises(TypeError, match=r"params\[0\]\.weights float64 .*, got float32"):
        swept(written)


def test_folders_of_other_functions_are_refused(folder: Path, tmp_path: Path) -> None:
    recipe, own = build(0.1), tmp_path / "fit"
    given: dict[str, Any] = {"optimizer": recipe.optimizer, "key": RUNS["key"], "batch_size": 8}
    with pytest.raises(ValueError, match="a folder of a run of fit, got one of a sweep"):
        fit(recipe.network, blobs(), epochs=1, checkpoint=folder, **given)
    fit(recipe.network, blobs(), epochs=1, checkpoint=own, **given)
    with pytest.raises(ValueError, match="to be a folder of a sweep, got one of a run of fit"):
        swept(own)
    for name, what in (
        ("stage_0", "the stages of a search"),
        ("process_1", "the shares of several"),
    ):
        (tmp_path / name / name).mkdir(parents=True)
        with pytest.raises(ValueError, match=f"a folder of a sweep, got one of {what}"):
            swept(tmp_path / name)
    with pytest.raises(ValueError, match="the shares of several processes, got one of a sweep"):
        share_folder(folder, 2)
    with pytest.raises(ValueError, match="the stages of a search, got one of a sweep"):
        stage_folder(folder, 0)


@pytest.mark.parametrize(
    ("number", "harm"),
    [(1, halve), (2, flip), (6, halve), (3, pipe)],
    ids=["first", "flipped", "last", "pipe"],
)
def test_what_a_damaged_part_held_is_trained_anew(
    number: int, harm: Callable[[Path], None], folder: Path, whole: str
) -> None:
    name = f"part_{number}.safetensors"
    harm(folder / name)
    last = Killer()
    with pytest.warns(UserWarning, match=rf"{name}.*\. It is skipped\."):
        resumed = swept(folder, on_progress=last)
    assert bits(resumed) == whole
    assert last.seen[0].resumed == 5
    assert f"damaged_{name}" in names(folder)
    assert bits(swept(folder)) == whole  # without a warning


def test_a_part_that_is_gone_or_has_the_name_of_another_is_trained_anew(
    folder: Path, whole: str
) -> None:
    (folder / "part_1.safetensors").unlink()
    (folder / "part_3.safetensors").rename(folder / "part_9.safetensors")
    with pytest.warns(UserWarning, match=r"part_9\.safetensors to have the name .* got part_3"):
        assert bits(swept(folder)) == whole
    assert "damaged_part_9.safetensors" in names(folder)


def test_if_all_are_corrupted_nothing_is_overwritten(folder: Path, whole: str) -> None:
    for path in folder.glob("part_*"):
        halve(path)
    with pytest.warns(UserWarning, match="It is skipped"):
        assert bits(swept(folder)) == whole
    assert len(list(folder.glob("damaged_part_*"))) == 6


def test_unfinished_writing_is_removed_and_other_files_are_let_be(folder: Path) -> None:
    (folder / ".part_7.123.safetensors").write_text("half")
    (folder / "notes.txt").write_text("mine")
    swept(folder)
    assert [name for name in names(folder) if not re.match(r"part_\d", name)] == ["notes.txt"]


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(InputError, match=r"checkpoint to be writable, got .*: Not a directory"):
        swept(Path(__file__) / "sweep")


def test_a_disk_that_takes_no_more_keeps_what_there_is(folder: Path) -> None:
    before = names(folder)
    message = r"to be writable, got '.*': File too large\. Make room, .* good .*/part_6"
    with full_disk(500), pytest.raises(ValueError, match=message) as caught:
        swept(folder)
    assert isinstance(caught.value, InputError)  # with which a command ends with status 2
    assert names(folder) == before


def test_a_search_that_hangs_on_a_study_takes_none(tmp_path: Path) -> None:
    study = optuna.create_study()
    rates = {"learning_rate": optuna.distributions.FloatDistribution(0.01, 0.1)}
    given: dict[str, Any] = {"key": RUNS["key"], "epochs": 1, "batch_size": 8, "rounds": 1}
    with pytest.raises(ValueError, match=r"expected checkpoint to be left out.*storage"):
        optuna_search(
            study,
            build,
            blobs(),
            blobs(),
            distributions=rates,
            batch=1,
            checkpoint=tmp_path,
            **given,
        )


def test_any_library_reads_a_part(written: Path) -> None:
    from safetensors import safe_open

    with safe_open(written / "part_1.safetensors", framework="np") as file:
        description = json.loads(file.metadata()["description"])
        weights = file.get_tensor("params[0].weights")
    assert (description["starts"], description["width"], weights.shape) == ([0], 1, (1, 3, 3))
