"""The IDX file format of MNIST.

Four bytes (0, 0, a type code, the number of dimensions), one big-endian 32-bit size a dimension,
then the values row by row, big-endian. Files may be gzipped; their content decides, not their name.

Source: LeCun, "The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import io
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.errors import InputError, invalid_value, missing_file
from jaxnet.core.files import open_regular

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
"""Type code -> dtype."""

MOST_BYTES = 2**30
"""The most that is read unless more is allowed: 1 GiB of values, 20 times MNIST."""

_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 8
_BROKEN = "The file is truncated, corrupt or not IDX; fetch it again."
_AT_A_TIME = 2**20


def read_idx(
    path: str | Path,
    *,
    sha256: str | None = None,
    archive_sha256: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> np.ndarray:
    """Read an IDX file, plain or gzipped.

    No more is read and decompressed than the header states, and one byte, to see whether the file
    ends there.

    Args:
        path: the file.
        sha256: expected SHA-256 of the decompressed file, in hexadecimal; None skips the check.
        archive_sha256: the same of a gzipped file as it is; not checked of a plain one.
        most_bytes: the most bytes of values that the header may state.

    Returns:
        A read-only array of the shape and type that the file states: uint8, int8, int16, int32,
        float32 or float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is truncated, too long, corrupt, not IDX, or not the one expected;
            if its values are more than ``most_bytes``.
    """
    path, most = Path(path), check_count("most_bytes", most_bytes)
    with _opened(path) as file:
        header = _read_header(path, file)
        expected = f"to state at most most_bytes={most:,} bytes of values"
        actual = f"{header.bytes:,} for its shape {header.shape}"
        require(header.bytes <= most, str(path), expected, actual)
        values = _read(file, header.bytes)
        _check_end(path, header, values, file)
    if sha256 is not None:
        found = hashlib.sha256(header.content)
        found.update(values)
        _check_digest(path, sha256, found)
    if archive_sha256 is not None:
        with open_regular(path, "rb") as opened:
            file: Any = opened
            zipped = file.read(2) == _GZIP
            file.seek(0)
            if zipped:
                _check_digest(path, archive_sha256, hashlib.file_digest(file, "sha256"))
    array = np.frombuffer(values, header.dtype).reshape(header.shape)
    array = array.astype(header.dtype.newbyteorder("="), copy=False)
    array.flags.writeable = False
    return array


class _Header(NamedTuple):
    content: bytes
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Size of the values in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a plain or gzipped file for reading, with errors that name it."""
    try:
        with open_regular(path, "rb") as raw:
            opened: Any = gzip.open if raw.read(2) == _GZIP else nullcontext
            raw.seek(0)
            with opened(raw) as file:
                yield file
    except InputError:
        raise
    except (FileNotFoundError, IsADirectoryError) as error:
        raise missing_file("to exist", f"nothing at {path}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise invalid_value(str(path), "to be whole gzip data", error, _BROKEN) from error
    except OSError as error:
        actual = error.strerror or error
        raise invalid_value(str(path), "to be readable", actual, _BROKEN) from error


def _read_header(path: Path, file: io.BufferedIOBase) -> _Header:
    start = _read(file, 4)
    good = len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES
    header = f"to start with the IDX header 0, 0, one of {', '.join(map(str, TYPES))}, dimensions"
    require(good, str(path), header, f"bytes {list(start)}", _BROKEN)
    dtype, dimensions = np.dtype(f">{TYPES[start[2]]}"), start[3]
    good, most = 1 <= dimensions <= _MOST_DIMENSIONS, _MOST_DIMENSIONS
    require(good, str(path), f"to have 1 to {most} dimensions", dimensions, _BROKEN)
    sizes, size = _read(file, 4 * dimensions), 4 + 4 * dimensions
    found = f"{4 + len(sizes)} bytes"
    require(4 + len(sizes) == size, str(path), f"to hold {size} bytes of header", found, _BROKEN)
    return _Header(bytes(start + sizes), dtype, struct.unpack(f">{dimensions}I", sizes))


def _read(file: io.BufferedIOBase, size: int) -> bytearray:
    """Read up to ``size`` bytes piecewise, as a header may state an absurd size."""
    content = bytearray()
    while part := file.read(min(size - len(content), _AT_A_TIME)):
        content += part
    return content


def _check_end(path: Path, header: _Header, values: bytearray, file: io.BufferedIOBase) -> None:
    surplus = len(file.read(1))
    expected = f"to hold {math.prod(header.shape)} values for its shape {header.shape}"
    actual = "more" if surplus else len(values) // header.dtype.itemsize
    good = len(values) == header.bytes and not surplus
    require(good, str(path), expected, actual, _BROKEN)


def _check_digest(path: Path, sha256: str, found: Any) -> None:
    actual = f"{found.hexdigest()} in {path}"
    good, remedy = found.hexdigest() == sha256, "Fetch the original again."
    require(good, "SHA-256", f"of the content {sha256}", actual, remedy)
