"""Pages in uneven light, and drawings on a transparent or equally bright ground."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxnet
from experiments.images.ground import flattened
from experiments.images.pictures import Frame, Invert, read_pictures
from tests.experiments.test_pictures import written

FRAME = Frame(8, 8, 16, 1.0)
DIGITS = jaxnet.data.load_dataset("digits").test.inputs[:5].reshape(-1, 8, 8)


def ink_of(digit: np.ndarray) -> np.ndarray:
    """Return a page with a digit off center: 1 for full ink, 0 for the ground."""
    return np.pad(np.kron(digit / 16, np.ones((12, 12))), ((36, 12), (12, 60)))


def falling(shape: tuple[int, ...], angle: float, low: float) -> np.ndarray:
    """Return light that falls from 1 to ``low`` in a direction."""
    y, x = (np.linspace(-0.5, 0.5, size) for size in shape)
    along = math.sin(angle) * y[:, None] + math.cos(angle) * x[None]
    return 1 - (1 - low) * (along - along.min()) / np.ptp(along)


def vignette(shape: tuple[int, ...], low: float) -> np.ndarray:
    """Return light that falls from 1 off center to ``low`` in the farthest corner."""
    y, x = (np.linspace(-0.5, 0.5, size) for size in shape)
    radius = (y[:, None] + 0.1) ** 2 + (x[None] - 0.2) ** 2
    return 1 - (1 - low) * radius / radius.max()


def read(path: Path, image: Image.Image, invert: Invert = "auto") -> np.ndarray:
    image.save(path)
    (picture,) = read_pictures(path, FRAME, invert)
    return picture.pixels.astype(float)


def gray(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(255 * values).astype(np.uint8))


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[np.ndarray]]:
    """Return what is read of the digits in even light: on paper, on a board, of 16 inks."""
    path = tmp_path_factory.mktemp("even") / "page.png"
    inks = [ink_of(digit) for digit in DIGITS]
    pages = {
        "paper": [1 - ink for ink in inks],
        "board": inks,
        "coarse": [1 - np.rint(15 * ink) / 15 for ink in inks],
    }
    return {name: [read(path, gray(page)) for page in kind] for name, kind in pages.items()}


@pytest.mark.parametrize("low", [0.65, 0.5, 0.35])
@pytest.mark.parametrize("angle", range(0, 360, 45))
def test_falling_light_changes_nothing_on_paper(
    angle: int, low: float, tmp_path: Path, even: dict[str, list[np.ndarray]]
) -> None:
    for digit, expected in zip(DIGITS, even["paper"], strict=True):
        paper = 1 - ink_of(digit)
        light = falling(paper.shape, math.radians(angle), low)
        uneven = read(tmp_path / "page.png", gray(paper * light))
        # of 16: pages have 256 values of gray
        np.testing.assert_allclose(uneven, expected, atol=1)


@pytest.mark.parametrize("angle", range(0, 360, 45))
def test_a_glow_on_a_blackboard_changes_little(
    angle: int, tmp_path: Path, even: dict[str, list[np.ndarray]]
) -> None:
    for digit, expected in zip(DIGITS, even["board"], strict=True):
        board = ink_of(digit)
        glow = 1 - falling(board.shape, math.radians(angle), 0.65)
        uneven = read(tmp_path / "page.png", gray(glow + (1 - glow) * board))
        np.testing.assert_allclose(uneven, expected, atol=1)


def test_light_that_falls_off_all_around_and_noise_change_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for digit in DIGITS:
        paper = 0.95 - 0.9 * ink_of(digit)
        even = read(tmp_path / "page.png", gray(paper))
        shaded = paper * vignette(paper.shape, 0.5) + rng.normal(0, 0.01, paper.shape)
        np.testing.assert_allclose(read(tmp_path / "page.png", gray(shaded)), even, atol=2)


@pytest.mark.parametrize("digit", "0158")
@pytest.mark.parametrize("margin", [6, 40])
def test_bold_digits_in_falling_light(digit: str, margin: int) -> None:
    ink = written(digit, stroke=6, margin=margin) / 240
    light = falling(ink.shape, 0.5, 0.6)
    found = flattened(1 - (1 - 0.9 * ink) * light)
    assert found is not None
    np.testing.assert_allclose(found, ink, atol=0.02)


@pytest.mark.parametrize("low", [1.0, 0.5])
def test_a_blank_page_is_one_in_any_light(low: float, tmp_path: Path) -> None:
    page = np.full((90, 120), 0.95) * falling((90, 120), 0.5, low)
    with pytest.raises(ValueError, match="to show something"):
        read(tmp_path / "page.png", gray(page))


def test_a_page_in_the_dark_is_still_light(tmp_path: Path) -> None:
    for digit in DIGITS:
        paper = 1 - ink_of(digit)
        even = read(tmp_path / "page.png", gray(paper))
        np.testing.assert_allclose(read(tmp_path / "page.png", gray(0.4 * paper)), even, atol=1)


COLORS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
    "yellow": (255, 255, 0),
    "red": (255, 0, 0),
}


def transparent(ink: np.ndarray, color: tuple[int, ...], mode: str) -> Image.Image:
    """Return strokes of a color on a transparent ground."""
    values = np.rint(15 * ink).astype(np.uint8)
    if mode == "P":
        image = Image.fromarray(values)
        image.putpalette(bytes(color) * 16)  # makes it of mode P
        image.info["transparency"] = bytes(range(0, 256, 17))
        return image
    rgba = np.zeros((*ink.shape, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = color, 17 * values
    return Image.fromarray(rgba).convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("color", COLORS.values(), ids=COLORS)
def test_strokes_on_a_transparent_ground(
    color: tuple[int, ...], mode: str, tmp_path: Path, even: dict[str, list[np.ndarray]]
) -> None:
    for digit, expected in zip(DIGITS, even["coarse"], strict=True):
        image = transparent(np.rint(15 * ink_of(digit)) / 15, color, mode)
        assert image.mode == mode
        np.testing.assert_allclose(read(tmp_path / "page.png", image), expected, atol=1)


@pytest.mark.parametrize(("color", "invert"), [("black", "yes"), ("white", "no")])
def test_strokes_on_a_transparent_ground_lie_on_a_contrasting_one(
    color: str, invert: Invert, tmp_path: Path
) -> None:
    image = transparent(ink_of(DIGITS[0]), COLORS[color], "RGBA")
    expected = read(tmp_path / "page.png", image)
    np.testing.assert_array_equal(read(tmp_path / "page.png", image, invert), expected)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("see_through", [0.0, 0.6])
def test_a_page_with_a_transparent_margin(
    see_through: float, inverted: bool, tmp_path: Path, even: dict[str, list[np.ndarray]]
) -> None:
    for digit, expected in zip(DIGITS, even["paper"], strict=True):
        page = 1 - ink_of(digit)
        alpha = np.full(page.shape, 1.0)
        alpha[:10] = alpha[:, -20:] = see_through
        planes = [1 - page if inverted else page] * 3 + [alpha]
        image = gray(np.stack(planes, axis=-1))
        assert image.mode == "RGBA"
        np.testing.assert_allclose(read(tmp_path / "page.png", image), expected, atol=1)


@pytest.mark.parametrize("opacity", [1.0, 0.5])
def test_a_constant_alpha_is_ignored(opacity: float, tmp_path: Path) -> None:
    page = 1 - ink_of(DIGITS[0])
    expected = read(tmp_path / "page.png", gray(page))
    image = gray(np.stack([page] * 3 + [np.full(page.shape, opacity)], axis=-1))
    np.testing.assert_allclose(read(tmp_path / "page.png", image), expected, atol=1)


def test_a_wholly_transparent_page_is_blank(tmp_path: Path) -> None:
    page = 1 - ink_of(DIGITS[0])
    image = gray(np.stack([page] * 3 + [np.zeros_like(page)], axis=-1))
    with pytest.raises(ValueError, match="to show something"):
        read(tmp_path / "page.png", image)


@pytest.mark.parametrize(
    ("stroke", "ground"),
    [
        ((255, 0, 0), (0, 130, 0)),  # of equal brightness
        ((0, 130, 0), (255, 0, 0)),
        ((60, 60, 255), (85, 85, 85)),
        ((255, 255, 0), (255, 255, 255)),
        ((0, 0, 60), (0, 0, 0)),
    ],
    ids=str,
)
def test_strokes_as_bright_as_their_ground_are_found_by_color(
    stroke: tuple[int, ...],
    ground: tuple[int, ...],
    tmp_path: Path,
    even: dict[str, list[np.ndarray]],
) -> None:
    for digit, expected in zip(DIGITS, even["paper"], strict=True):
        ink = ink_of(digit)[..., None]
        page = ink * np.array(stroke) / 255 + (1 - ink) * np.array(ground) / 255
        np.testing.assert_allclose(read(tmp_path / "page.png", gray(page)), expected, atol=1)
