"""Prepared folders: of every kind of image, in the files' order, and broken ones."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.data import Examples, load_dataset, load_prepared, open_prepared
from jaxnet.data.sources.prepared import _places
from tests.data.sources.prepared_sets import IMAGES, LABELS, png, prepare, records, tensor, tiny
from tests.peers import need, peers
from tests.test_structure import ROOT

__all__ = ["tiny"]
pytestmark = peers

FLAT = IMAGES.reshape(len(IMAGES), -1)
GREY, COLOUR = (28, 28), (32, 32, 3)


def assert_equal(examples: Examples, images: np.ndarray, labels: list[int]) -> None:
    assert (examples.inputs.dtype, examples.targets.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(examples.inputs, images)
    np.testing.assert_array_equal(examples.targets, labels)


@pytest.mark.parametrize("encoding", ["png", "none", "zlib", "bytes"])
@pytest.mark.parametrize(("name", "shuffled"), [("tiny", False), ("mnist", False), ("mnist", True)])
def test_every_kind_of_image_is_read_in_the_files_order(
    encoding: str, name: str, shuffled: bool, tmp_path: Path
) -> None:
    feature = png() if encoding == "png" else tensor(encoding)
    # by default all are shuffled, mnist by the hashes of its keys, which are numbers
    folder = prepare(tmp_path, name, features={"image": feature}, disable_shuffling=not shuffled)
    prepared = load_prepared(folder)
    assert_equal(prepared.train, FLAT, LABELS)
    assert_equal(prepared.test, FLAT[::-1], LABELS[::-1])
    assert prepared[2:] == (("a", "b", "c"), (4, 5), 255)


def test_a_set_with_keys_of_its_own_keeps_the_order_of_its_records(tiny: Path) -> None:
    train, source = load_prepared(tiny).train, open_prepared(tiny)
    assert train.targets.tolist() != LABELS
    assert sorted(map(bytes, train.inputs)) == sorted(map(bytes, FLAT))
    np.testing.assert_array_equal(source.read(np.arange(5)).inputs, train.inputs[:5])


@pytest.mark.parametrize("feature", [png, lambda: tensor("bytes")], ids=["png", "bytes"])
@pytest.mark.parametrize("indices", [[7], [3, 59, 0, 3], []], ids=str)
def test_rows_at_random(feature: Callable[[], Any], indices: list[int], tmp_path: Path) -> None:
    folder = prepare(tmp_path, "kmnist", features={"image": feature()})
    split = open_prepared(folder, "test")
    assert split.size == len(IMAGES)
    rows = split.read(np.array(indices, int))
    assert_equal(rows, FLAT[::-1][indices], [LABELS[::-1][n] for n in indices])


def test_the_order_of_mnist_in_tensorflow_datasets_is_undone(mnist_directory: Path) -> None:
    """Its first labels are those that every user of the prepared set knows."""

    class Info:
        name, disable_shuffling = "mnist", False

    known = {"train": [4, 1, 0, 7, 8, 1, 2, 7, 1, 6], "test": [2, 0, 4, 8, 7, 6, 0, 6, 3, 1]}
    mnist = load_dataset("mnist", data_dir=mnist_directory.parent)
    for (split, labels), part in zip(known.items(), (mnist.train, mnist.test), strict=True):
        places = _places(Info, split, len(part.targets))
        assert part.targets[np.argsort(places)[:10]].tolist() == labels


MOCKED = {
    "mnist": (GREY, 10),
    "fashion_mnist": (GREY, 10),
    "kmnist": (GREY, 10),
    "emnist/letters": (GREY, 26),
    "cifar10": (COLOUR, 10),
    "cifar100": (COLOUR, 100),
}


@pytest.mark.parametrize(("name", "expected"), MOCKED.items(), ids=MOCKED)
def test_sets_of_tensorflow_datasets(
    name: str, expected: tuple[Any, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tfds = need("tensorflow_datasets")
    builder = tfds.builder(name, data_dir=tmp_path)
    parts = [
        tfds.core.SplitInfo(name=part, shard_lengths=[20], num_bytes=1, filename_template=None)
        for part in ("train", "test")
    ]
    builder.info.set_splits(tfds.core.splits.SplitDict(parts))
    builder.info.set_file_format("array_record", override=True)
    folder = Path(builder.data_dir)
    folder.mkdir(parents=True)
    builder.info.write_to_directory(folder)
    # the mock's own takes itself for an argument
    monkeypatch.setattr(
        "tensorflow_datasets.testing.mocking._getitems",
        lambda record_keys, generator: [generator[key] for key in record_keys],
    )
    with tfds.testing.mock_data(num_examples=20, data_dir=str(folder)):
        prepared = load_prepared(folder)
    shape, classes = expected
    assert (prepared.image_shape, len(prepared.class_names)) == (shape, classes)
    assert prepared.pixel_max == 255
    for part in (prepared.train, prepared.test):
        assert part.inputs.shape == (20, np.prod(shape))
        assert (part.inputs.dtype, part.targets.dtype) == (np.uint8, np.int32)
        assert part.targets.max() < classes or name == "emnist/letters"  # the mock draws 37
    assert "T-shirt/top" in prepared.class_names or name != "fashion_mnist"


def test_reading_takes_neither_tensorflow_nor_a_network(tiny: Path) -> None:
    code = f"""
