"""Data sets that tensorflow-datasets prepared as array_record files, read without TensorFlow.

A prepared folder holds record files beside their description, ``dataset_info.json`` and
``features.json``. tensorflow-datasets stores examples in the order of the MD5 of their keys, salted
by the split's name, unless its builder disabled shuffling.
"""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxnet.core.checks import check_choice, check_entries, require
from jaxnet.core.errors import DamagedFileError, message, missing_file
from jaxnet.core.files import check_path
from jaxnet.core.optional_imports import import_package
from jaxnet.core.representation import represent
from jaxnet.data.examples import Examples
from jaxnet.data.sources.mnist import EMNIST

KEYED_BY_NUMBER = frozenset({"mnist", "fashion_mnist", "kmnist", "emnist", "cifar10", "cifar100"})
"""Data sets of tensorflow-datasets whose keys are the numbers of examples in the original files."""

_AT_A_TIME = 10_000
DESCRIPTION = "dataset_info.json"
_EXTRA = "pip install -e '.[tfds]' installs all for prepared data sets."
_OURS = "python -m experiments.prepare_data NAME prepares one without TensorFlow."
_BROKEN = "It is truncated or corrupt: remove the folder, and prepare it again."


class Prepared(NamedTuple):
    """A prepared data set in memory.

    Attributes:
        train: training examples: inputs of shape ``(examples, pixels)``, row by row, channels
            last; targets int32.
        test: test examples.
        class_names: name of each label.
        image_shape: ``(height, width)``, or ``(height, width, channels)`` for colours.
        pixel_max: the pixel value that means full ink.
    """

    train: Examples
    test: Examples
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    pixel_max: int

    __repr__ = represent


class PreparedSplit(NamedTuple):
    """A split of a prepared data set on the disk.

    Attributes:
        size: number of examples.
        read: returns the examples at integer indices in ``[0, size)``, in the indices' order, as in
            `Prepared`; raises a ValueError for other indices and for damaged files.
        class_names: as in `Prepared`.
        image_shape: as in `Prepared`.
        pixel_max: as in `Prepared`.
    """

    size: int
    read: Callable[[np.ndarray], Examples]
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    pixel_max: int

    __repr__ = represent


def load_prepared(folder: str | Path, *, train: str = "train", test: str = "test") -> Prepared:
    """Read a prepared data set of labelled images.

    Args:
        folder: of one version, such as ``tensorflow_datasets/mnist/3.0.1``.
        train: name of the split to train with.
        test: name of the split to test with.

    Returns:
        The examples in the order of `open_prepared`.

    Raises:
        FileNotFoundError: if the folder holds no prepared data set.
        ValueError: if it holds no array_record files, no images with labels, no split of that
            name, or is damaged.
        ImportError: if tensorflow-datasets or array_record is not installed.

    >>> load_prepared("nowhere")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.MissingFileError: expected file nowhere/dataset_info.json to exist, \
got none. python -m experiments.prepare_data NAME prepares one without TensorFlow.
    """
    first, second = (open_prepared(folder, split) for split in (train, test))
    described = (first.class_names, first.image_shape, first.pixel_max)
    return Prepared(_read_all(first), _read_all(second), *described)


def open_prepared(folder: str | Path, split: str = "train") -> PreparedSplit:
    """Open a split of a prepared data set for reading at random.

    The order is that of the original files for sets that `experiments.prepare_data` wrote and for
    `KEYED_BY_NUMBER`, whose hashed order is undone. Other sets keep the order that they are stored
    in. EMNIST, which is stored transposed, is turned upright; its letters count from 0.

    Args:
        folder: as in `load_prepared`.
        split: one of the set's, ``"train"`` or ``"test"`` as a rule.

    Returns:
        The split; files are opened at the first reading.

    Raises:
        FileNotFoundError: as `load_prepared`.
        ValueError: as `load_prepared`.
        ImportError: as `load_prepared`.

    >>> open_prepared("s3://bucket/mnist/3.0.1")
    Traceback (most recent call last):
        ...
    jaxnet.core.errors.InvalidValueError: expected folder to be on a disk, \
got 's3://bucket/mnist/3.0.1'. Write to a folder, and copy it there.
    """
    path = check_path("folder", folder).expanduser()
    builder = _builder(path)
    info = builder.info
    image, label = _keys(path, info)
    check_choice("split", split, dict(info.splits))
    pixels = info.features[image]
    names, first = info.features[label].names, 0
    if info.name == "emnist" and info.config_name in EMNIST:
        names, _, first = EMNIST[info.config_name]
    source, columns = _source(builder, split, image, label)
    places = _places(info, split, len(source))

    def read(indices: np.ndarray) -> Examples:
        within = f"in [0, {len(source)})"
        check_entries("indices", indices, lambda v: (v >= 0) & (v < len(source)), within)
        try:
            inputs, targets = columns(source.__getitems__(places[indices].tolist()))
        except RuntimeError as error:  # of array_record
            raise DamagedFileError(message(str(path), "to be whole", error, _BROKEN)) from None
        images = inputs.reshape(len(targets), *pixels.shape)
        images = images.swapaxes(1, 2) if info.name == "emnist" else images
        flat = images.reshape(len(targets), math.prod(pixels.shape))
        return Examples(flat, np.array(targets, np.int32) - first)

    grey = len(pixels.shape) == 3 and pixels.shape[-1] == 1
    most = (info.metadata or {}).get("pixel_max", np.iinfo(pixels.np_dtype).max)
    shape = pixels.shape[: -1 if grey else None]
    return PreparedSplit(len(source), read, tuple(names), tuple(shape), int(most))


