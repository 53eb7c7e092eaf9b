"""CIFAR-10 and CIFAR-100: 60,000 images of 32 x 32 pixels in colour, from their binary versions.

A record is the label (of CIFAR-100 a coarse and a fine one), a byte each, and 3,072 bytes of red,
green and blue values, row by row.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
"""

from collections.abc import Mapping

import numpy as np

from jaxnet.core.checks import check_entries, require
from jaxnet.data.examples import Examples
from jaxnet.data.sources.originals import REMEDY, Content, Original, Read

SHAPE = (32, 32, 3)
_PIXELS = 32 * 32 * 3


def read_records(examples: Mapping[str, int], names: str, *, labels: int, classes: int) -> Read:
    """Return the reader of files of records.

    Args:
        examples: file -> number of its examples; the last file is the test.
        names: name of the file with a line for each class.
        labels: labels of a record, of which the last counts.
        classes: number of classes.
    """

    def read(files: Mapping[str, Content]) -> tuple[Examples, Examples, tuple[str, ...]]:
        known = tuple(files[names].bytes.decode(errors="replace").split())
        expected = f"to name {classes} classes"
        require(len(known) == classes, files[names].origin, expected, len(known), REMEDY)
        *train, test = (_records(files[name], n, labels, classes) for name, n in examples.items())
        inputs = np.concatenate([part.inputs for part in train])
        targets = np.concatenate([part.targets for part in train])
        return Examples(inputs, targets), test, known

    return read


def _records(content: Content, examples: int, labels: int, classes: int) -> Examples:
    size, record = len(content.bytes), labels + _PIXELS
    expected = f"to hold {examples:,} records of {record:,} bytes"
    require(size == examples * record, content.origin, expected, f"{size:,} bytes", REMEDY)
    records = np.frombuffer(content.bytes, np.uint8).reshape(examples, record)
    targets = records[:, labels - 1].astype(np.int32)
    name = f"labels of {content.origin}"
    check_entries(name, targets, lambda v: v < classes, f"in [0, {classes})", REMEDY)
    channels_first = records[:, labels:].reshape(-1, 3, 32, 32)
    return Examples(channels_first.transpose(0, 2, 3, 1).reshape(-1, _PIXELS), targets)


def cifar_original(
    classes: int, digest: str, examples: Mapping[str, int], names: str, *, inside: str, labels: int
) -> Original:
    """Return CIFAR-10 or CIFAR-100.

    Args:
        classes: 10 or 100.
        digest: SHA-256 of the archive.
        examples: as for `read_records`, as are the following.
        names: of the file of class names.
        inside: folder in the archive.
        labels: of a record.
    """
    files = {name: count * (labels + _PIXELS) for name, count in examples.items()}
    return Original(
        "www.cs.toronto.edu/~kriz/cifar.html",
        f"cifar{classes}",
        {f"cifar-{classes}-binary.tar.gz": digest},
        {**files, names: 2**16},
        SHAPE,
        read_records(examples, names, labels=labels, classes=classes),
        inside=inside,
    )


ORIGINALS = {
    "cifar10": cifar_original(
        10,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        {**{f"data_batch_{k}.bin": 10_000 for k in range(1, 6)}, "test_batch.bin": 10_000},
        "batches.meta.txt",
        inside="cifar-10-batches-bin/",
        labels=1,
    ),
    "cifar100": cifar_original(
        100,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        {"train.bin": 50_000, "test.bin": 10_000},
        "fine_label_names.txt",
        inside="cifar-100-binary/",
        labels=2,
    ),
}
"""Name -> data set of images of 32 x 32 pixels in colour."""
