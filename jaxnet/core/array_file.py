"""Files of named arrays and a description, verified by a checksum.

The format is safetensors, which many libraries read and which runs no code. The metadata hold a
description in JSON and a SHA-256 of the whole content.
"""

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxnet.core.checks import require, require_type
from jaxnet.core.errors import (
    DamagedFileError,
    InputError,
    InvalidValueError,
    invalid_value,
    message,
    missing_file,
)
from jaxnet.core.files import irregularity, open_regular
from jaxnet.core.optional_imports import import_package
from jaxnet.core.version import VERSION

DTYPES = (
    *("bfloat16", "float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""Permitted dtypes; safetensors writes some others, but does not read them."""

GONE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says where there is no such file; all else is no damage of the file."""


class FileKind(NamedTuple):
    """Purpose and version of a file format.

    Attributes:
        name: the format in the metadata.
        version: of the description; files of other versions raise an error.
        noun: the format in error messages.
        remedy: advice for a damaged file, a whole sentence.
    """

    name: str
    version: int
    noun: str
    remedy: str


class Content(NamedTuple):
    """Content of a file.

    Attributes:
        description: all but the arrays, in JSON's own types.
        arrays: name -> array.
    """

    description: dict[str, Any]
    arrays: dict[str, np.ndarray]


def storable(name: str, array: Any) -> np.ndarray:
    """Return an array in row-major order, the only one that safetensors writes correctly.

    Args:
        name: of the array.
        array: of NumPy or JAX.

    Raises:
        TypeError: for a dtype outside `DTYPES`.
    """
    dtype = getattr(array, "dtype", type(array).__name__)
    require_type(str(dtype) in DTYPES, name, f"of one of the dtypes {', '.join(DTYPES)}", dtype)
    return np.asarray(array, order="C")


def pack(kind: FileKind, text: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of a file.

    Args:
        kind: format of the file.
        text: the description, in JSON.
        arrays: name -> array, each `storable`.

    Raises:
        ImportError: if safetensors is not installed.
    """
    metadata = {
        "format": kind.name,
        "format_version": str(kind.version),
        "description": text,
        "sha256": checksum(kind, text, arrays),
    }
    return import_package("safetensors.numpy").save(dict(arrays), metadata)


def unpack(kind: FileKind, path: Path) -> Content:
    """Read a file and verify its checksum.

    Args:
        kind: expected format of the file.
        path: the file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is truncated, altered, or of another kind, a `DamagedFileError`; if it
            is of another version, or the system does not let it be read.
        ImportError: if safetensors is not installed.
    """
    metadata, arrays = _read(kind, path)
    found = metadata.get("format")
    if found != kind.name:
        noun = f"to be {kind.noun} of jaxnet"
        raise _damaged(kind, path, noun, f"safetensors with format {found!r}")
    version, stated = metadata.get("format_version", ""), metadata.get("sha256")
    remedy = f"Load it with the jaxnet that wrote it, or a later one; this is {VERSION}."
    current = version == str(kind.version)
    require(current, str(path), f"of format version {kind.version}", repr(version), remedy)
    text = metadata.get("description", "")
    sha = checksum(kind, text, arrays)
    if sha != stated:
        raise _damaged(kind, path, f"to have the SHA-256 that it states, {stated}", sha)
    try:
        description = json.loads(text)
    except ValueError:
        description = None
    if not isinstance(description, dict):
        raise _damaged(kind, path, "to hold a description in JSON", repr(text[:60]))
    return Content(description, arrays)


def checksum(kind: FileKind, text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of the description and the arrays, independent of their order."""
    sha = hashlib.sha256(f"{kind.name} {kind.version}\n{text}\n".encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype.name} {list(array.shape)}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _read(kind: FileKind, path: Path) -> tuple[Mapping[str, str], dict[str, np.ndarray]]:
    safetensors = import_package("safetensors")
    try:
        if not path.exists():
            raise missing_file("to exist", f"nothing at {path}")
        if found := irregularity(path):
            raise _damaged(kind, path, "to be a regular file", f"'{path.name}', {found}")
        open_regular(path, "rb").close()  # raises the system's error, which safetensors hides
        with safetensors.safe_open(path, framework="np") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except InputError:
        raise
    except OSError as error:
        actual = error.strerror or str(error)
        if error.errno not in GONE:  # the disk, rights, too many open files
            raise invalid_value(str(path), "to be readable", actual) from error
        raise _damaged(kind, path, "to be readable", actual) from error
    except (safetensors.SafetensorError, AttributeError) as error:  # the latter: a dtype
        raise _damaged(kind, path, "to be a whole safetensors file", str(error)) from error


def _damaged(kind: FileKind, path: Path, expected: str, actual: str) -> InvalidValueError:
    return DamagedFileError(message(str(path), expected, actual, kind.remedy))
