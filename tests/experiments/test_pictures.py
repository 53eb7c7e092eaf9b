"""Pictures as inputs: their pixels and their ground."""

import json
import os
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import jaxnet
from experiments.images.pictures import Frame, read_pictures
from jaxnet.networks import save_model
from tests.experiments.test_commands import run

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


def read_one(path: Path, page: np.ndarray, frame: Frame) -> np.ndarray:
    Image.fromarray(page).save(path)
    (picture,) = read_pictures(path, frame, "auto")
    return picture.pixels


@pytest.mark.parametrize("pixel_max", [1, 1.0, 0.5, 65535])
def test_other_than_8_bit_inputs_are_neither_rounded_nor_wrapped(
    pixel_max: float, tmp_path: Path
) -> None:
    page = np.zeros((28, 28), np.uint8)
    page[8:20, 8:20] = np.linspace(20, 255, 144).reshape(12, 12)
    pixels = read_one(tmp_path / "page.png", page, Frame(28, 28, pixel_max, 20 / 28))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, page / 255 * pixel_max, rtol=1e-6)
    large = np.kron(page, np.ones((3, 3), np.uint8))
    resized = read_one(tmp_path / "page.png", large, Frame(28, 28, pixel_max, 20 / 28))
    assert resized.dtype == np.float32
    assert resized.max() == pytest.approx(pixel_max)


@pytest.mark.parametrize("pixel_max", [2, 16, 16.0, 255])
def test_8_bit_inputs_are_whole(pixel_max: float, tmp_path: Path) -> None:
    page = np.zeros((28, 28), np.uint8)
    page[8:20, 8:20] = 199
    pixels = read_one(tmp_path / "page.png", page, Frame(28, 28, pixel_max, 20 / 28))
    assert pixels.dtype == np.uint8
    assert pixels.max() == np.rint(199 / 255 * pixel_max)


def written(digit: str, *, stroke: int, margin: int) -> np.ndarray:
    """Return a bold digit, bright on dark, with a margin."""
    image = Image.new("L", (260, 260), 0)
    font = ImageFont.truetype(FONT, 120)
    ImageDraw.Draw(image).text((70, 50), digit, font=font, fill=240, stroke_width=stroke)
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    return np.asarray(image.crop((left - margin, top - margin, right + margin, bottom + margin)))


@pytest.mark.parametrize("inverted", [False, True], ids=["bright on dark", "dark on light"])
@pytest.mark.parametrize("digit", "023568")
def test_a_bold_digit_cropped_tightly_is_read_as_one_with_room(
    digit: str, inverted: bool, tmp_path: Path
) -> None:
    frame, path = Frame(28, 28, 255, 20 / 28), tmp_path / "page.png"
    tight, wide = (written(digit, stroke=6, margin=margin) for margin in (2, 40))
    assert np.median(tight) > 200  # most of it is ink
    pages = (255 - page if inverted else page for page in (tight, wide))
    first, second = (read_one(path, page, frame).astype(float) for page in pages)
    np.testing.assert_allclose(first, second, atol=2)


def test_ground_of_uneven_light_has_no_ink(tmp_path: Path) -> None:
    light = np.linspace(0.0, 0.5, 100)[None] * np.ones((100, 1))
    page = (255 * light).astype(np.uint8)
    page[30:70, 45:55] = 255  # ink in the middle of a slope
    picture = read_one(tmp_path / "page.png", page, Frame(28, 28, 255, 20 / 28))
    left, right = picture[:, :9], picture[:, 19:]
    assert left.max() == right.max() == 0
    assert picture.max() == 255


def test_mnist_digits_are_read_as_they_are_in_both_polarities(tmp_path: Path) -> None:
    digits = jaxnet.data.load_dataset("digits").test.inputs.reshape(-1, 8, 8)
    frame, path = Frame(8, 8, 16, 1.0), tmp_path / "page.png"
    for digit in digits[:20]:
        page = np.kron(np.pad(digit, 1), np.ones((9, 9), int)).astype(np.uint8) * 15
        first, second = (read_one(path, each, frame) for each in (page, 255 - page))
        np.testing.assert_array_equal(first, second)


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + data


