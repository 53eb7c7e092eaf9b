"""Log files of a training run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jaxnet.training import (
    DivergenceError,
    Progress,
    Report,
    json_lines_log,
    tensorboard_log,
    together,
)


@contextlib.contextmanager
def reporting(
    epochs: int, *, log: Path | None, tensorboard: Path | None
) -> Iterator[Report | None]:
    """Yield a callback for `jaxnet.training.fit`; None without logs.

    Logs are a file of JSON lines and a folder of TensorBoard's event files.

    A diverging run is logged up to and including its last epoch.
    """
    with contextlib.ExitStack() as stack:
        lines = None if log is None else json_lines_log(log)
        board = None if tensorboard is None else stack.enter_context(tensorboard_log(tensorboard))
        logs = together(lines, board)
        try:
            yield logs
        except DivergenceError as error:
            history, seconds = error.result.history, error.result.run_seconds
            if logs is not None:
                logs(Progress(len(history.train["loss"]), epochs, history, seconds))
            raise
