"""What does a saved network read in your own images?

Loads a model file, such as that of `learning_curves`, and images: PNG and JPEG of any size, IDX
files, and .npy arrays, which are the network's inputs as they are. Without images, it takes test
images of the model's data set. Prints the two most probable classes of each image and how it was
prepared; draws them. Of a network that was trained on a table, it takes tables of new rows, writes
what it predicts for each to predictions.csv, and counts categories that training has not seen.
"""

import dataclasses
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure, save_figure
from experiments.harness.options import Count, Natural
from experiments.harness.record import Claim, conclude, prepare_folder
from experiments.harness.trained import save_trained
from experiments.images.pictures import Frame, Invert, Picture, read_pictures
from experiments.tables.reading import is_of_table, predict_rows, write_rows
from jaxnet.core.checks import check_range
from jaxnet.core.errors import invalid_value
from jaxnet.data import DATASETS
from jaxnet.networks import Model, load_model

COLUMNS = 3
CHOICES = 3
"""Classes shown per image, the most probable ones."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the prediction."""

    images: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """PNG, JPEG, IDX (.gz) or .npy files; by default test images of the network's data set. For a
    network of a table: tables with its columns."""
    model: Path | None = None
    """Model file, such as out/learning_curves/model.safetensors."""
    train: Natural = 0
    """Without --model: train a network on the embedded digits for this number of epochs."""
    invert: Invert = "auto"
    """Whether images are dark on light, as on paper; auto looks at their edges, and leaves those
    for a network of a folder of images or of colours as they are."""
    count: Count = 12
    """Number of test images without images of your own."""
    show: Count = 24
    """Largest number of images to print and draw; result.json has all."""
    data_dir: Path | None = None
    """Folder that holds mnist/, for its test images; by default $JAXNET_DATA, else the cache."""
    out: Path = Path("out/predict")
    """Folder for result.json and the figure."""


SMOKE = Config(train=3)


class Reading(NamedTuple):
    """Prediction for a picture: classes, most probable first."""

    picture: Picture
    classes: tuple[str, ...]
    probabilities: np.ndarray
    truth: str | None


def main(config: Config) -> list[Claim]:
    """Classify the images, draw them, and write the record."""
    out = prepare_folder(config.out)
    model = load_model(_model_file(config, out))
    if is_of_table(model):
        return predict_table(config, model, out)
    frame = _frame(model)
    files = [read_pictures(path, frame, config.invert) for path in config.images]
    pictures = [one for of_file in files for one in of_file]
    readings = read(model, pictures or _test_pictures(config, model, frame))
    print(*(_line(reading) for reading in readings[: config.show]), sep="\n")
    more = len(readings) - config.show
    print(f"and {more:,} more, see result.json") if more > 0 else None
    gray = "gray" if frame.ink_extent is None else "gray_r"
    figure = draw_readings(out / "predictions.png", readings[: config.show], gray)
    return conclude(
        config,
        seeds=[],
        results={"training": model.training, "predictions": [_row(one) for one in readings]},
        figures=[figure],
    )


def predict_table(config: Config, model: Model, out: Path) -> list[Claim]:
    """Predict the rows of tables, print the first ones, and write all as a CSV file."""
    rows, predicted = predict_rows(model, config.images)
    for row in range(min(len(rows), config.show)):
        values = {name: column[row] for name, column in predicted.items()}
        print(f"row {row + 1}:", ", ".join(f"{n} {_short(v)}" for n, v in values.items()))
    unseen = model.unseen(rows)
    for name, values in unseen.items():
        new = f"categories that training has not seen ({len(values)}, such as {min(values)!r})"
        print(f"column {name!r}: {sum(values.values()):,} of {len(rows):,} rows hold {new}")
    path = write_rows(out / "predictions.csv", rows, predicted)
    facts = {"rows": len(rows), "unseen_categories": unseen, "predictions": path.name}
    results = {"training": model.training, **facts}
    print("wrote", path)
    return conclude(config, seeds=[], results=results)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def read(model: Model, pictures: Sequence[Picture]) -> list[Reading]:
    """Classify pictures."""
    inputs = np.stack([picture.pixels for picture in pictures]).reshape(-1, *model.in_shape)
    readings = []
    for picture, each in zip(pictures, model.predict_proba(inputs), strict=True):
        order = np.argsort(-each, kind="stable")
        names = tuple(model.class_names[index] for index in order)
        truth = None if picture.label is None else model.class_names[picture.label]
        readings.append(Reading(picture, names, each[order], truth))
    return readings