def described(dtype: str, shape: str) -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(described("'<f8'", "(1000000000000000, 8, 8)")), "to be a whole array of numbers"),
        (npy(described("'|u1'", "(99999999999999999999999,)")), "to be a whole array of numbers"),
        (npy(described("'|u1'", "(True, 64)"), bytes(64)), "to be a whole array of numbers"),
        (npy("((((("), "to be a whole array of numbers"),
        (npy(described("'|O'", "(8, 8)"), bytes(64)), "to be a whole array of numbers"),
        (npy(described("'<f16'", "(8, 8)"), bytes(1024)), "integers or floats of up to 64 bits"),
    ],
    ids=["huge", "huge number", "boolean", "no header", "objects", "longdouble"],
)
def test_an_array_of_an_odd_header_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_pictures(tmp_path / "a.npy", Frame(8, 8, 16, 1.0), "auto")


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="to be readable, got File name too long"):
        read_pictures(Path("a" * 1000), Frame(8, 8, 16, 1.0), "auto")


def model_file(path: Path, **metadata: Any) -> str:
    """Write an untrained network for digits with given metadata of its inputs."""
    network = jaxnet.mlp((64, 10))
    known = {"image_shape": [8, 8], "pixel_max": 16, "ink_extent": 1.0}
    training = {"dataset": metadata.pop("dataset", "digits")}
    names = metadata.pop("class_names", [f"${i}_" for i in range(10)])  # no mathematics
    params, statistics = network.init(jax.random.key(0), (64,))
    options = {"class_names": names, "preprocessing": known | metadata, "training": training}
    return str(save_model(path / "model", network, params, statistics, **options))


def test_names_are_shown_as_they_are(tmp_path: Path, capsysbinary: Any) -> None:
    names = [tmp_path / "$x_$.npy", tmp_path / os.fsdecode(b"caf\xe9.npy")]
    for name in names:
        with name.open("wb") as file:
            np.save(file, np.zeros((8, 8)))
    options = ("--model", model_file(tmp_path), "--out", str(tmp_path / "out"))
    assert run("predict", *map(str, names), *options) == 0
    assert b"$x_$.npy: $" in capsysbinary.readouterr().out
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    images = [row["image"] for row in record["results"]["predictions"]]
    assert images == ["$x_$.npy", "caf\ufffd.npy"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"image_shape": [8]}, "image_shape of the preprocessing to be height and width, in"),
        ({"image_shape": 8}, "image_shape of the preprocessing to be height and width, in"),
        ({"image_shape": [-8, -8]}, "image_shape of the preprocessing to be height and width"),
        ({"image_shape": [8.0, 8.0]}, "image_shape of the preprocessing to be height and width"),
        ({"image_shape": [8, 9]}, "of an input of shape (64,), got [8, 9]"),
        ({"pixel_max": 0}, "pixel_max of the preprocessing finite and in (0, inf), got 0"),
        ({"pixel_max": "255"}, "pixel_max of the preprocessing to be a number, got '255'"),
        ({"ink_extent": 1.5}, "ink_extent of the preprocessing finite and in (0, 1], got 1.5"),
        ({"ink_extent": "1"}, "ink_extent of the preprocessing to be a number, got '1'"),
        ({"image_shape": [4, 4, 4]}, "also 3, of an input of shape (64,), got [4, 4, 4]"),
        ({"dataset": ["digits"]}, "expected images to be given, got none. The model is of no data"),
    ],
    ids=str,
)
def test_metadata_of_a_model_are_checked(
    metadata: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", model_file(tmp_path, **metadata), "--out", str(tmp_path / "out"))
    assert run("predict", *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
