"""MNIST and its relatives: 70,000 images of 28 x 28 pixels, from four IDX files each.

Source: LeCun, Cortes and Burges for MNIST, lectures 001 and 004; Xiao, Rasul and Vollgraf 2017,
"Fashion-MNIST"; Clanuwat et al. 2018, "Deep learning for classical Japanese literature" (KMNIST).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxnet.core.checks import check_entries, require
from jaxnet.core.errors import missing_file
from jaxnet.data.examples import Examples
from jaxnet.data.sources.idx import read_idx

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""File name -> SHA-256 of the decompressed original."""


class Archives(NamedTuple):
    """The four gzipped files of a relative of MNIST.

    Attributes:
        home: where they are published.
        sha256: file name -> SHA-256 of the gzipped original, in the order of `SHA256`.
        class_names: name of each label.
    """

    home: str
    sha256: Mapping[str, str]
    class_names: tuple[str, ...]


def _archives(home: str, class_names: str, *sha256: str) -> Archives:
    return Archives(home, dict(zip(SHA256, sha256, strict=True)), tuple(class_names.split(", ")))


RELATIVES = {
    "fashion_mnist": _archives(
        "github.com/zalandoresearch/fashion-mnist",
        "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "kmnist": _archives(
        "codh.rois.ac.jp/kmnist",
        "o, ki, su, tsu, na, ha, ma, ya, re, wo",
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
}
"""Name -> files of a data set in the form of MNIST."""


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
    folder = Path(directory)
    return _pairs([read_idx(_find(folder, name), sha256=digest) for name, digest in SHA256.items()])


def load_relative(directory: str | Path, archives: Archives) -> tuple[Examples, Examples]:
    """Read a data set in the form of MNIST from ``directory``.

    Args:
        directory: folder of its four files, named as those of MNIST, plain or gzipped.
        archives: one of `RELATIVES`. The checksums are of gzipped files; plain ones are checked
            for their form only.

    Returns:
        As `load_mnist`.

    Raises:
        FileNotFoundError: if a file is missing; the message names it, its place, where it is
            published and its checksum.
        ValueError: if a file is truncated, corrupt, or not the original.
    """
    folder, home = Path(directory), archives.home
    arrays = []
    for name, digest in archives.sha256.items():
        source = f"It is published at {home} (SHA-256 {digest}). "
        arrays.append(read_idx(_find(folder, name, source), archive_sha256=digest))
    return _pairs(arrays)


def _pairs(arrays: list[np.ndarray]) -> tuple[Examples, Examples]:
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


def _find(directory: Path, name: str, source: str = "") -> Path:
    """Find a file under its usual spellings, gzipped before plain."""
    exact = (f"{name}.gz", name)
    others = sorted(path.name for path in directory.glob("*") if _plain_name(path) == name)
    for path in (directory / each for each in (*exact, *others)):
        if path.is_file():
            return path
    above = f"name the folder above '{directory.name}' by --data-dir or JAXNET_DATA."
    remedy = f"{source}Put the files there, or {above}"
    raise missing_file(f"{name}.gz to exist", f"nothing of that name in {directory}", remedy)


def _plain_name(path: Path) -> str:
    """Normalize a name: lower case, dashes for dots, without ``.gz``."""
    return path.name.lower().removesuffix(".gz").replace(".", "-")
