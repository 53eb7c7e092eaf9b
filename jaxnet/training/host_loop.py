"""The host loop: calls the compiled program for a few epochs at a time and reports progress."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.heap import release_compiler_memory
from jaxnet.core.optional_imports import import_package
from jaxnet.core.representation import fields_html, known, represent, representation
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Array, Params, Statistics
from jaxnet.training.checkpoints.checkpoint import Checkpoint, Standing
from jaxnet.training.figures import FRAMES, curves_svg, plot_curves
from jaxnet.training.loop.epoch import NEVER
from jaxnet.training.loop.evaluate import read_params
from jaxnet.training.loop.rules import NO_RULE, best_of, stopped_by
from jaxnet.training.loop.run import RunRecord
from jaxnet.training.loop.state import TrainState
from jaxnet.training.recipe import Recipe

CAPACITY = 100
"""The most epochs in one call of the compiled program: the length of its history."""

CHUNK_SECONDS = 0.5
"""What a chunk of epochs should take, so that a person sees progress."""

Call: TypeAlias = Callable[[TrainState, int], tuple[TrainState, RunRecord, Any]]
"""``(state, epochs) -> state, history, done``: the compiled program with its examples."""


class History(NamedTuple):
    """Learning curves: name -> array with one value an epoch.

    Attributes:
        train: ``"loss"`` and each metric, averaged over the epoch while the parameters changed.
        validation: the same on the held-out examples, after the epoch; empty without any.
        instruments: what the instruments said after the epoch; empty without any.
    """

    train: Mapping[str, Any]
    validation: Mapping[str, Any]
    instruments: Mapping[str, Any]

    def __repr__(self) -> str:
        return representation("History", **last_values(self))

    def _repr_html_(self) -> str:
        return curves_svg(self._asdict())

    def plot(self) -> Any:
        """Plot the curves against the epochs: a `matplotlib` figure, a panel a quantity.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        return plot_curves(self._asdict())

    def to_pandas(self) -> Any:
        """Return a `pandas` data frame: a row an epoch, from 1, columns such as ``"train_loss"``.

        Raises:
            ImportError: if pandas is not installed.
        """
        pandas = import_package("pandas", remedy=FRAMES)
        tables = self._asdict().items()
        frame = pandas.DataFrame({f"{s}_{name}": t[name] for s, t in tables for name in t})
        return frame.set_index(pandas.RangeIndex(1, len(frame) + 1, name="epoch"))


