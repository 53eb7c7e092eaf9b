"""Pictures from files as inputs of a network: of its size, bright on dark or as they are."""

import io
import math
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from experiments.images.grays import to_gray
from experiments.images.ground import INK, flattened, is_light
from jaxnet.core.checks import check_entries, check_finite, check_range
from jaxnet.core.errors import InvalidValueError, invalid_value, missing_file
from jaxnet.data import read_idx

Invert = Literal["auto", "yes", "no"]


LARGEST = 2**30
"""Bytes of the largest accepted file: 1 GiB."""


class Frame(NamedTuple):
    """Form of a network's inputs.

    Attributes:
        height: in pixels.
        width: in pixels.
        pixel_max: value of full ink.
        ink_extent: part of the height or width that the ink covers; None for pictures that show no
            ink on a ground, which are resized as they are.
        channels: 1 for gray pictures, 3 for colours.
    """

    height: int
    width: int
    pixel_max: float
    ink_extent: float | None
    channels: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """``(height, width)``, or ``(height, width, 3)``."""
        return self[:2] if self.channels == 1 else (*self[:2], self.channels)


class Picture(NamedTuple):
    """Input of a network with its origin.

    Attributes:
        name: name of the file, with a number if it holds several.
        pixels: shape ``(height, width)`` or ``(height, width, 3)``, in [0, pixel_max].
        done: preparation, in words.
        label: its class, if known.
    """

    name: str
    pixels: np.ndarray
    done: str
    label: int | None = None


def measure_extent(images: np.ndarray) -> float:
    """Return the median of the part of height or width that the ink covers, the larger of both.

    Args:
        images: shape ``(n, height, width)``, bright on dark.
    """
    spans = []
    for axis in (1, 2):
        inked: np.ndarray = np.max(images, axis=axis) > 0
        first, last = inked.argmax(axis=1), inked[:, ::-1].argmax(axis=1)
        spans.append((inked.shape[1] - first - last) / inked.shape[1])
    return float(np.median(np.maximum(*spans)))


def read_pictures(path: Path, frame: Frame, invert: Invert) -> list[Picture]:
    """Read a PNG, JPEG, .npy or IDX file, recognized by its content.

    Arrays are inputs of the network as they are. All others are images of any size with 256 gray
    values.

    Args:
        path: the file.
        frame: form of the network's inputs.
        invert: whether dark ink on light ground becomes bright on dark; ``"auto"`` detects it, and
            is no where the frame has no ink.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, or its content contradicts its first bytes.
    """
    content = _content(path)
    if content.startswith(b"\x93NUMPY"):
        return list(_from_array(path, content, frame))
    if content.startswith((b"\x1f\x8b", b"\0\0")):
        images = read_idx(path)
        if images.ndim != 3 or 0 in images.shape[1:]:
            expected = "to hold images, (n, height, width)"
            raise _broken(path, expected, f"values of shape {images.shape}")
        expected, remedy = "to be whole numbers from 0 to 255", "Others are read from .npy files."
        check_entries(f"values of {path}", images, _is_gray, expected, remedy)
        images = images.astype(np.uint8)
        names = [f"{_name(path)}[{index}]" for index in range(len(images))]
        _check_any(path, images)
        if frame.ink_extent is None:
            pages = zip(names, map(Image.fromarray, images), strict=True)
            return [_resized(name, page, frame, invert) for name, page in pages]
    else:
        page = _decoded(path, content)
        if frame.ink_extent is None:
            return [_resized(_name(path), page, frame, invert)]
        images, names = to_gray(page)[None], [_name(path)]
    gray = images / np.float32(255)
    light = is_light(gray) if invert == "auto" else invert == "yes"
    pairs = zip(names, gray, strict=True)
    return [_framed(path, name, 1 - one if light else one, light, frame) for name, one in pairs]


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device may never end
            raise _broken(path, "to be a regular file", "a folder, pipe or device")
        if status.st_size > LARGEST:
            raise _broken(path, f"of at most {LARGEST:,} bytes", f"{status.st_size:,}")
        return path.read_bytes()
    except FileNotFoundError as error:
        remedy = "Check the path."
        raise missing_file("to exist", f"nothing at {path}", remedy) from error
    except OSError as error:
        raise _broken(path, "to be readable", error.strerror or str(error)) from error


def _is_gray(values: np.ndarray) -> np.ndarray:
    return (values >= 0) & (values <= 255) & (np.rint(values) == values)


