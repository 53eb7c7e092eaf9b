"""The IDX file format, in which MNIST and its relatives are published.

Four bytes (0, 0, a type code, the number of dimensions), one big-endian 32-bit size a dimension,
then the values row by row. Files may be gzipped; their content decides, not their name.
"""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np

from jaxnet.core.errors import InputError, InvalidValueError, invalid_value, missing_file

_UNSIGNED_BYTE = 0x08
_MOST_DIMENSIONS = 8


def read_idx(path: str | Path, *, sha256: str | None = None) -> np.ndarray:
    """Read an IDX file of unsigned bytes, plain or gzipped.

    Args:
        path: the file.
        sha256: expected SHA-256 of the decompressed file, in hexadecimal; None skips the check.

    Returns:
        A read-only uint8 array of the shape that the file states.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is truncated, corrupt, not IDX, or not the one expected.
    """
    content = _decompressed(Path(path))
    values = _parse(path, content)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        actual = f"{hashlib.sha256(content).hexdigest()} in {path}"
        remedy = "The file was altered or is another data set's; fetch the original again."
        raise invalid_value("read_idx", "SHA-256", f"of the content {sha256}", actual, remedy)
    return values


def _decompressed(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise missing_file("read_idx", "to exist", f"nothing at {path}", "Check the path.")
        raw = path.read_bytes()
    except InputError:
        raise
    except OSError as error:
        raise _broken(path, "to be readable", error.strerror or str(error)) from error
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _broken(path, "to be whole gzip data", str(error)) from error


def _parse(path: str | Path, content: bytes) -> np.ndarray:
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        expected = "to start with the IDX header 0, 0, 8, dimensions"
        raise _broken(path, expected, f"bytes {list(content[:4])}")
    dimensions = content[3]
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise _broken(path, f"to have 1 to {_MOST_DIMENSIONS} dimensions", str(dimensions))
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise _broken(path, f"to hold {start} bytes of header", f"{len(content)} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    size = int(np.prod(shape, dtype=object))
    if len(content) - start != size:
        expected = f"to hold {size} values for its shape {shape}"
        raise _broken(path, expected, f"{len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _broken(path: str | Path, expected: str, actual: str) -> InvalidValueError:
    remedy = "The file is truncated, corrupt or not IDX; fetch it again."
    return invalid_value("read_idx", str(path), expected, actual, remedy)