def _read_all(split: PreparedSplit) -> Examples:
    """Read a split by parts: records take more memory than examples."""
    starts = range(0, split.size, _AT_A_TIME)
    parts = [split.read(np.arange(a, min(a + _AT_A_TIME, split.size))) for a in starts]
    return Examples(*map(np.concatenate, zip(*parts, strict=True)))


def _builder(folder: Path) -> Any:
    """Return the reader of tensorflow-datasets for a folder of array_record files."""
    description = folder / DESCRIPTION
    if not description.is_file():
        nested = [path for depth in ("*", "*/*") for path in folder.glob(f"{depth}/{DESCRIPTION}")]
        remedy = f"Name the folder of a version, such as {min(nested).parent}." if nested else _OURS
        raise missing_file(f"{description} to exist", "none", remedy)
    tfds = import_package("tensorflow_datasets", remedy=_EXTRA)
    import_package("array_record.python.array_record_module", remedy=_EXTRA)
    protobuf_error = import_package("google.protobuf.json_format").Error
    try:
        builder = tfds.builder_from_directory(folder)
    except (ValueError, OSError, protobuf_error) as error:
        expected = "to hold the description of a data set"
        raise DamagedFileError(message(str(folder), expected, error, _BROKEN)) from error
    formats = sorted(form.value for form in builder.info.available_file_formats())
    remedy = f"Prepare it with --file_format=array_record, which takes TensorFlow. {_OURS}"
    good = "array_record" in formats
    require(good, str(folder), "to hold array_record files", ", ".join(formats), remedy)
    return builder


def _keys(folder: Path, info: Any) -> tuple[str, str]:
    """Return the names of the image and of the label in each example."""
    features, keys = info.features, info.supervised_keys or ("image", "label")
    good = len(keys) == 2 and all(isinstance(key, str) and key in features for key in keys)
    if good:
        image, label = (features[key] for key in keys)
        whole = getattr(image, "np_dtype", None) is not None and image.np_dtype.kind in "iu"
        good = whole and None not in image.shape and getattr(label, "num_classes", None)
    found = ", ".join(f"{name}: {feature!r}" for name, feature in sorted(features.items()))
    expected = "to hold images of whole numbers, all of one shape, and a class label for each"
    require(good, str(folder), expected, found)
    return keys


def _source(builder: Any, split: str, image: str, label: str) -> tuple[Any, Callable[..., Any]]:
    """Return a sequence of examples, and a function from some of them to pixels and labels.

    Pixels that are stored as they are, as in sets of our own, are not decoded one by one.
    """
    feature = builder.info.features[image]
    methods = import_package("tensorflow_datasets").decode.DeserializeMethod
    parse = import_package("tensorflow_datasets.proto").tf_example_pb2.Example.FromString

    def stored(records: list[bytes]) -> tuple[np.ndarray, list[Any]]:
        rows = [parse(record).features.feature for record in records]
        pixels = b"".join(row[image].bytes_list.value[0] for row in rows)
        labels = [row[label].int64_list.value[0] for row in rows]
        return np.frombuffer(pixels, feature.np_dtype), labels

    def decoded(examples: list[Any]) -> tuple[np.ndarray, list[Any]]:
        pixels = np.array([example[image] for example in examples], feature.np_dtype)
        return pixels, [example[label] for example in examples]

    as_bytes = getattr(feature.to_json_content(), "encoding", "") == "bytes"
    method = methods.RAW_BYTES if as_bytes else methods.DESERIALIZE_AND_DECODE
    source = builder.as_data_source(split, deserialize_method=method, file_format="array_record")
    return source, stored if as_bytes else decoded


def _places(info: Any, split: str, size: int) -> np.ndarray:
    """Return the place of each example of the original files among the stored ones."""
    if info.disable_shuffling or info.name not in KEYED_BY_NUMBER:
        return np.arange(size)
    hashes = [hashlib.md5(f"{split}{number}".encode()).digest() for number in range(size)]
    return np.argsort(sorted(range(size), key=hashes.__getitem__))
