"""What a command is run from: a terminal, pipes or nothing, which may end before the command does.

Imports nothing but the standard library, to be there before all that takes time.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

USER_ERROR = 2
INTERRUPTED = 130
UNHEARD = 141
"""What a shell says of a program that wrote into a pipe from which nobody reads."""


def is_watched() -> bool:
    """Return whether a person sees what is written to standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def complain(text: object) -> None:
    """Write a line to standard error, if there is any that takes it."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            _deafen(sys.stderr.fileno())


def prepare() -> None:
    """Give a command three streams that take any text, and end it at an interrupt."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _quit)
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


def _quit(number: int, frame: FrameType | None) -> NoReturn:
    """End the process at once: libraries that are being imported make much of an interrupt."""
    del number, frame
    complain("interrupted")
    os._exit(INTERRUPTED)


def finish(run: Callable[[], int]) -> int:
    """Call a function that returns an exit status, and return that, whatever becomes of the system.

    Args:
        run: the command. Its output is written out before this returns, so that what cannot be
            written is known.

    Returns:
        Its status; 2 for an error of the system, such as a full disk, which is said; 130 if it was
        interrupted; 141, in silence, if nobody reads its output.
    """
    if signal.getsignal(signal.SIGINT) is _quit:
        signal.signal(signal.SIGINT, signal.default_int_handler)
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
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED


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
