"""Memory that the C library keeps after it was freed."""

import contextlib
import ctypes

COMPILATION = 0.5
"""Seconds of compilation, at least, after which there is enough to return."""


def release_compiler_memory(seconds: float) -> None:
    """Return to the system what the compiler has freed, where the C library is glibc.

    The compiler allocates in small pieces, and glibc keeps them when they are freed: after a
    program of a run 110 to 190 MB, of no use for its arrays. It takes 15 to 30 ms.

    Args:
        seconds: what the compilation took; nothing is done below `COMPILATION`.
    """
    if seconds < COMPILATION:
        return
    # Windows has no library of the process, other C libraries have no such function
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
