"""The IDX reader: what it reads, and every way in which a file can be broken."""

import gzip
import hashlib
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from jaxnet.data import read_idx

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4)
CONTENT = HEADER + VALUES.tobytes()
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _write(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["values-idx3-ubyte", "values-idx3-ubyte.gz"])
@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzipped"])
def test_reads_what_was_written(tmp_path: Path, name: str, gzipped: bool) -> None:
    content = gzip.compress(CONTENT) if gzipped else CONTENT
    values = read_idx(str(_write(tmp_path, content, name)), sha256=DIGEST)
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, VALUES)
    assert not values.flags.writeable


@pytest.mark.parametrize("shape", [(5,), (2, 2), (0, 28, 28)])
def test_reads_any_number_of_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
    values = read_idx(_write(tmp_path, header + bytes(int(np.prod(shape)))))
    assert values.shape == shape


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    message = f"read_idx: expected file to exist, got nothing at {path}. Check the path."
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        read_idx(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected file to exist"):
        read_idx(tmp_path)


def test_truncated_gzip_at_every_byte(tmp_path: Path) -> None:
    whole = gzip.compress(CONTENT)
    for end in range(2, len(whole)):
        with pytest.raises(ValueError, match=r"to be whole gzip data, got .*truncated, corrupt"):
            read_idx(_write(tmp_path, whole[:end]))


def test_corrupt_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(CONTENT)
    for position in (2, 12, 20, len(whole) - 6):  # method, deflated data twice, checksum
        content = bytearray(whole)
        content[position] ^= 0xFF
        with pytest.raises(ValueError, match=r"expected .*file to be whole gzip data, got "):
            read_idx(_write(tmp_path, bytes(content)))


def test_garbage_after_gzip(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="to be whole gzip data"):
        read_idx(_write(tmp_path, gzip.compress(CONTENT) + b"garbage"))


@pytest.mark.parametrize("end", range(len(CONTENT)))
def test_truncated_plain_file_at_every_byte(tmp_path: Path, end: int) -> None:
    with pytest.raises(ValueError, match=r"The file is truncated, corrupt or not IDX; fetch it"):
        read_idx(_write(tmp_path, CONTENT[:end]))


@pytest.mark.parametrize(
    "start", [b"\x00\x00\x0d\x03", b"\x01\x00\x08\x03", b"\x00\x01\x08\x03", b"\x89PNG"]
)
def test_wrong_magic_number(tmp_path: Path, start: bytes) -> None:
    message = rf"to start with the IDX header 0, 0, 8, dimensions, got bytes \[{start[0]}, "
    with pytest.raises(ValueError, match=message):
        read_idx(_write(tmp_path, start + CONTENT[4:]))


@pytest.mark.parametrize("size", [23, 25])
def test_size_differs_from_the_header(tmp_path: Path, size: int) -> None:
    message = rf"to hold 24 values for its shape \(2, 3, 4\), got {size}\."
    with pytest.raises(ValueError, match=message):
        read_idx(_write(tmp_path, HEADER + bytes(size)))


def test_a_size_that_overflows_64_bits(tmp_path: Path) -> None:
    header = struct.pack(">4B4I", 0, 0, 8, 4, 2**16, 2**16, 2**16, 2**16)  # 2^64 = 0 mod 2^64
    with pytest.raises(ValueError, match="to hold 18446744073709551616 values"):
        read_idx(_write(tmp_path, header))


def test_wrong_checksum(tmp_path: Path) -> None:
    path = _write(tmp_path, CONTENT[:-1] + b"\x00")
    with pytest.raises(ValueError, match=rf"SHA-256 of the content {DIGEST}, got \w{{64}} in "):
        read_idx(path, sha256=DIGEST)
    assert read_idx(path)[-1, -1, -1] == 0
