"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, from its four IDX files.

Source: LeCun, Cortes and Burges; lectures 001 and 004.
"""

from pathlib import Path

import numpy as np

from jaxnet.core.checks import check_entries, require
from jaxnet.core.errors import missing_file
from jaxnet.data.examples import Examples
from jaxnet.data.idx import read_idx

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""File name -> SHA-256 of the decompressed original."""


def load_mnist(directory: str | Path) -> tuple[Examples, Examples]:
    """Read MNIST from ``directory``: 60,000 training and 10,000 test examples.

    The files may be plain or gzipped, and be named as copies are named elsewhere:
    ``train-images.idx3-ubyte``, in capitals. Their content is verified by checksum.

    Returns:
        Training and test examples in the files' order: inputs uint8 of shape
        ``(examples, 784)``, targets int32 in [0, 10).

    Raises:
        FileNotFoundError: if a file is missing; the message names it and its place.
        ValueError: if a file is truncated, corrupt, or not the original.
    """
    arrays = [read_idx(_find(Path(directory), name), sha256=SHA256[name]) for name in SHA256]
    train_images, train_labels, test_images, test_labels = arrays
    return pair(train_images, train_labels, classes=10), pair(test_images, test_labels, classes=10)


def pair(images: np.ndarray, labels: np.ndarray, *, classes: int) -> Examples:
    """Check that images and labels match, and return them as flat examples.

    Args:
        images: uint8, shape ``(examples, height, width)``.
        labels: uint8, shape ``(examples,)``.
        classes: labels must be in ``[0, classes)``.

    Raises:
        ValueError: if the counts differ, the files were swapped, or a label is out of range.
    """
    good = images.ndim == 3 and labels.ndim == 1 and len(images) == len(labels)
    expected, actual = "of shapes (n, height, width) and (n,)", f"{images.shape} and {labels.shape}"
    require(good, "images and labels", expected, actual, "Check that they are not swapped.")
    check_entries("labels", labels, lambda v: (v >= 0) & (v < classes), f"in [0, {classes})")
    return Examples(images.reshape(len(images), -1), labels.astype(np.int32))


def _find(directory: Path, name: str) -> Path:
    """Find a file under its usual spellings, gzipped before plain."""
    exact = (f"{name}.gz", name)
    others = sorted(path.name for path in directory.glob("*") if _plain_name(path) == name)
    for path in (directory / each for each in (*exact, *others)):
        if path.is_file():
            return path
    remedy = "Put the files there, or name the folder above 'mnist' by --data-dir or JAXNET_DATA."
    raise missing_file(f"{name}.gz to exist", f"nothing of that name in {directory}", remedy)


def _plain_name(path: Path) -> str:
    """Normalize a name: lower case, dashes for dots, without ``.gz``."""
    return path.name.lower().removesuffix(".gz").replace(".", "-")
