"""Images of one size, in a folder for each class."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxnet.core.checks import require
from jaxnet.core.errors import InvalidValueError, invalid_value
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.data.sources.dataset import Dataset
from jaxnet.data.split import split

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
"""Suffix of an image -> format."""

PARTS = ("train", "test")

TEST_FRACTION = 0.2


def is_divided(folder: Path) -> bool:
    """Return whether a folder has the parts ``train`` and ``test``."""
    return all((folder / part).is_dir() for part in PARTS)


def load_image_folder(folder: Path, *, key: Key) -> Dataset:
    """Read images in folders by class.

    The images are in ``folder/train/CLASS/`` and ``folder/test/CLASS/``, or, to be split, four
    fifths to train and in the proportions of the classes, in ``folder/CLASS/``. Hidden files are
    passed over. If any image is in colour, all become so.

    Args:
        folder: the folder.
        key: PRNG key of the split, where there are no folders ``train`` and ``test``.

    Returns:
        Inputs uint8 of shape ``(examples, height * width)``, in colour ``(examples, height * width
        * 3)``; labels int32, numbered in the order of the folders' names.

    Raises:
        ValueError: for images that differ in size, are transparent, have 16 bits, or cannot be
            read; a class of no images, of one image to be split, or only in the test; the message
            names the file or folder.
        ImportError: without Pillow.
    """
    if is_divided(folder):
        names, paths = _listed(folder / PARTS[0])
        test_names, test_paths = _listed(folder / PARTS[1])
        unknown = sorted(set(test_names) - set(names))
        expected = f"to be among those of {folder / PARTS[0]}"
        require(not unknown, f"classes of {folder / PARTS[1]}", expected, ", ".join(unknown))
    else:
        names, paths = _listed(folder)
        test_names, test_paths = (), []
        few = [name for name, of_class in zip(names, paths, strict=True) if len(of_class) < 2]
        require(not few, f"each class of {folder}", "to have 2 images or more", few)
    every = [path for of_class in (*paths, *test_paths) for path in of_class]
    images = _read(every)
    known = zip((*names, *test_names), (*paths, *test_paths), strict=True)
    labels = [names.index(name) for name, of_class in known for _ in of_class]
    examples = Examples(images.reshape(len(images), -1), np.array(labels, np.int32))
    if test_paths:
        end = sum(map(len, paths))
        parts = examples.take(slice(0, end)), examples.take(slice(end, None))
    else:
        parts = split(examples, (1 - TEST_FRACTION, TEST_FRACTION), key=key, stratify=True)
    train, test = parts
    return Dataset(folder.resolve().name, train, test, names, images.shape[1:], 255)


def _listed(folder: Path) -> tuple[tuple[str, ...], list[list[Path]]]:
    """Return the classes of a folder, and the images of each."""
    classes = [path for path in _visible(folder) if path.is_dir()]
    layout = f"Images belong into {folder}/CLASS/, or into train/CLASS/ and test/CLASS/."
    require(len(classes) > 1, str(folder), "to have a folder for each class", len(classes), layout)
    paths = [_visible(path) for path in classes]
    for each, of_class in zip(classes, paths, strict=True):
        require(of_class, str(each), "to hold images", "none", layout)
        others = [path for path in of_class if path.suffix.lower() not in FORMATS or path.is_dir()]
        expected = f"to hold images alone ({', '.join(FORMATS)})"
        require(not others, str(each), expected, [path.name for path in others[:3]], layout)
    return tuple(path.name for path in classes), paths


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _read(paths: Sequence[Path]) -> np.ndarray:
    """Return images of one size, shape ``(n, height, width)``, or ``(n, height, width, 3)``."""
    package = import_package("PIL.Image"), import_package("PIL.ImageOps")
    images = []
    for path in paths:
        images.append(_pixels(path, *package))
        height, width = images[0].shape[:2]
        expected = f"to be {width} x {height} pixels large, as {paths[0]}"
        actual = " x ".join(str(size) for size in images[-1].shape[1::-1])
        good = images[-1].shape[:2] == (height, width)
        require(good, str(path), expected, actual, "Bring all images to one size.")
    in_colour = any(image.ndim == 3 for image in images)
    if in_colour:
        images = [np.dstack([each] * 3) if each.ndim == 2 else each for each in images]
    return np.stack(images)


def _pixels(path: Path, pillow: Any, operations: Any) -> np.ndarray:
    """Return the grey values or colours of an image, upright."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(path, formats=sorted(set(FORMATS.values()))) as opened:
                image = operations.exif_transpose(opened)
                if image.mode.startswith(("I", "F")):
                    raise invalid_value(str(path), "to have 8 bits a channel", image.mode)
                if image.has_transparency_data:
                    opaque = image.convert("RGBA").getextrema()[3][0] == 255
                    remedy = "Save it on a ground of one colour."
                    require(opaque, str(path), "to be opaque", "transparent pixels", remedy)
                grey = image.mode in ("1", "L", "LA")
                return np.asarray(image.convert("L" if grey else "RGB"))
    except InvalidValueError:
        raise
    except Exception as error:  # odd content makes Pillow raise errors of many kinds
        raise invalid_value(str(path), "to be a whole image", error, "Replace it.") from error