import socket, sys
def refuse(*_, **__): raise AssertionError("a connection")
socket.socket.connect = socket.getaddrinfo = refuse
from jaxnet.data import load_dataset, load_prepared
assert len(load_prepared({str(tiny)!r}).train.targets) == {len(LABELS)}
assert "tensorflow_datasets" in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def truncate(size: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        records(folder).write_bytes(records(folder).read_bytes()[:size])

    return change


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "half of a file": (truncate(40_000), "to be whole, got .*It is truncated or corrupt"),
    "a file without its end": (truncate(-1_000), "to be whole, got .*It is truncated or corrupt"),
    "an empty file": (truncate(0), "to be whole, got ArrayRecord file should be at least 64KB"),
    "a file less": (lambda folder: records(folder).unlink(), "to be whole, got .*No such file"),
    "a file of another kind": (
        lambda folder: records(folder).write_bytes(b"x" * 100_000),
        "to be whole, got .*Corrupted",
    ),
    "more examples than in the files": (
        rewrite("dataset_info.json", '"60"', '"61"'),
        "to be whole, got index 60 out of bound 60",
    ),
    "a truncated description": (
        lambda folder: (folder / "dataset_info.json").write_text('{"name":'),
        "to hold the description of a data set, got Failed to load JSON",
    ),
    "a truncated list of features": (
        lambda folder: (folder / "features.json").write_text('{"name":'),
        "to hold the description of a data set, got Expecting value",
    ),
    "no list of features": (
        lambda folder: (folder / "features.json").unlink(),
        "to hold the description of a data set, got Cannot restore",
    ),
    "files of TensorFlow": (
        rewrite("dataset_info.json", "array_record", "tfrecord"),
        "to hold array_record files, got tfrecord. Prepare it with --file_format=array_record, "
        "which takes TensorFlow. python -m experiments.prepare_data NAME",
    ),
    "no test split": (
        rewrite("dataset_info.json", '"test"', '"validation"'),
        "expected split to be one of train, validation, got 'test'",
    ),
    "no label": (
        rewrite("features.json", '"label"', '"name"'),
        "to hold images of whole numbers, all of one shape, and a class label for each, "
        r"got image: Image\(shape=\(4, 5, 1\), dtype=uint8\), name: ClassLabel",
    ),
    "images of any size": (
        rewrite("features.json", '"4"', '"-1"'),
        r"all of one shape, .* got image: Image\(shape=\(None, 5, 1\)",
    ),
}


@pytest.mark.parametrize(("change", "text"), BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_is_refused(
    change: Callable[[Path], Any], text: str, tiny: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "copy"))
    change(folder)
    with pytest.raises(ValueError, match=text):
        load_prepared(folder)


def test_labels_of_another_kind_are_refused(tmp_path: Path) -> None:
    number = need("tensorflow_datasets").features.Scalar(dtype=np.int64)
    folder = prepare(tmp_path, features={"label": number})
    with pytest.raises(ValueError, match=r"a class label for each, got .*label: Scalar"):
        open_prepared(folder)


def test_splits_may_have_other_names(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "copy"))
    rewrite("dataset_info.json", '"test"', '"validation"')(folder)
    records(folder).rename(str(records(folder)).replace("-test", "-validation"))
    assert len(load_prepared(folder, test="validation").test.targets) == 60


@pytest.mark.parametrize("indices", [[60], [-1], [0, 60]], ids=str)
def test_indices_out_of_range(indices: list[int], tiny: Path) -> None:
    with pytest.raises(ValueError, match=r"expected indices in \[0, 60\), got -?\d+ at index"):
        open_prepared(tiny).read(np.array(indices))


def test_a_folder_above_that_of_a_version_names_it(tiny: Path) -> None:
    for above in (tiny.parent, tiny.parents[1]):
        with pytest.raises(FileNotFoundError, match=f"got none. Name the folder .* {tiny}"):
            load_prepared(above)


@pytest.mark.parametrize("package", ["tensorflow_datasets", "array_record"])
def test_a_missing_package_is_named_with_the_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dataset_info.json").touch()
    for name in [n for n in sys.modules if n.partition(".")[0] == "array_record"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", sys)
    monkeypatch.setitem(sys.modules, package, None)
    text = f"package {package} to be installed, .* pip install -e '.\\[tfds\\]' installs all"
    with pytest.raises(ImportError, match=text):
        load_prepared(tmp_path)


def test_load_dataset_takes_the_folder(tiny: Path) -> None:
    dataset, prepared = load_dataset(tiny), load_prepared(tiny)
    assert dataset.name == str(tiny)
    assert_equal(dataset.train, prepared.train.inputs, prepared.train.targets)
    assert (dataset.class_names, dataset.image_shape) == (prepared.class_names, (4, 5))
    with pytest.raises(ValueError, match="expected target to be left out for a prepared data set"):
        load_dataset(tiny, target="label")


def test_emnist_is_turned_upright_and_its_letters_count_from_0(tmp_path: Path) -> None:
    """A folder of ours, renamed to what tensorflow-datasets calls its own."""
    folder = prepare(tmp_path, features={"image": tensor("bytes")}, disable_shuffling=True)
    known = load_prepared(folder)
    description = folder / "dataset_info.json"
    said = json.loads(description.read_text()) | {"name": "emnist", "configName": "letters"}
    description.write_text(json.dumps(said))
    for path in folder.glob("tiny-*"):
        path.rename(path.with_name(path.name.replace("tiny", "emnist")))
    emnist = load_prepared(folder)
    images = known.train.inputs.reshape(-1, 4, 5).swapaxes(1, 2)
    assert_equal(emnist.train, images.reshape(len(images), -1), known.train.targets - 1)
    assert emnist.class_names[:2] == ("A", "B")
