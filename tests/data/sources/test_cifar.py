"""CIFAR and the archives: small ones of the same form, extracted files, and bad input."""

import gzip
import hashlib
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from jaxnet.data import Dataset, load_dataset
from jaxnet.data.sources.cifar import ORIGINALS, cifar_original
from jaxnet.data.sources.mnist import ORIGINALS as IDX
from jaxnet.data.sources.originals import Content, Original, load_original
from tests.data.sources.test_mnist import ARRAYS, LABELS, TRAIN, idx
from tests.peers import need, peers

INSIDE = "cifar-10-batches-bin/"
NAMES = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
IMAGES = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
CLASSES = np.array([3, 9, 0, 1, 9], np.uint8)
COUNTS = {"data_batch_1.bin": 2, "data_batch_2.bin": 2, "test_batch.bin": 1}


def records(images: np.ndarray, *labels: np.ndarray) -> bytes:
    """Return records of channels first, as the binary version has them."""
    return np.column_stack(
        [*labels, images.transpose(0, 3, 1, 2).reshape(len(images), -1)]
    ).tobytes()


def members() -> dict[str, bytes]:
    ends = np.cumsum(list(COUNTS.values()))
    parts = {
        name: records(IMAGES[end - count : end], CLASSES[end - count : end])
        for (name, count), end in zip(COUNTS.items(), ends, strict=True)
    }
    return {**parts, "batches.meta.txt": NAMES, "readme.html": b"<html>"}


