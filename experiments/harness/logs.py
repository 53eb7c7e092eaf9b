"""All that reports on a training run: the bar at a terminal, and the logs that were asked for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from experiments.harness.progress import progress_bar
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
    label: str, epochs: int, *, log: Path | None, tensorboard: Path | None
) -> Iterator[Report | None]:
    """Yield a callback for `jaxnet.training.fit`; None if there is nothing to report to.

    A run that diverges is logged up to and including the epoch in which it does.

    Args:
        label: of the bar.
        epochs: how many there will be.
        log: file of lines of JSON.
        tensorboard: folder of event files.
    """
    with contextlib.ExitStack() as stack:
        lines = None if log is None else json_lines_log(log)
        board = None if tensorboard is None else stack.enter_context(tensorboard_log(tensorboard))
        logs = together(lines, board)
        bar = stack.enter_context(progress_bar(label, epochs))
        try:
            yield together(bar, logs)
        except DivergenceError as error:
            history, seconds = error.result.history, error.result.run_seconds
            if logs is not None:
                logs(Progress(len(history.train["loss"]), epochs, history, seconds))
            raise
