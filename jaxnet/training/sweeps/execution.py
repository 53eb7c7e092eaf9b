"""Execution of a sweep: compile, distribute, collect."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_choice, check_function
from jaxnet.core.files import check_path
from jaxnet.core.representation import represent
from jaxnet.data.examples import Examples
from jaxnet.training.checkpoints.fingerprint import take_fingerprint
from jaxnet.training.distributed.devices import Device, check_devices, local_devices
from jaxnet.training.distributed.processes import (
    agreed,
    check_agreement,
    count_processes,
    gathered,
    run_in_all_processes,
)
from jaxnet.training.host_loop import TrainingInterrupted, noting_interrupts
from jaxnet.training.loggers.progress import (
    ProgressArgument,
    Update,
    check_progress,
    progress_bar,
)
from jaxnet.training.loop.state import without_keys
from jaxnet.training.program import settings_of
from jaxnet.training.recipe import call_builder
from jaxnet.training.sweeps.batches import (
    Keeper,
    Members,
    Workers,
    compile_workers,
    local_share,
    lower_member,
    run_batches,
    starts_of,
)
from jaxnet.training.sweeps.checkpoint import Plan, SweepCheckpoint, share_folder
from jaxnet.training.sweeps.labels import SweepOutputs
from jaxnet.training.sweeps.width import Width, check_width, choose
from jaxnet.training.train import RunProgram, Trained

Keep: TypeAlias = Literal["metrics", "params", "state"]


class SweepProgress(NamedTuple):
    """Progress of a sweep, the argument of ``on_progress``.

    Attributes:
        done: runs finished.
        runs: how many there are.
        seconds: wall time of the training so far, in all starts from one checkpoint.
        resumed: how many of the finished runs an earlier start has left in a checkpoint.
    """

    done: int
    runs: int
    seconds: float
    resumed: int = 0

    __repr__ = represent


class Execution(NamedTuple):
    """Options of execution, which change results by rounding only.

    Attributes:
        width: runs a device at a time, ``"all"`` or ``"auto"``.
        devices: where to train; None for all.
        keep: what of each run comes back.
        on_progress: called after every batch of runs.
        checkpoint: folder to resume from and to write to; None for none.
        progress: whether to draw a progress bar, as for `fit`.
    """

    width: Width = "auto"
    devices: Sequence[Device] | None = None
    keep: Keep = "params"
    on_progress: Callable[[SweepProgress], None] | None = None
    checkpoint: str | os.PathLike[str] | None = None
    progress: ProgressArgument = None

    @property
    def processes(self) -> int:
        """Number of processes that train together."""
        return count_processes(self.devices or ())


class MembersInterrupted(TrainingInterrupted):
    """Raised when Ctrl-C ends a sweep, after the batches under way, without a result.

    Attributes:
        outputs: of the members that had finished.
        finished: which those are, ascending.
    """

    def __init__(self, message: str, outputs: SweepOutputs, finished: np.ndarray):
        super().__init__(message, None)
        self.outputs, self.finished = outputs, finished


def on_devices(execution: Execution) -> Execution:
    """Resolve the devices of a sweep; all of them by default."""
    named = execution.devices
    devices = check_devices(jax.devices() if named is None else named)
    return execution._replace(devices=devices)


def train_members(
    member: RunProgram,
    members: Members,
    train: Examples,
    validation: Examples | None,
    execution: Execution,
    compiled: dict[int, Workers] | None = None,
    *,
    title: str = "runs",
) -> SweepOutputs:
    """Train all members of a sweep, on all devices.

    ``compiled`` maps widths to programs of earlier calls, which differ only in numbers and number
    of members; those compiled here are added. ``title`` is that of the progress bar.

    Raises:
        ValueError: for an unknown option, processes that do not make the same call, or a
            checkpoint that is another's or cannot be written.
        TypeError: for a checkpoint of another network, optimizer, rule or precision.
        MembersInterrupted: after the batches under way when Ctrl-C was pressed.
    """
    execution = on_devices(execution)
    width, devices, _, on_progress, checkpoint, progress = execution
    devices, processes = devices or (), execution.processes
    given = member, members, train, validation, execution
    keeper = _agree(processes, *given)
    share = local_share(members, processes)
    programs = {} if compiled is None else compiled

    def compile_width(width: int) -> Workers:
        if width not in programs:
            options = {"width": width, "devices": local_devices(devices), "keep": keeper}
            programs[width] = compile_workers(member, train, validation, share, **options)
        return programs[width]

    def choose_width() -> Plan:
        agree, most = functools.partial(agreed, processes), -(-len(devices) // processes)
        workers, trials = choose(width, share, most, compile_width, agree)
        return Plan(workers.width, trials)

    started = time.perf_counter()
    with contextlib.ExitStack() as opened:
        bar = progress_bar(title, progress=progress, devices=devices)
        update = opened.enter_context(bar)
        if checkpoint is None:
            parts, plan = None, choose_width()
        else:
            open_parts = functools.partial(_open_parts, opened, *given)
            parts = run_in_all_processes(processes, open_parts)
            plan = _settle(processes, parts, choose_width)
        batches = {} if parts is None else parts.batches()
        missing = [start for start in starts_of(share, plan.width) if start not in batches]
        workers = compile_width(plan.width) if missing else None
        ready = time.perf_counter()
        interrupted = opened.enter_context(noting_interrupts())
        none = (_ for _ in ())
        trained = run_batches(workers, share, missing, interrupted) if workers else none
        opened.enter_context(contextlib.closing(trained))
        tell = functools.partial(_tell, update, on_progress)
        collect = functools.partial(_collect, trained, batches, share.number, parts, tell)
        kept, seconds = run_in_all_processes(processes, collect)
        how = plan.width, len(devices), plan.trials, ready - started, seconds
        if interrupted():
            raise _interruption(SweepOutputs(kept, *how), sorted(batches), members, checkpoint)
    kept = jax.tree.map(lambda leaf: leaf[: members.number], gathered(processes, kept))
    return SweepOutputs(kept, *how)


def _interruption(
    outputs: SweepOutputs, starts: Sequence[int], members: Members, checkpoint: Any
) -> MembersInterrupted:
    indices = [np.arange(start, min(start + outputs.width, members.number)) for start in starts]
    finished = np.concatenate(indices) if indices else np.arange(0)
    where = f"after {len(finished)} of {members.number} runs"
    remedy = "" if checkpoint is None else " The same call resumes from its checkpoint."
    message = f"the sweep was interrupted {where}.{remedy}"
    return MembersInterrupted(message, outputs, finished)


def _tell(
    update: Update, on_progress: Callable[[SweepProgress], None] | None, progress: SweepProgress
) -> None:
    update(progress.done, total=progress.runs)
    if on_progress is not None and progress.done:
        on_progress(progress)


def _agree(
    processes: int,
    member: RunProgram,
    members: Members,
    train: Examples,
    validation: Examples | None,
    execution: Execution,
) -> Keeper:
    """Check that all processes have the same arguments, and return the keeper."""
    width, _, keep, _, checkpoint, _ = execution
    check = functools.partial(_check_execution, execution)
    keeper = run_in_all_processes(processes, check)
    if processes > 1:
        lower = functools.partial(lower_member, member, train, validation, members)
        text = run_in_all_processes(processes, lower).as_text()
        asked = text, width, keep, checkpoint is None
        check_agreement(processes, (members, train, validation, asked))
    return keeper


def _check_execution(execution: Execution) -> Keeper:
    """Check the options of execution, and return the keeper."""
    check_width(execution.width)
    if execution.on_progress is not None:
        check_function("on_progress", execution.on_progress)
    check_progress(execution.progress)
    if execution.checkpoint is not None:
        check_path("checkpoint", execution.checkpoint)
    return check_choice("keep", execution.keep, _keepers)


def _open_parts(
    opened: contextlib.ExitStack,
    member: RunProgram,
    members: Members,
    train: Examples,
    validation: Examples | None,
    execution: Execution,
) -> SweepCheckpoint:
    """Open the checkpoint of this process's share of the sweep.

    ``opened`` closes it, even if another process fails.
    """
    lowered, processes = lower_member(member, train, validation, members), execution.processes
    result = lowered.out_info
    given = {
        "runs": str(members.number),
        "width": str(execution.width),
        "keep": execution.keep,
        "keys": members.keys,
        **members.hyperparameters,
        "epochs": members.epochs,
        "states to resume from": "none" if members.starts is None else members.starts,
    }
    first = {name: jnp.asarray(column[0]) for name, column in members.hyperparameters.items()}
    made_of = settings_of(call_builder(member.build, first), member.loop)
    taken = result, train, validation, lowered.as_text(), made_of, processes
    fingerprint = take_fingerprint(
        *taken, members=given, device=next(iter(execution.devices or ()))
    )
    folder = share_folder(execution.checkpoint or "", processes)
    like = jax.eval_shape(_keepers[execution.keep], result)
    number = local_share(members, processes).number
    parts = SweepCheckpoint(folder, fingerprint, like, number)
    return opened.enter_context(contextlib.closing(parts))


def _settle(processes: int, parts: SweepCheckpoint, choose_width: Callable[[], Plan]) -> Plan:
    """Return the plan of an earlier start, or choose one.

    A kill may have left it in some processes only.
    """
    own = parts.plan or Plan(0, [])
    width = int(gathered(processes, np.array([own.width])).max())
    parts.plan = own._replace(width=width) if width else choose_width()
    return parts.plan


def _collect(
    trained: Iterable[tuple[int, Trained]],
    batches: dict[int, Trained],
    runs: int,
    parts: SweepCheckpoint | None,
    tell: Callable[[SweepProgress], None],
) -> tuple[Trained, float]:
    """Train the missing batches; return the results of all runs and the seconds in all starts.

    After an interrupt they are those of the runs that had finished.
    """
    before = 0.0 if parts is None else parts.seconds
    started = time.perf_counter() - before
    done = resumed = sum(len(batch.done) for batch in batches.values())
    tell(SweepProgress(done, runs, before, resumed))
    for start, batch in trained:
        batches[start] = batch
        done, seconds = done + len(batch.done), time.perf_counter() - started
        if parts is not None:
            parts.add(start, batch, seconds, last=done == runs)
        tell(SweepProgress(done, runs, seconds, resumed))
    if parts is not None:
        parts.flush(time.perf_counter() - started)  # after an interrupt
    rows = [batches[start] for start in sorted(batches)]
    kept = jax.tree.map(lambda *rows: np.concatenate(rows), *rows) if rows else _nothing
    return kept, time.perf_counter() - started if done > resumed else before


_nothing: Any = None

_keepers: dict[str, Callable[[Trained], Trained]] = {
    "metrics": lambda run: run._replace(params=None, statistics=None, state=_nothing),
    "params": lambda run: run._replace(state=_nothing),
    "state": lambda run: run._replace(state=without_keys(run.state)),
}
"""What is kept of a run -> its results without the rest."""
