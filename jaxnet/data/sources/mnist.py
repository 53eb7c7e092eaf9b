"""MNIST and its relatives: images of 28 x 28 pixels, from four IDX files each.

Source: LeCun, Cortes and Burges for MNIST, lectures 001 and 004; Xiao, Rasul and Vollgraf 2017,
"Fashion-MNIST"; Clanuwat et al. 2018, "Deep learning for classical Japanese literature" (KMNIST);
Cohen et al. 2017, "EMNIST: an extension of MNIST to handwritten letters".
"""

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxnet.core.checks import check_entries, require
from jaxnet.data.examples import Examples
from jaxnet.data.sources.idx import MOST_BYTES, parse_idx
from jaxnet.data.sources.originals import Content, Original, Read

SHAPE = (28, 28)

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""File of MNIST -> SHA-256 of its decompressed content; copies are gzipped anew."""

DIGITS = tuple("0123456789")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
ALL = (*DIGITS, *LETTERS, *"abcdefghijklmnopqrstuvwxyz")
BALANCED = (*DIGITS, *LETTERS, *"abdefghnqrt")
"""Classes where the 15 small letters that look like capitals count as these."""

EMNIST: dict[str, tuple[tuple[str, ...], int, int]] = {
    "balanced": (BALANCED, 112_800, 0),
    "byclass": (ALL, 697_932, 0),
    "bymerge": (BALANCED, 697_932, 0),
    "digits": (DIGITS, 240_000, 0),
    "letters": (LETTERS, 124_800, 1),
    "mnist": (DIGITS, 60_000, 0),
}
"""Split of EMNIST -> names of its classes, the most images of a file, number of the first class."""


def read_idx_files(
    class_names: Sequence[str],
    *,
    sha256: Mapping[str, str] | None = None,
    most: int = 60_000,
    transposed: bool = False,
    first: int = 0,
) -> Read:
    """Return the reader of four IDX files: training images and labels, test images and labels.

    Args:
        class_names: name of each label.
        sha256: file -> SHA-256 of its decompressed content; None checks none.
        most: the most images of a file.
        transposed: whether rows and columns are exchanged in the files.
        first: number of the first class in the files.
    """
    digests, names = sha256 or {}, tuple(class_names)

    def read(files: Mapping[str, Content]) -> tuple[Examples, Examples, tuple[str, ...]]:
        arrays = [
            parse_idx(
                content.origin,
                io.BytesIO(content.bytes),
                sha256=digests.get(name),
                most_bytes=most * math.prod(SHAPE),
            )
            for name, content in files.items()
        ]
        train, test = (
            pair(images, labels, classes=len(names), shape=SHAPE, first=first)
            for images, labels in (arrays[:2], arrays[2:])
        )
        if transposed:
            train, test = _upright(train), _upright(test)
        return train, test, names

    return read


def pair(
    images: np.ndarray, labels: np.ndarray, *, classes: int, shape: tuple[int, int], first: int = 0
) -> Examples:
    """Check that images and labels match, and return them as flat examples.

    Args:
        images: uint8, shape ``(examples, height, width)``.
        labels: uint8, shape ``(examples,)``.
        classes: labels must be in ``[first, first + classes)``.
        shape: ``(height, width)``.
        first: number of the first class.

    Raises:
        ValueError: if the counts or sizes differ, the files were swapped, or a label is out of
            range.
    """
    good = images.shape[1:] == shape and labels.ndim == 1 and len(images) == len(labels)
    expected = f"of shapes (n, {shape[0]}, {shape[1]}) and (n,)"
    actual = f"{images.shape} and {labels.shape}"
    require(good, "images and labels", expected, actual, "Check that they are not swapped.")
    end = first + classes
    check_entries("labels", labels, lambda v: (v >= first) & (v < end), f"in [{first}, {end})")
    return Examples(images.reshape(len(images), -1), labels.astype(np.int32) - first)


def _upright(examples: Examples) -> Examples:
    images = examples.inputs.reshape(-1, *SHAPE).transpose(0, 2, 1)
    return Examples(images.reshape(len(images), -1), examples.targets)


def _relative(name: str, home: str, class_names: str, *sha256: str) -> Original:
    read = read_idx_files(class_names.split(", "))
    digests = dict(zip(SHA256, sha256, strict=True))
    return Original(home, name, digests, dict.fromkeys(SHA256, MOST_BYTES), SHAPE, read)


def _emnist(split: str, class_names: Sequence[str], most: int, first: int) -> Original:
    parts = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    return Original(
        "biometrics.nist.gov/cs_links/EMNIST",
        "emnist",
        {"gzip.zip": "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"},
        {f"emnist-{split}-{part}-ubyte.gz": MOST_BYTES for part in parts},
        SHAPE,
        read_idx_files(class_names, most=most, transposed=True, first=first),
        inside="gzip/",
    )


ORIGINALS = {
    "mnist": Original(
        "storage.googleapis.com/cvdf-datasets/mnist",
        "mnist",
        SHA256,
        dict.fromkeys(SHA256, MOST_BYTES),
        SHAPE,
        read_idx_files(DIGITS, sha256=SHA256),
        unzipped=True,
    ),
    "fashion_mnist": _relative(
        "fashion_mnist",
        "github.com/zalandoresearch/fashion-mnist",
        "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "kmnist": _relative(
        "kmnist",
        "codh.rois.ac.jp/kmnist",
        "o, ki, su, tsu, na, ha, ma, ya, re, wo",
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
    **{f"emnist_{split}": _emnist(split, *kind) for split, kind in EMNIST.items()},
}
"""Name -> data set of images of 28 x 28 pixels in IDX files."""
