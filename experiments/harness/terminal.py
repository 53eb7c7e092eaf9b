"""Terminal of a command: messages, interrupts, closed pipes, full disks.

Imports only the standard library, so that it works before the slow imports.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable

USER_ERROR = 2
BROKEN_PIPE = 141
"""Exit status of a program that SIGPIPE ended, as a shell reports it."""

AFTER_A_BAR = "\r\x1b[2K\x1b[?25h"
"""Clears the line and shows the cursor that a progress bar has hidden."""

ENDINGS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
"""Signal that ends a command -> its message; the exit status is 128 and the signal's number."""

GRACE = 1.0
"""Seconds for writing the last message after such a signal."""

LAST_WORK = 5.0
"""Seconds at most for what `at_interrupt` does before."""

at_interrupt: list[Callable[[], str]] = []
"""Functions that such a signal calls, and that return what the message says of them."""


def is_watched() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def complain(text: object) -> None:
    """Write a line to standard error, if that is open, with its control characters escaped."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    if sys.stderr is not None:
        try:
            print(line, file=sys.stderr, flush=True)
        except OSError:
            _discard(sys.stderr.fileno())


def prepare() -> None:
    """Let streams escape characters they cannot encode, and signals end with what was reached."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed by the shell
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    defaults = signal.default_int_handler, signal.SIG_DFL
    if heeded := [number for number in ENDINGS if signal.getsignal(number) in defaults]:
        _watch_for(heeded)


def _watch_for(heeded: Iterable[signal.Signals]) -> None:
    """End the process soon after one of these signals, from a thread of its own.

    Python's `KeyboardInterrupt` in the main thread waits while that is in XLA, is lost in a
    callback such as JAX's at garbage collection, and destroys what XLA's threads still use. Files
    are written atomically, and checkpoints survive any kill, so only `at_interrupt` needs to run.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in heeded:
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_end_at_signal, args=(reading,), daemon=True).start()


def _end_at_signal(signals: int) -> None:
    """Read numbers of signals until one of `ENDINGS`, and end the process."""
    number = 0
    while number not in ENDINGS:
        (number,) = os.read(signals, 1)
    said = [ENDINGS[signal.Signals(number)]]
    # a disk may hang, and a full pipe block
    for work, seconds in ((_act, LAST_WORK), (_report, GRACE)):
        thread = threading.Thread(target=work, args=(said,), daemon=True)
        thread.start()
        thread.join(seconds)
    os._exit(128 + number)


def _act(said: list[str]) -> None:
    for action in at_interrupt:
        with contextlib.suppress(Exception):
            said += filter(None, [action()])


def _report(said: list[str]) -> None:
    if is_watched():
        print(AFTER_A_BAR, end="", file=sys.stderr)
    complain("; ".join(said))
    with contextlib.suppress(OSError):
        _flush()


def finish(run: Callable[[], int]) -> int:
    """Run a command, flush its output, and return the exit status.

    Args:
        run: the command; returns an exit status.

    Returns:
        Its status; 2 with a message for an error of the system, such as a full disk; 141 without
        one if the reader of a pipe has closed it.
    """
    try:
        try:
            return run()
        finally:
            _flush()
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:
        complain(f"error: {error}")
        return USER_ERROR


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout.fileno())
        raise


def _discard(descriptor: int) -> None:
    """Redirect a descriptor to nowhere; else Python reports the failed flush at exit."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)
