"""Freed memory is returned to the system."""

import ctypes
import platform
import re
from pathlib import Path

import pytest

from jaxnet.core.heap import COMPILATION, release_compiler_memory

SIZE, NUMBER = 4096, 20_000


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    (kibibytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(kibibytes)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_freed_memory_is_returned() -> None:
    """Of 80 MB in small pieces all but the last is freed, below which glibc keeps everything."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [libc.malloc(SIZE) for _ in range(NUMBER)]
    for piece in pieces:
        ctypes.memset(piece, 1, SIZE)
    for piece in pieces[:-1]:
        libc.free(piece)
    kept = resident()
    release_compiler_memory(COMPILATION / 2)
    assert kept - resident() < SIZE * NUMBER / 4
    release_compiler_memory(COMPILATION)
    assert kept - resident() > SIZE * NUMBER / 2
    libc.free(pieces[-1])


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def without(name: None) -> object:
        asked.append(name)
        return object()

    monkeypatch.setattr(ctypes, "CDLL", without)
    release_compiler_memory(COMPILATION)
    assert asked == [None]
