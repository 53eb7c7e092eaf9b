"""What a command is run from: a terminal, pipes or nothing, which may end before the command does.

Imports nothing but the standard library, to be there before all that takes time.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

USER_ERROR = 2
INTERRUPTED = 130
UNHEARD = 141
"""What a shell says of a program that wrote into a pipe from which nobody reads."""

AFTER_A_BAR = "\r\x1b[2K\x1b[?25h"
"""Clears a terminal's line, and shows the cursor that a progress bar has hidden."""

LAST_WORDS = 1.0
"""Seconds that a terminal or a pipe has to take what is said of an interrupt."""


def is_watched() -> bool:
    """Return whether a person sees what is written to standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def complain(text: object) -> None:
    """Write a line to standard error, if there is any that takes it.

    Args:
        text: what it says; line breaks and the like, which a file's name may have, are spelled.
    """
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    if sys.stderr is not None:
        try:
            print(line, file=sys.stderr, flush=True)
        except OSError:
            _deafen(sys.stderr.fileno())


def prepare() -> None:
    """Give a command three streams that take any text; let an interrupt end it with status 130."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _watch_for_interrupts()
    sys.unraisablehook = without_late_threads(sys.unraisablehook)


def without_late_threads(report: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return a hook that reports all but what nobody waits for any more.

    On a full disk, TensorStore's threads tell a loop of their failures that the first has ended.

    Args:
        report: `sys.unraisablehook`.
    """

    def hook(unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            report(unraisable)

    return hook


def _watch_for_interrupts() -> None:
    """End the process within a second of an interrupt, from a thread, whatever the others do.

    Python's own way is a `KeyboardInterrupt` in the main thread: it waits while that is in XLA, it
    is lost when it comes in a callback, such as JAX's at each garbage collection, and on its way
    out Python takes down what XLA's threads still use. Nothing needs that way: files are written
    whole or not at all, and a checkpoint is as good as after any other kill.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_at_interrupt, args=(reading,), daemon=True).start()


def _end_at_interrupt(signals: int) -> None:
    """Wait for an interrupt among the numbers of signals that can be read, and end the process."""
    while os.read(signals, 1) != bytes([signal.SIGINT]):
        pass
    last_words = threading.Thread(target=_say_interrupted, daemon=True)  # nobody may take them
    last_words.start()
    last_words.join(LAST_WORDS)
    os._exit(INTERRUPTED)


def _say_interrupted() -> None:
    if is_watched():
        print(AFTER_A_BAR, end="", file=sys.stderr)
    complain("interrupted")
    with contextlib.suppress(OSError):
        _flush()


def finish(run: Callable[[], int]) -> int:
    """Call a function that returns an exit status, and return that, whatever becomes of the system.

    Args:
        run: the command. Its output is written out before this returns, so that what cannot be
            written is known.

    Returns:
        Its status; 2 for an error of the system, such as a full disk, which is said; 141, in
        silence, if nobody reads its output.
    """
    try:
        try:
            return run()
        finally:
            _flush()
    except BrokenPipeError:
        return UNHEARD
    except OSError as error:
        complain(f"error: {error}")
        return USER_ERROR


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        _deafen(sys.stdout.fileno())
        raise


def _deafen(descriptor: int) -> None:
    """Let what is left go nowhere; else Python complains at its end that it cannot be written."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)


def _open_closed_streams() -> None:
    """Put nothing where a shell has closed a standard stream.

    The next file that is opened would take its number, and get what XLA writes to standard error.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            assert opened == descriptor
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115