class FitResult(NamedTuple):
    """The result of a training run.

    Attributes:
        params: the parameters to use: the best ones if a rule kept them, else the last ones; with
            ``evaluate_at``, those that it gives.
        statistics: the network's statistics that belong to them.
        epoch: the epoch after which the network had them, from 1.
        state: parameters, statistics, optimizer state, key and epoch at the end, to resume from.
        history: learning curves of the epochs of this run.
        ended_by: what ended the run: ``"epochs"``, the name of the rule that did, or
            ``"interrupt"`` in a `TrainingInterrupted`.
        compile_seconds: wall time of tracing and compiling; about 0 if `fit` was called before
            with the same network, optimizer but for its learning rate, settings and shapes.
        run_seconds: wall time of the training itself, in all starts from one checkpoint together.
    """

    params: Params
    statistics: Statistics
    epoch: int
    state: TrainState
    history: History
    ended_by: str
    compile_seconds: float
    run_seconds: float

    def __repr__(self) -> str:
        return representation("FitResult", **self._shown())

    def _repr_html_(self) -> str:
        return fields_html("FitResult", self._shown()) + self.history._repr_html_()

    def _shown(self) -> dict[str, Any]:
        leaves = [leaf for leaf in jax.tree.leaves(self.params) if known(leaf)]
        devices = {str(device) for leaf in leaves for device in getattr(leaf, "devices", set)()}
        return {
            "ended_by": self.ended_by,
            "epochs": self.state.epoch,
            "epoch": self.epoch,
            **last_values(self.history),
            "parameters": count_parameters(self.params),
            "run_seconds": self.run_seconds,
            "compile_seconds": self.compile_seconds,
            "devices": sorted(devices),
        }

    def plot(self) -> Any:
        """Plot the learning curves: the `matplotlib` figure of `History.plot`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        return self.history.plot()


class Progress(NamedTuple):
    """Progress of a run, the argument of ``on_progress``.

    Attributes:
        epoch: epochs finished in this run.
        epochs: epochs asked for.
        history: learning curves so far.
        seconds: wall time of the training so far.
        resumed: how many of the finished epochs an earlier start has left in a checkpoint.
        step: steps finished of the epoch under way; 0 but for streams.
    """

    epoch: int
    epochs: int
    history: History
    seconds: float
    resumed: int = 0
    step: int = 0

    __repr__ = represent


class DivergenceError(RuntimeError):
    """Raised when the loss or the parameters become NaN or infinite.

    Attributes:
        result: what the run had: parameters from before the epoch that diverged, and the history
            up to and including that epoch.
    """

    def __init__(self, message: str, result: FitResult):
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:  # of an error in a worker of joblib, for example
        return type(self), (str(self), self.result)


class TrainingInterrupted(KeyboardInterrupt):
    """Raised when Ctrl-C ends a run of `fit`, or a sweep, after the chunk under way.

    Attributes:
        result: what the run had reached: a whole `FitResult`; of a sweep, a
            `jaxnet.training.SweepResult` of the settings of which all seeds had finished, None if
            none had, and of other searches.
    """

    def __init__(self, message: str, result: Any):
        super().__init__(message)
        self.result = result

    __reduce__ = DivergenceError.__reduce__


@contextlib.contextmanager
def noting_interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed; a second one interrupts at once.

    The program donates its state, so a `KeyboardInterrupt` anywhere would lose what was reached.
    Outside of the main thread, among several processes, and where SIGINT has another handler than
    Python's own, nothing changes. The handler is restored at the end.
    """
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if seen:
            signal.default_int_handler(number, frame)
        seen.append(number)

    ours = threading.current_thread() is threading.main_thread() and jax.process_count() == 1
    ours = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    except Exception as error:
        if seen:  # which an error meanwhile must not hide
            raise KeyboardInterrupt from error
        raise
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def last_values(history: History) -> dict[str, Any]:
    """Return ``"train"`` and so on -> name -> value after the last epoch.

    Curves of other shapes than ``(epochs,)``, or that cannot be read here, come back whole.
    """

    def last(curve: Any) -> Any:
        single = known(curve) and curve.ndim == 1 and curve.size
        return np.asarray(curve)[-1] if single else curve

    tables = history._asdict().items()
    return {name: {n: last(curve) for n, curve in t.items()} for name, t in tables if t}


def run_in_chunks(
    call: Call,
    state: TrainState,
    epochs: int,
    recipe: Recipe,
    chunk: int | None,
    on_progress: Callable[[Progress], None] | None,
    checkpoint: Checkpoint | None = None,
    show: Callable[[Progress], None] | None = None,
) -> FitResult:
    """Run epochs in chunks until all are done or a rule ends the run.

    Args:
        call: the program.
        state: where to start.
        epochs: how many, 1 or more, together with those that a checkpoint holds.
        recipe: of the program; its rules may end it before.
        chunk: epochs a call; None for as many as take about `CHUNK_SECONDS`.
        on_progress: called after every chunk, and before the first if a checkpoint holds some.
        checkpoint: where to resume from, and what writes down where the run stands.
        show: the same as ``on_progress``, but called before the first chunk in any case.

    Raises:
        DivergenceError: if the loss or the parameters are no longer finite.
        TrainingInterrupted: after the chunk in which Ctrl-C was pressed.
    """
    started = time.perf_counter()
    state, rows, _ = jax.block_until_ready(call(state, 0))  # compiles, trains nothing
    state, history, seconds = stands = Standing(state, _filled(rows, 0), 0.0)
    compiled = time.perf_counter()
    release_compiler_memory(compiled - started)
    if checkpoint is not None:
        state, history, seconds = stands = checkpoint.resume(stands)
    began = time.perf_counter() - seconds
    resumed = done = len(history.epoch.diverged_at)
    ended = False

    def tell(result: FitResult, *told: Callable[[Progress], None] | None) -> None:
        for each in filter(None, told):
            each(Progress(done, epochs, result.history, seconds, resumed, _step_of(state)))

    result = _result(recipe, stands, compiled - started)
    tell(result, show, on_progress if resumed else None)
    with noting_interrupts() as interrupted:
        while done < epochs and not ended and not interrupted():
            size = min(chunk or _chunk_size(done, seconds), epochs - done, CAPACITY)
            state, rows, new = call(state, size)
            history = jax.tree.map(
                lambda *parts: np.concatenate(parts), history, _filled(rows, new)
            )
            done += int(new)
            seconds = time.perf_counter() - began
            stands = Standing(state, history, seconds)
            result = _result(recipe, stands, compiled - started)
            ended = result.ended_by != "epochs"
            _check_divergence(history, result, checkpoint)
            if checkpoint is not None and (int(new) or _step_of(state)):
                checkpoint.save(stands, last=ended or done == epochs)
            tell(result, show, on_progress)
        if interrupted():
            if checkpoint is not None:
                checkpoint.save(stands, last=True)
            if done < epochs and not ended:
                result = result._replace(ended_by="interrupt")
            raise _interruption(stands, result, checkpoint)
    return result