def draw_readings(path: Path, readings: Sequence[Reading], gray: str) -> Path:
    """Draw each picture as the network sees it, with its most probable classes."""
    rows = -(-len(readings) // COLUMNS)
    title = "Images as the network sees them, and its predictions"
    figure, axes = new_figure(rows, 2 * COLUMNS, size=(12, 1.9 * rows + 0.8), title=title)
    for axis in axes:
        axis.set_axis_off()
    for reading, image, bars in zip(readings, axes[::2], axes[1::2], strict=False):
        image.imshow(reading.picture.pixels, cmap=gray, vmin=0)
        image.set_title(reading.picture.name, fontsize=9, color=GREY, parse_math=False)
        wrong = reading.truth is not None and reading.truth != reading.classes[0]
        likely = reading.probabilities[:CHOICES]
        colors = [ORANGE if wrong else BLUE, *[GREY] * (len(likely) - 1)]
        bars.barh(range(len(likely)), likely, color=colors, height=0.55)
        for place, (name, probability) in enumerate(zip(reading.classes, likely, strict=False)):
            text = f"{name}   {probability:.2%}"
            bars.text(0, place - 0.33, text, fontsize=11, va="bottom", parse_math=False)
        bars.set(xlim=(0, 1), ylim=(len(likely) - 0.5, -0.9))
    return save_figure(figure, path)


def _model_file(config: Config, out: Path) -> Path:
    if config.model is not None:
        return config.model
    if not config.train:
        remedy = (
            "Make one by: python -m experiments.learning_curves, which writes "
            "out/learning_curves/model.safetensors; or let --train 100 train one first."
        )
        raise invalid_value("--model", "to be given", None, remedy)
    digits = jaxnet.data.load_dataset("digits")
    network = jaxnet.mlp((64, 32, 10), input_scale=1 / digits.pixel_max)
    result = jaxnet.training.fit(
        network,
        digits.train,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.adam(1e-2),
        epochs=config.train,
        batch_size=50,
        validation=digits.test,
    )
    accuracy = float(result.history.validation["accuracy"][-1])
    facts = {"epochs": config.train, "test_accuracy": accuracy}
    return save_trained(out, digits, network, result, facts)


def _frame(model: Model) -> Frame:
    """Return the form of the model's inputs, from the metadata of its file."""
    given, remedy = model.preprocessing, "Pass it to save_model, as learning_curves does."
    if not model.class_names or "image_shape" not in given or "pixel_max" not in given:
        expected = "to have class names, and image_shape and pixel_max in its preprocessing"
        raise invalid_value("model", expected, "one without", remedy)
    shape, extent = given["image_shape"], given.get("ink_extent", 1.0)
    whole = isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape)
    known = whole and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))
    if not known or math.prod(shape) != math.prod(model.in_shape):
        size = "height and width, in colour also 3,"
        expected = f"to be {size} of an input of shape {model.in_shape}"
        raise invalid_value(_entry("image_shape"), expected, shape, remedy)
    check_range(_entry("pixel_max"), given["pixel_max"], low=0, low_open=True)
    if extent is not None:
        check_range(_entry("ink_extent"), extent, low=0, low_open=True, high=1)
    height, width = shape[:2]
    return Frame(height, width, given["pixel_max"], extent, *shape[2:])


def _entry(name: str) -> str:
    return f"{name} of the preprocessing"


def _test_pictures(config: Config, model: Model, frame: Frame) -> list[Picture]:
    name = model.training.get("dataset")
    if str(name) not in DATASETS:
        remedy = "The model is of no data set by name: name images."
        raise invalid_value("images", "to be given", "none", remedy)
    dataset = jaxnet.data.load_dataset(str(name), data_dir=config.data_dir)
    if (dataset.image_shape, dataset.class_names) != (frame.shape, model.class_names):
        expected = f"to have the images and classes of {name}, its data set"
        raise invalid_value("model", expected, "others", "Name images.")
    test = dataset.test.take(slice(config.count))
    pixels = test.inputs.reshape(-1, *frame.shape)
    return [
        Picture(f"{name} test[{index}]", image, "as it is", int(label))
        for index, (image, label) in enumerate(zip(pixels, test.targets, strict=True))
    ]


def _line(reading: Reading) -> str:
    first, second = reading.classes[:2]
    sure, next_sure = reading.probabilities[:2]
    verdict = "" if reading.truth in (None, first) else f"  WRONG: it is {reading.truth}"
    done = "" if reading.picture.done == "as it is" else f"  ({reading.picture.done})"
    read = f"{first} with {sure:7.2%}, then {second} with {next_sure:6.2%}"
    return f"{reading.picture.name}: {read}{verdict}{done}"


def _row(reading: Reading) -> dict[str, Any]:
    return {
        "image": reading.picture.name,
        "class": reading.classes[0],
        "probability": reading.probabilities[0],
        "runner_up": reading.classes[1],
        "runner_up_probability": reading.probabilities[1],
        "truth": reading.truth,
        "done": reading.picture.done,
    }


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