def pack(contents: Mapping[str, bytes], inside: str = INSIDE) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(inside + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def small(archive: bytes, labels: int = 1) -> Original:
    digest = hashlib.sha256(archive).hexdigest()
    return cifar_original(10, digest, COUNTS, "batches.meta.txt", inside=INSIDE, labels=labels)


def load(folder: Path, archive: bytes, original: Original | None = None) -> Dataset:
    (folder / "cifar10").mkdir(exist_ok=True)
    (folder / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(archive)
    return load_original("cifar10", original or small(archive), folder)


def check(dataset: Dataset) -> None:
    assert (dataset.image_shape, dataset.pixel_max) == ((32, 32, 3), 255)
    assert dataset.class_names[3] == "cat"
    np.testing.assert_array_equal(dataset.train.inputs, IMAGES[:4].reshape(4, -1))
    np.testing.assert_array_equal(dataset.test.inputs, IMAGES[4:].reshape(1, -1))
    assert (dataset.train.inputs.dtype, dataset.train.targets.dtype) == (np.uint8, np.int32)
    assert dataset.train.targets.tolist() == CLASSES[:4].tolist()


def test_the_archive_is_read_as_it_is(tmp_path: Path) -> None:
    backwards = dict(reversed(members().items()))
    check(load(tmp_path, pack(backwards)))
    assert [path.name for path in tmp_path.rglob("*.*")] == ["cifar-10-binary.tar.gz"]


@pytest.mark.parametrize("inside", ["", INSIDE])
def test_extracted_files_are_read(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / "cifar10" / inside
    folder.mkdir(parents=True)
    for name, content in members().items():
        (folder / name).write_bytes(content)
    check(load_original("cifar10", small(b""), tmp_path))


def test_the_fine_label_counts_of_two() -> None:
    contents = {"train.bin": records(IMAGES, CLASSES + 10, CLASSES), "test.bin": b""}
    original = cifar_original(10, "", {"train.bin": 5, "test.bin": 0}, "fine", inside="", labels=2)
    files = {name: Content(name, content) for name, content in contents.items()}
    train, _, _ = original.read({**files, "fine": Content("fine", NAMES)})
    assert train.targets.tolist() == CLASSES.tolist()
    np.testing.assert_array_equal(train.inputs, IMAGES.reshape(5, -1))


def changed(**contents: bytes) -> bytes:
    return pack(members() | {name.replace("__", "."): each for name, each in contents.items()})


def linked() -> bytes:
    """Return an archive in which a member is a link to a file of the system."""
    contents = {name: each for name, each in members().items() if name != "test_batch.bin"}
    plain, file = io.BytesIO(gzip.decompress(pack(contents))), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="a") as archive:
        info = tarfile.TarInfo(INSIDE + "test_batch.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    file.write(gzip.compress(plain.getvalue()))
    return file.getvalue()


RECORD = 3073
ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated": (lambda: pack(members())[:-2000], "to be a whole archive"),
    "no archive": (lambda: b"hello", "to be a whole archive"),
    "empty": (lambda: b"", "to be a whole archive"),
    "a member missing": (
        lambda: pack({"batches.meta.txt": NAMES}),
        f"to hold all members, got none called ['{INSIDE}data_batch_1.bin', ",
    ),
    "members elsewhere": (lambda: pack(members(), "../"), "to hold all members, got none called"),
    "a link": (linked, f"got none called ['{INSIDE}test_batch.bin']"),
    "a member too large": (
        lambda: changed(test_batch__bin=bytes(RECORD + 1)),
        f"/{INSIDE}test_batch.bin of at most 3,073 bytes, got 3,074. Fetch the original again.",
    ),
    "a record cut": (
        lambda: changed(data_batch_1__bin=bytes(2 * RECORD - 1)),
        f"/{INSIDE}data_batch_1.bin to hold 2 records of 3,073 bytes, got 6,145 bytes",
    ),
    "a record less": (lambda: changed(data_batch_1__bin=bytes(RECORD)), "to hold 2 records"),
    "label out of range": (
        lambda: changed(test_batch__bin=bytes([10]) + bytes(RECORD - 1)),
        f"{INSIDE}test_batch.bin in [0, 10), got 10 at index (0,)",
    ),
    "a label of the test alone": (
        lambda: changed(test_batch__bin=bytes([5]) + bytes(RECORD - 1)),
        "labels of the test of cifar10 to be among those of the training examples, got [5]",
    ),
    "a name missing": (lambda: changed(batches__meta__txt=NAMES[9:]), "to name 10 classes, got 9"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_are_refused(tmp_path: Path, name: str) -> None:
    make, message = ARCHIVES[name]
    with pytest.raises(ValueError) as caught:
        load(tmp_path, make())
    assert message in str(caught.value)


def test_another_archive_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    original = small(pack(members()))
    for archive in (pack(members())[:-2000], b"hello"):
        with pytest.raises(ValueError, match=r"SHA-256 of the content \w{64}, got \w{64} in .*gz"):
            load(tmp_path, archive, original)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    archive = changed(test_batch__bin=bytes(2**27), readme__html=bytes(2**27))
    tracemalloc.start()
    with pytest.raises(ValueError, match="of at most 3,073 bytes"):
        load(tmp_path, archive)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**25


def zip_of(folder: Path, contents: Mapping[str, bytes]) -> Original:
    """Write EMNIST's archive, and return the original."""
    (folder / "emnist").mkdir()
    path = folder / "emnist" / "gzip.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return IDX["emnist_digits"]._replace(sha256={"gzip.zip": digest})


def emnist() -> dict[str, bytes]:
    names = IDX["emnist_digits"].files
    return {f"gzip/{n}": gzip.compress(idx(a)) for n, a in zip(names, ARRAYS, strict=True)}


def test_emnist_is_read_out_of_its_zip_or_from_single_files(tmp_path: Path) -> None:
    original = zip_of(tmp_path, emnist())
    made = [load_original("emnist_digits", original, tmp_path)]
    (tmp_path / "emnist" / "gzip.zip").unlink()
    for name, content in emnist().items():
        (tmp_path / "emnist" / Path(name).name).write_bytes(content)
    made.append(load_original("emnist_digits", original, tmp_path))
    for dataset in made:
        assert dataset.train.targets.tolist() == LABELS.tolist()
        image = dataset.train.inputs[1].reshape(dataset.image_shape)
        np.testing.assert_array_equal(image, TRAIN[1].T)


FIRST = "gzip/emnist-digits-train-images-idx3-ubyte.gz"
ZIPS: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "outside": (
        lambda: {f"../{name}": content for name, content in emnist().items()},
        "to hold all members, got none called",
    ),
    "a bomb": (
        lambda: emnist() | {FIRST: gzip.compress(idx(TRAIN) + bytes(2**25))},
        "gzip.zip/" + FIRST + " to hold 2352 values for its shape (3, 28, 28), got more",
    ),
    "more images than there are": (
        lambda: emnist() | {FIRST: gzip.compress(idx(np.zeros((240_001, 28, 28), np.uint8)), 1)},
        "at most most_bytes=188,160,000 bytes of values, got 188,160,784",
    ),
    "truncated images": (lambda: emnist() | {FIRST: gzip.compress(idx(TRAIN)[:-9])}, "to hold"),
    "truncated gzip": (lambda: emnist() | {FIRST: b"\x1f\x8b\x08"}, "to be whole gzip data"),
    "another size": (
        lambda: emnist() | {FIRST: gzip.compress(idx(TRAIN[:, 1:]))},
        "of shapes (n, 28, 28) and (n,), got (3, 27, 28) and (3,)",
    ),
}


@pytest.mark.parametrize("name", ZIPS)
def test_zips_that_are_refused(tmp_path: Path, name: str) -> None:
    make, message = ZIPS[name]
    with pytest.raises(ValueError) as caught:
        load_original("emnist_digits", zip_of(tmp_path, make()), tmp_path)
    assert message in str(caught.value)


def test_a_zip_whose_checksums_are_wrong_is_refused(tmp_path: Path) -> None:
    original = zip_of(tmp_path, emnist())
    path = tmp_path / "emnist" / "gzip.zip"
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=r"gzip\.zip to be a whole archive, got "):
        load_original("emnist_digits", original._replace(sha256={"gzip.zip": digest}), tmp_path)


@pytest.mark.parametrize(
    ("name", "folder", "archive"),
    [
        ("cifar10", "cifar10", "cifar-10-binary.tar.gz"),
        ("cifar100", "cifar100", "cifar-100-binary.tar.gz"),
        ("emnist_letters", "emnist", "gzip.zip"),
    ],
)
def test_missing_archives_say_what_to_fetch(
    tmp_path: Path, name: str, folder: str, archive: str
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_dir=tmp_path)
    original = (ORIGINALS | IDX)[name]
    for said in (f"file {archive}, or ", str(tmp_path / folder), *original.sha256.values()):
        assert said in str(caught.value)


@peers
def test_the_checksums_are_those_of_tensorflow_datasets() -> None:
    folder = Path(need("tensorflow_datasets").__file__).parent / "url_checksums"
    for name, file in (
        ("cifar10", "cifar10"),
        ("cifar100", "cifar100"),
        ("emnist_mnist", "emnist"),
    ):
        (archive, digest), *_ = (ORIGINALS | IDX)[name].sha256.items()
        assert [digest, archive] == (folder / f"{file}.txt").read_text().split()[-2:]