def _interruption(
    stands: Standing, result: FitResult, checkpoint: Checkpoint | None
) -> TrainingInterrupted:
    step = _step_of(stands.state)
    where = f"after epoch {int(result.state.epoch)}" + f" and {step} steps" * bool(step)
    if checkpoint is None:
        remedy = "fit(..., state=error.result.state) resumes from there"
        remedy += ", with the epoch under way from its start" * bool(step)
    else:
        remedy = f"The same call resumes from there. {checkpoint.describe()}".rstrip(".")
    message = f"training was interrupted {where}; the error's result has what was reached."
    return TrainingInterrupted(f"{message} {remedy}.", result)


def _result(recipe: Recipe, stands: Standing, compile_seconds: float) -> FitResult:
    state, history, run_seconds = stands
    rules, trained = recipe.rules, recipe.evaluate_at is None
    # as a program of its own, it would copy the trained ones
    params = state.params if trained else read_params(state, recipe.evaluate_at)
    best = best_of(rules, state.rules, (params, state.statistics))
    curves = History(history.epoch.train, history.validation, history.instruments)
    rule = int(stopped_by(rules, state.rules))
    ended_by = "epochs" if rule == NO_RULE else rules[rule].name
    return FitResult(
        best.params,
        best.statistics,
        int(state.epoch) - int(best.age),
        state._replace(totals=()),
        curves,
        ended_by,
        compile_seconds,
        run_seconds,
    )


def _step_of(state: TrainState) -> int:
    """Return the number of steps of an epoch under way."""
    return int(state.totals.steps) if state.totals else 0


def _filled(rows: RunRecord, number: int | Array) -> RunRecord:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: int(number)], rows)


def _chunk_size(done: int, seconds: float) -> int:
    return max(1, int(CHUNK_SECONDS * done / seconds)) if done else 1


def _check_divergence(history: RunRecord, result: FitResult, checkpoint: Checkpoint | None) -> None:
    steps = history.epoch.diverged_at
    if not len(steps) or steps[-1] == NEVER:
        return
    finite = [f"{loss:.6g}" for loss in history.epoch.last_loss if np.isfinite(loss)]
    last_loss = finite[-1] if finite else "none: the first was not"
    where = f"in epoch {int(result.state.epoch) + 1} at step {steps[-1] + 1}"
    what = f"the loss or the parameters are no longer finite; the last finite loss was {last_loss}."
    saved = "" if checkpoint is None else f" {checkpoint.describe()}"
    remedy = (
        f"Its result keeps the parameters from before that epoch.{saved} Lower the learning rate"
    )
    message = f"training diverged {where}: {what} {remedy}, or rescale the inputs."
    raise DivergenceError(message, result)
