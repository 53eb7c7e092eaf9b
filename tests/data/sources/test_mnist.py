"""MNIST from its four files: the real ones, and invalid ones."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.data import Examples, load_dataset
from jaxnet.data.sources.mnist import RELATIVES, SHA256, load_mnist, load_relative, pair

IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
LABELS = np.array([5, 0, 9], np.uint8)


@pytest.fixture(scope="module")
def mnist(mnist_directory: Path) -> tuple[Examples, Examples]:
    return load_mnist(mnist_directory)


def test_shapes_and_dtypes(mnist: tuple[Examples, Examples]) -> None:
    for examples, n in zip(mnist, (60_000, 10_000), strict=True):
        assert examples.inputs.shape == (n, 784)
        assert examples.inputs.dtype == np.uint8
        assert examples.targets.shape == (n,)
        assert examples.targets.dtype == np.int32


def test_order_and_content(mnist: tuple[Examples, Examples]) -> None:
    train, test = mnist
    assert train.targets[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert test.targets[:4].tolist() == [7, 2, 1, 0]
    for examples in mnist:
        assert set(examples.targets.tolist()) == set(range(10))
        assert examples.inputs.min() == 0
        assert examples.inputs.max() == 255
    # mean and standard deviation of MNIST's pixels in [0, 1], as commonly quoted
    assert train.inputs.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert train.inputs.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_plain_files_equal_gzipped_ones(
    mnist: tuple[Examples, Examples], mnist_directory: Path, tmp_path: Path
) -> None:
    for name in SHA256:
        (tmp_path / name).write_bytes(
            gzip.decompress((mnist_directory / f"{name}.gz").read_bytes())
        )
    for plain, zipped in zip(load_mnist(tmp_path), mnist, strict=True):
        np.testing.assert_array_equal(plain.inputs, zipped.inputs)
        np.testing.assert_array_equal(plain.targets, zipped.targets)


@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name.replace("-idx", ".idx") + ".gz",
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.upper(),
        lambda name: name.replace("-idx", ".idx").title() + ".GZ",
    ],
    ids=["dotted, gzipped", "dotted", "capitals", "dotted, capital letters"],
)
def test_files_by_other_names(
    mnist: tuple[Examples, Examples], mnist_directory: Path, tmp_path: Path, spell: Any
) -> None:
    for name in SHA256:
        (tmp_path / name).mkdir()  # a folder of that name is no file of it
        (tmp_path / spell(name)).symlink_to(mnist_directory / f"{name}.gz")
    for found, expected in zip(load_mnist(tmp_path), mnist, strict=True):
        np.testing.assert_array_equal(found.targets, expected.targets)


def test_by_name(mnist: tuple[Examples, Examples], mnist_directory: Path) -> None:
    dataset = load_dataset("mnist", data_dir=mnist_directory.parent)
    np.testing.assert_array_equal(dataset.test.targets, mnist[1].targets)
    assert (dataset.name, dataset.image_shape, dataset.pixel_max) == ("mnist", (28, 28), 255)
    assert len(dataset.class_names) == 10


@pytest.mark.parametrize("missing", sorted(SHA256))
def test_one_file_missing(mnist_directory: Path, tmp_path: Path, missing: str) -> None:
    for name in set(SHA256) - {missing}:
        (tmp_path / f"{name}.gz").symlink_to(mnist_directory / f"{name}.gz")
    message = f"expected file {missing}.gz to exist, got nothing of that name in {tmp_path}"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load_mnist(tmp_path)


def test_no_files_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"by --data-dir or JAXNET_DATA"):
        load_mnist(tmp_path / "nowhere")


def test_files_exchanged(mnist_directory: Path, tmp_path: Path) -> None:
    names = list(SHA256)
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        (tmp_path / f"{name}.gz").symlink_to(mnist_directory / f"{other}.gz")
    with pytest.raises(ValueError, match=r"SHA-256 of the content ba891046.*, got 65a50cbb"):
        load_mnist(tmp_path)


def test_truncated_file(mnist_directory: Path, tmp_path: Path) -> None:
    for name in SHA256:
        whole = (mnist_directory / f"{name}.gz").read_bytes()
        (tmp_path / f"{name}.gz").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz to be whole gzip data"):
        load_mnist(tmp_path)


def test_pair_flattens_row_by_row() -> None:
    examples = pair(IMAGES, LABELS, classes=10)
    np.testing.assert_array_equal(examples.inputs[1], np.arange(8, 16))
    assert examples.targets.dtype == np.int32
    assert examples.targets.tolist() == [5, 0, 9]


@pytest.mark.parametrize(
    ("images", "labels"),
    [(LABELS, IMAGES), (IMAGES, LABELS[:2]), (IMAGES[:2], LABELS), (IMAGES[0], LABELS)],
    ids=["swapped", "a label less", "an image less", "one image"],
)
def test_images_and_labels_that_do_not_pair(images: np.ndarray, labels: np.ndarray) -> None:
    message = (
        "expected images and labels of shapes (n, height, width) and (n,), "
        f"got {images.shape} and {labels.shape}. Check that"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        pair(images, labels, classes=10)


@pytest.mark.parametrize("label", [10, -1])
def test_label_out_of_range(label: int) -> None:
    labels = np.array([5, label, 99], np.int8)
    message = rf"^expected labels in \[0, 10\), got {label} at index \(1,\)\."
    with pytest.raises(ValueError, match=message):
        pair(IMAGES, labels, classes=10)


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_relative(folder: Path, *, zipped: bool) -> Any:
    """Write four small files, and return their archives."""
    sha256 = {}
    for name, array in zip(SHA256, (IMAGES, LABELS, IMAGES[:1], LABELS[:1]), strict=True):
        content = gzip.compress(idx(array), mtime=0)
        sha256[name] = hashlib.sha256(content).hexdigest()
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(content if zipped else idx(array))
    return RELATIVES["kmnist"]._replace(sha256=sha256)


@pytest.mark.parametrize("zipped", [True, False])
def test_relatives_are_read_in_the_order_of_their_files(tmp_path: Path, zipped: bool) -> None:
    train, test = load_relative(tmp_path, write_relative(tmp_path, zipped=zipped))
    np.testing.assert_array_equal(train.inputs, IMAGES.reshape(3, 8))
    assert train.targets.tolist() == LABELS.tolist()
    assert test.targets.tolist() == LABELS[:1].tolist()


def test_an_archive_that_is_not_the_original_is_refused(tmp_path: Path) -> None:
    archives = write_relative(tmp_path, zipped=True)
    name = next(iter(SHA256))
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(IMAGES[::-1]), mtime=0))
    with pytest.raises(ValueError, match="Fetch the original again"):
        load_relative(tmp_path, archives)


@pytest.mark.parametrize("name", list(RELATIVES))
def test_a_missing_relative_says_what_to_fetch_and_where_to_put_it(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_dir=tmp_path)
    text = str(caught.value)
    first = next(iter(SHA256))
    assert f"{first}.gz" in text
    assert str(tmp_path / name) in text
    assert RELATIVES[name].home in text
    assert RELATIVES[name].sha256[first] in text
    assert len(RELATIVES[name].class_names) == 10
