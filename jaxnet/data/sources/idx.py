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
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.errors import InputError, invalid_value, missing_file
from jaxnet.core.files import open_regular
from jaxnet.data.sources.originals import check_digest

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
"""Type code -> dtype."""

MOST_BYTES = 2**30
"""The most that is read unless more is allowed: 1 GiB of values, 20 times MNIST."""

_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 8
_BROKEN = "The file is truncated, corrupt or not IDX; fetch it again."
_AT_A_TIME = 2**20


def read_idx(
    path: str | Path, *, sha256: str | None = None, most_bytes: int = MOST_BYTES
) -> np.ndarray:
    """Read an IDX file, plain or gzipped.

    No more is read and decompressed than the header states, and one byte, to see whether the file
    ends there.

    Args:
        path: the file.
        sha256: expected SHA-256 of the decompressed file, in hexadecimal; None skips the check.
        most_bytes: the most bytes of values that the header may state.

    Returns:
        A read-only array of the shape and type that the file states: uint8, int8, int16, int32,
        float32 or float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is truncated, too long, corrupt, not IDX, or not the one expected;
            if its values are more than ``most_bytes``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 0]))
    ...     read_idx(path).tolist()
    [5, 0]
    """
    most = check_count("most_bytes", most_bytes)
    try:
        with open_regular(Path(path), "rb") as opened:
            raw: Any = opened
            return parse_idx(str(path), raw, sha256=sha256, most_bytes=most)
    except InputError:
        raise
    except (FileNotFoundError, IsADirectoryError) as error:
        raise missing_file("to exist", f"nothing at {path}") from error
    except OSError as error:
        actual = error.strerror or error
        raise invalid_value(str(path), "to be readable", actual, _BROKEN) from error


def parse_idx(
    origin: str, raw: io.BufferedIOBase, *, sha256: str | None = None, most_bytes: int = MOST_BYTES
) -> np.ndarray:
    """Read an array from an open IDX file, plain or gzipped.

    Args:
        origin: what messages call the file.
        raw: the file, at its start.
        sha256: as for `read_idx`, whose results and errors it has.
        most_bytes: as for `read_idx`.

    >>> parse_idx("two", io.BytesIO(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))).tolist()
    [7, 9]
    """
    opened: Any = gzip.open if raw.read(2) == _GZIP else nullcontext
    raw.seek(0)
    try:
        with opened(raw) as file:
            header = _read_header(origin, file)
            expected = f"to state at most most_bytes={most_bytes:,} bytes of values"
            actual = f"{header.bytes:,} for its shape {header.shape}"
            require(header.bytes <= most_bytes, origin, expected, actual)
            values = _read(file, header.bytes)
            _check_end(origin, header, values, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise invalid_value(origin, "to be whole gzip data", error, _BROKEN) from error
    if sha256 is not None:
        found = hashlib.sha256(header.content)
        found.update(values)
        check_digest(origin, sha256, found.hexdigest())
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


def _read_header(origin: str, file: io.BufferedIOBase) -> _Header:
    start = _read(file, 4)
    good = len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES
    header = f"to start with the IDX header 0, 0, one of {', '.join(map(str, TYPES))}, dimensions"
    require(good, origin, header, f"bytes {list(start)}", _BROKEN)
    dtype, dimensions = np.dtype(f">{TYPES[start[2]]}"), start[3]
    good, most = 1 <= dimensions <= _MOST_DIMENSIONS, _MOST_DIMENSIONS
    require(good, origin, f"to have 1 to {most} dimensions", dimensions, _BROKEN)
    sizes, size = _read(file, 4 * dimensions), 4 + 4 * dimensions
    found = f"{4 + len(sizes)} bytes"
    require(4 + len(sizes) == size, origin, f"to hold {size} bytes of header", found, _BROKEN)
    return _Header(bytes(start + sizes), dtype, struct.unpack(f">{dimensions}I", sizes))


def _read(file: io.BufferedIOBase, size: int) -> bytearray:
    """Read up to ``size`` bytes piecewise, as a header may state an absurd size."""
    content = bytearray()
    while part := file.read(min(size - len(content), _AT_A_TIME)):
        content += part
    return content


def _check_end(origin: str, header: _Header, values: bytearray, file: io.BufferedIOBase) -> None:
    surplus = len(file.read(1))
    expected = f"to hold {math.prod(header.shape)} values for its shape {header.shape}"
    actual = "more" if surplus else len(values) // header.dtype.itemsize
    good = len(values) == header.bytes and not surplus
    require(good, origin, expected, actual, _BROKEN)
