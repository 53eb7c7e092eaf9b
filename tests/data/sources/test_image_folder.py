"""Images in folders by class: grey, in colour, split or not, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from jaxnet.data import load_dataset

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOUR = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7


def write(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def fill(folder: Path, count: int = 5, pixels: np.ndarray = GREY) -> Path:
    """Write images of two classes, each of its own."""
    for label, name in enumerate(("cat", "dog")):
        for index in range(count):
            write(folder / name / f"{index}.png", pixels + np.uint8(50 * label + index))
    return folder


def test_parts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    fill(tmp_path / "train", 2)
    fill(tmp_path / "test", 1)
    (tmp_path / "train" / "dog" / ".hidden").write_text("")
    made = load_dataset(tmp_path)
    assert (made.name, made.class_names, made.image_shape) == (
        tmp_path.name,
        ("cat", "dog"),
        (3, 4),
    )
    assert made.input_scale == 1 / 255
    assert made.train.inputs.dtype == np.uint8
    expected = [GREY.ravel() + np.uint8(k) for k in (0, 1, 50, 51)]
    np.testing.assert_array_equal(made.train.inputs, expected)
    assert made.train.targets.tolist() == [0, 0, 1, 1]
    assert made.train.targets.dtype == np.int32
    assert made.test.targets.tolist() == [0, 1]
    with pytest.raises(ValueError, match="key to be left out for a folder with train and test"):
        load_dataset(tmp_path, key=jax.random.key(0))


def test_one_folder_is_split_in_proportion_and_by_key(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    made, again = load_dataset(tmp_path), load_dataset(str(tmp_path))
    np.testing.assert_array_equal(made.train.inputs, again.train.inputs)
    assert np.bincount(made.train.targets).tolist() == [8, 8]
    assert np.bincount(made.test.targets).tolist() == [2, 2]
    whole = np.concatenate([made.train.inputs, made.test.inputs])
    assert len(np.unique(whole, axis=0)) == 20
    other = load_dataset(tmp_path, key=jax.random.key(1))
    assert not np.array_equal(made.test.inputs, other.test.inputs)


def test_colours_keep_their_channels_and_grey_ones_join_them(tmp_path: Path) -> None:
    fill(tmp_path / "train", 2, COLOUR)
    fill(tmp_path / "test", 1)
    made = load_dataset(tmp_path)
    assert made.image_shape == (3, 4, 3)
    np.testing.assert_array_equal(made.train.inputs[0].reshape(3, 4, 3), COLOUR)
    np.testing.assert_array_equal(made.test.inputs[0].reshape(3, 4, 3)[..., 2], GREY)


@pytest.mark.parametrize("mode", ["1", "P", "RGBA", "LA", "CMYK"])
def test_images_of_all_modes_are_read(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    fill(tmp_path)
    (tmp_path / "cat" / "0.png").unlink()
    write(tmp_path / "cat" / f"0.{suffix}", COLOUR, mode)
    grey = mode in ("1", "LA")
    assert load_dataset(tmp_path).image_shape == ((3, 4) if grey else (3, 4, 3))


def test_the_orientation_of_a_photograph_is_applied(tmp_path: Path) -> None:
    fill(tmp_path / "test", 1)
    fill(tmp_path / "train", 2)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(GREY)))
    turned.save(tmp_path / "train" / "cat" / "0.png", exif=exif)
    made = load_dataset(tmp_path)
    np.testing.assert_array_equal(made.train.inputs[0].reshape(3, 4), GREY)


def half_transparent() -> np.ndarray:
    pixels = np.full((3, 4, 4), 255, np.uint8)
    pixels[0, 0, 3] = 7
    return pixels


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another size": (
        lambda folder: write(folder / "dog" / "9.png", GREY.T.copy()),
        "dog/9.png to be 4 x 3 pixels large, as {folder}/cat/0.png, got 3 x 4",
    ),
    "16 bits": (
        lambda folder: write(folder / "dog" / "9.png", GREY.astype(np.uint16)),
        "dog/9.png to have 8 bits a channel",
    ),
    "transparent": (
        lambda folder: write(folder / "dog" / "9.png", half_transparent()),
        "dog/9.png to be opaque, got transparent pixels",
    ),
    "truncated": (
        lambda folder: (folder / "dog" / "9.png").write_bytes(
            (folder / "dog" / "0.png").read_bytes()[:50]
        ),
        "dog/9.png to be a whole image",
    ),
    "a GIF by the name of a PNG": (
        lambda folder: Image.fromarray(GREY).save(folder / "dog" / "9.png", format="GIF"),
        "dog/9.png to be a whole image",
    ),
    "another file": (
        lambda folder: (folder / "dog" / "notes.txt").write_text("a"),
        "dog to hold images alone (.png, .jpg, .jpeg, .bmp), got ['notes.txt']",
    ),
    "an empty class": (lambda folder: (folder / "emu").mkdir(), "emu to hold images, got none"),
    "a class of one": (
        lambda folder: write(folder / "emu" / "0.png", GREY),
        "to have 2 images or more, got ['emu']",
    ),
    "folders in a class": (
        lambda folder: (folder / "dog" / "puppies.png").mkdir(),
        "dog to hold images alone",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_name_the_file(tmp_path: Path, name: str) -> None:
    change, message = REFUSALS[name]
    change(fill(tmp_path))
    with pytest.raises(ValueError) as caught:
        load_dataset(tmp_path)
    assert message.format(folder=tmp_path) in str(caught.value)


def test_classes_of_the_test_alone_and_folders_without_classes(tmp_path: Path) -> None:
    fill(tmp_path / "train", 2)
    fill(tmp_path / "test", 1)
    write(tmp_path / "test" / "emu" / "0.png", GREY)
    with pytest.raises(ValueError, match=r"test to be among those of .*train, got emu"):
        load_dataset(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="none to have a folder for each class, got 0"):
        load_dataset(tmp_path / "none")


def test_a_picture_of_too_many_pixels_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    with pytest.raises(ValueError, match="exceeds limit of 11 pixels"):
        load_dataset(fill(tmp_path))
