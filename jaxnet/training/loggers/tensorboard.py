"""Log of a run as event files for TensorBoard."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxnet.core.checks import check_count
from jaxnet.core.files import check_path
from jaxnet.core.optional_imports import import_package
from jaxnet.training.host_loop import Progress
from jaxnet.training.loggers.report import Report, check_new_file, epoch_values, naming_errors


@contextlib.contextmanager
def tensorboard_log(directory: str | Path, *, start: int = 0) -> Iterator[Report]:
    """Yield a callback that writes the curves for TensorBoard, step = epoch.

    The tags are ``NAME/train`` and ``NAME/validation``, so that the two share a chart, and
    ``NAME/instrument``. Reported epochs are on the disk before the training continues. Needs
    tensorboardX, and neither TensorFlow nor TensorBoard itself.

    A folder holds one run. Each call that reports an epoch adds an event file, which begins with
    the mark of a restart (`tensorboardX.SummaryWriter` writes it for ``purge_step``): TensorBoard
    drops all steps after ``start`` that earlier files hold, so a resumed run has each step once.

    Args:
        directory: folder of the event files; made if missing.
        start: epochs finished before this run, ``state.epoch`` of the state that it resumes from.

    Yields:
        The callback, good for one run.

    Raises:
        ValueError: if the folder or a file cannot be written; for an address such as
            ``s3://...``.
        TypeError: if ``directory`` is not a path.
        ImportError: if tensorboardX is not installed.
    """
    check_count("start", start, minimum=0)
    # not SummaryWriter, which writes in a thread: errors, and reports before a kill, are lost there
    open_file = import_package("tensorboardX.event_file_writer").EventsWriter
    messages = import_package("tensorboardX.proto.event_pb2")
    directory = check_path("directory", directory).absolute()
    with naming_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        check_new_file(directory)
    writer: Any = None
    written = 0

    def write(step: int, **content: Any) -> None:
        writer.write_event(messages.Event(wall_time=time.time(), step=step, **content))

    def report(progress: Progress) -> None:
        nonlocal writer, written
        with naming_errors(directory):
            if writer is None:
                writer = open_file(_prefix(directory), filename_suffix=f".{os.getpid()}")
                restart = messages.SessionLog(status=messages.SessionLog.START)
                write(start + 1, session_log=restart)
            for index in range(written, progress.epoch):
                values = epoch_values(progress, index, "{name}/{split}")
                scalars = [{"tag": tag, "simple_value": value} for tag, value in values.items()]
                write(start + index + 1, summary={"value": scalars})
            writer.flush()
        written = progress.epoch

    try:
        yield report
    finally:
        if writer is not None:
            with naming_errors(directory):
                writer.close()


def _prefix(directory: Path) -> str:
    """Return how a new file's name begins: TensorBoard reads files in the order of their names."""
    number = len(list(directory.glob("*tfevents*")))  # not the clock, which may be set back
    return str(directory / f"events_{number:06d}")