def _name(path: Path) -> str:
    """Return the file's name in printable characters."""
    name = os.fsencode(path.name).decode(errors="replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def _from_array(path: Path, content: bytes, frame: Frame) -> Iterator[Picture]:
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # odd headers make NumPy raise errors of many kinds
        raise _broken(path, "to be a whole array of numbers", str(error)) from error
    shape = frame.shape
    single = (shape, (math.prod(shape),))
    if values.shape not in single and values.shape[1:] not in single:
        expected = f"to be of shape (n, {', '.join(map(str, shape))}) or one of its parts"
        raise _broken(path, expected, values.shape)
    if values.dtype.kind not in "uif" or values.itemsize > 8:
        raise _broken(path, "to hold integers or floats of up to 64 bits", values.dtype)
    images = values.reshape(-1, *shape)
    _check_any(path, images)
    check_finite(str(path), images, "Repair the array.")
    for number in (images.min(), images.max()):
        check_range(f"values of {path}", float(number), low=0, high=frame.pixel_max)
    name, single_image = _name(path), values.shape in single
    for index, pixels in enumerate(images):
        yield Picture(name if single_image else f"{name}[{index}]", pixels, "as it is")


def _check_any(path: Path, images: np.ndarray) -> None:
    if not len(images):
        raise _broken(path, "to hold one image or more", "none")


def _decoded(path: Path, content: bytes) -> Image.Image:
    """Return a picture, upright, with its transparency."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
                return _in_8_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    except Exception as error:  # odd content makes Pillow raise errors of many kinds
        expected = "to be a whole PNG, JPEG, .npy or IDX file"
        raise _broken(path, expected, str(error)) from error


def _resized(name: str, page: Image.Image, frame: Frame, invert: Invert) -> Picture:
    """Return a whole picture, on a white ground, as an input of the network."""
    white = Image.new("RGBA", page.size, "white")
    flat = Image.alpha_composite(white, page.convert("RGBA"))
    flat = flat.convert("L" if frame.channels == 1 else "RGB")
    done = []
    if flat.size != (frame.width, frame.height):
        done.append(f"resized from {flat.width} x {flat.height} to {frame.width} x {frame.height}")
        flat = flat.resize((frame.width, frame.height), Image.Resampling.BILINEAR)
    values = np.asarray(flat) / np.float32(255)
    if invert == "yes":
        done.append("inverted")
        values = 1 - values
    return Picture(name, _scaled(values, frame), ", ".join(done) or "as it is")


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit gray values to 8 bits, where Pillow would clip them."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))


def _framed(path: Path, name: str, gray: np.ndarray, light: bool, frame: Frame) -> Picture:
    """Return gray values in [0, 1], bright on dark, as an input of the network."""
    done = ["inverted: its ground is light"] if light else []
    if gray.shape != (frame.height, frame.width):
        gray, steps = _fit(path, gray, frame)
        done += steps
    return Picture(name, _scaled(gray, frame), ", ".join(done) or "as it is")


def _scaled(values: np.ndarray, frame: Frame) -> np.ndarray:
    """Return values in [0, 1] as pixels of the network."""
    pixels = values * frame.pixel_max
    if frame.pixel_max in range(2, 256):  # others would become 0 and 1 as uint8, or wrap around
        return np.rint(pixels).astype(np.uint8)
    return pixels.astype(np.float32)


def _fit(path: Path, gray: np.ndarray, frame: Frame) -> tuple[np.ndarray, list[str]]:
    """Crop to the ink, resize it to the usual extent and center it by mass, as for MNIST."""
    ink = flattened(gray)
    if ink is None:
        actual = f"gray values {gray.min():.2f} to {gray.max():.2f}"
        raise _broken(path, "to show something", actual)
    rows, columns = (np.flatnonzero((ink > INK).any(axis=axis)) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    most = (frame.ink_extent or 1.0) * np.array([frame.height, frame.width])
    height, width = np.maximum(1, np.rint(np.min(most / cut.shape) * np.array(cut.shape))).astype(
        int
    )
    small = Image.fromarray(cut.astype(np.float32)).resize(
        (int(width), int(height)), Image.Resampling.BILINEAR
    )
    canvas, values = np.zeros((frame.height, frame.width)), np.asarray(small)
    top, left = (
        _offset(values.sum(axis=axis), room) for axis, room in ((1, frame.height), (0, frame.width))
    )
    canvas[top : top + height, left : left + width] = values
    sizes = f"{cut.shape[1]} x {cut.shape[0]} pixels of ink resized to {width} x {height}"
    return np.clip(canvas, 0, 1), [sizes, f"centered in {frame.width} x {frame.height}"]


def _offset(mass: np.ndarray, room: int) -> int:
    """Return the start of the ink that puts its center of mass in the middle, all of it inside."""
    center = float((mass * np.arange(len(mass))).sum() / mass.sum())
    return int(np.clip(np.rint((room - 1) / 2 - center), 0, room - len(mass)))


def _broken(path: Path, expected: str, actual: object) -> InvalidValueError:
    remedy = "Give PNG, JPEG, .npy or IDX files."
    return invalid_value(str(path), expected, actual, remedy)
