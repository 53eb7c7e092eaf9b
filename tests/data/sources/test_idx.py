"""The IDX reader: valid and broken files."""

import gzip
import hashlib
import os
import re
import struct
import tracemalloc
from pathlib import Path
from typing import Any

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
def test_round_trip(tmp_path: Path, name: str, gzipped: bool) -> None:
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


@pytest.mark.parametrize(
    ("code", "kind"),
    [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_reads_every_type(tmp_path: Path, code: int, kind: str, pack: Any) -> None:
    if kind[0] == "f":
        values = np.array([[0.1, -2.5, np.inf], [1e-30, 3e30, -0.0]], kind)
    else:
        info = np.iinfo(kind)
        values = np.array([[info.min, 0, 1], [info.max, 2, 77]], kind)
    header = struct.pack(">4B2I", 0, 0, code, 2, 2, 3)
    path = _write(tmp_path, pack(header + values.astype(f">{kind}").tobytes()))
    read = read_idx(path)
    assert read.dtype == np.dtype(kind)
    assert read.dtype.isnative
    assert not read.flags.writeable
    np.testing.assert_array_equal(read, values)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    message = f"expected file to exist, got nothing at {path}."
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
    "start", [b"\x00\x00\x0a\x03", b"\x01\x00\x08\x03", b"\x00\x01\x08\x03", b"\x89PNG"]
)
def test_wrong_magic_number(tmp_path: Path, start: bytes) -> None:
    message = rf"IDX header 0, 0, one of 8, 9, 11, 12, 13, 14, dimensions, got bytes \[{start[0]}, "
    with pytest.raises(ValueError, match=message):
        read_idx(_write(tmp_path, start + CONTENT[4:]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("size", "said"), [(23, "23"), (25, "more"), (9_000_000, "more")])
def test_size_differs_from_the_header(tmp_path: Path, size: int, said: str, pack: Any) -> None:
    message = rf"to hold 24 values for its shape \(2, 3, 4\), got {said}\."
    with pytest.raises(ValueError, match=message):
        read_idx(_write(tmp_path, pack(HEADER + bytes(size))))


def test_a_part_of_a_value_is_missing(tmp_path: Path) -> None:
    header = struct.pack(">4BI", 0, 0, 14, 1, 3)
    with pytest.raises(ValueError, match=r"to hold 3 values for its shape \(3,\), got 2\."):
        read_idx(_write(tmp_path, header + bytes(23)))


def test_no_more_is_decompressed_than_the_header_states(tmp_path: Path) -> None:
    path = _write(tmp_path, gzip.compress(HEADER + bytes(2**28)))  # 256 MiB in 256 KiB
    tracemalloc.start()
    with pytest.raises(ValueError, match="to hold 24 values"):
        read_idx(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**24


@pytest.mark.parametrize("shape", [(2**30 + 1,), (2**16,) * 2, (2**16,) * 4, (2**32 - 1,) * 8])
def test_a_header_that_states_too_much(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)  # also 2^64 = 0 mod 2^64
    message = "to state at most most_bytes=1,073,741,824 bytes of values, got "
    with pytest.raises(ValueError, match=message):
        read_idx(_write(tmp_path, header))


def test_the_limit_is_of_bytes_and_may_be_moved(tmp_path: Path) -> None:
    path = _write(tmp_path, struct.pack(">4BI", 0, 0, 12, 1, 3) + bytes(12))
    assert read_idx(path, most_bytes=12).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"at most most_bytes=11 bytes of values, got 12 for its"):
        read_idx(path, most_bytes=11)


def test_irregular_files_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match=r"expected file to be a regular file"):
            read_idx(path)


def test_wrong_checksum(tmp_path: Path) -> None:
    path = _write(tmp_path, CONTENT[:-1] + b"\x00")
    with pytest.raises(ValueError, match=rf"SHA-256 of the content {DIGEST}, got \w{{64}} in "):
        read_idx(path, sha256=DIGEST)
    assert read_idx(path)[-1, -1, -1] == 0
