"""Pictures as inputs: what their pixels are, and which of them are ground."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import jaxnet
from experiments._pictures import Frame, read_pictures

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
    """Return a bold digit, bright on dark, with so much room around."""
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


def test_ground_of_uneven_light_stays_its_median(tmp_path: Path) -> None:
    light = np.linspace(0.0, 0.5, 100)[None] * np.ones((100, 1))
    page = (255 * light).astype(np.uint8)
    page[30:70, 45:55] = 255  # ink in the middle of a slope
    (picture,) = (read_one(tmp_path / "page.png", page, Frame(28, 28, 255, 20 / 28)),)
    left, right = picture[:, :9], picture[:, 19:]
    assert left.max() == 0  # what is darker than the median is ground
    assert right.max() < 128


def test_mnist_digits_are_read_as_they_are_in_both_polarities(tmp_path: Path) -> None:
    digits = jaxnet.data.load_dataset("digits").test.inputs.reshape(-1, 8, 8)
    frame, path = Frame(8, 8, 16, 1.0), tmp_path / "page.png"
    for digit in digits[:20]:
        page = np.kron(np.pad(digit, 1), np.ones((9, 9), int)).astype(np.uint8) * 15
        first, second = (read_one(path, each, frame) for each in (page, 255 - page))
        np.testing.assert_array_equal(first, second)
