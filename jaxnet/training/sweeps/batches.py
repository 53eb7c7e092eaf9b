"""Batches of a sweep: its members are distributed over the devices, ``width`` at a time."""

import queue
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.heap import release_compiler_memory
from jaxnet.data.examples import Examples
from jaxnet.training.distributed.devices import Device
from jaxnet.training.train import RunProgram, Trained


class Members(NamedTuple):
    """The members of a sweep: each leaf has a leading axis of members.

    Attributes:
        keys: PRNG keys.
        hyperparameters: name -> numbers.
        epochs: how many epochs each is to run, int32.
        starts: the states to resume from, their keys as integers; None for new runs.
    """

    keys: Any
    hyperparameters: dict[str, Any]
    epochs: Any
    starts: Any = None

    @property
    def number(self) -> int:
        """Number of members."""
        return len(self.epochs)


Keeper: TypeAlias = Callable[[Trained], Any]
"""What of a run's result comes back from the device."""

Run: TypeAlias = Callable[[Members], Any]
"""``members -> what is kept of their results``, for as many members as it was compiled for."""


class Workers(NamedTuple):
    """The compiled program on every device.

    Attributes:
        runs: one a device.
        width: members that each trains at a time; 1 is trained as it is, more by `jax.vmap`.
        compile_seconds: wall time of tracing and compiling.
    """

    runs: list[Run]
    width: int
    compile_seconds: float


def compile_workers(
    member: RunProgram,
    train: Examples,
    validation: Examples | None,
    members: Members,
    *,
    width: int,
    devices: Sequence[Device],
    keep: Keeper,
) -> Workers:
    """Compile the program that trains ``width`` members at a time, for every device.

    It is traced once; with a width of 1 it is the program of `jaxnet.training.make_train`. Each
    device has a program for itself, and goes through members without waiting for the others: one
    program over a mesh would be compiled for many devices by other rules of XLA's than for one,
    and differ in the last bits from a run of its own.

    Each device has a copy of the examples; those of a CPU share one.
    """
    started = time.perf_counter()
    program = _program(member, width)
    first = _arguments(_padded(members, 0, width), width)
    examples = _shareable((train, validation), devices)
    copies = [jax.device_put(examples, device) for device in devices]
    lowered = [
        program.lower(*jax.device_put(first, device), *copy)
        for device, copy in zip(devices, copies, strict=True)
    ]
    with ThreadPoolExecutor(len(devices)) as pool:  # XLA compiles for all devices at a time
        compiled = list(pool.map(lambda each: each.compile(), lowered))
    placed = zip(compiled, devices, copies, strict=True)
    runs = [_on_device(*each, keep, width=width) for each in placed]
    seconds = time.perf_counter() - started
    release_compiler_memory(seconds)
    return Workers(runs, width, seconds)


def lower_member(
    member: RunProgram, train: Examples, validation: Examples | None, members: Members
) -> jax.stages.Lowered:
    """Lower the program of one member without compiling it."""
    given = *_arguments(_padded(members, 0, 1), 1), train, validation
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), given)
    return _program(member, 1).lower(*shapes)


def starts_of(members: Members, width: int) -> Sequence[int]:
    """Return the first index of each batch."""
    return range(0, members.number, width)


def run_batches(
    workers: Workers,
    members: Members,
    starts: Sequence[int] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[tuple[int, Any], None, None]:
    """Train the batches that begin at ``starts``, or all; yield start and results as each ends.

    Once ``stopped()``, none is begun.
    """
    starts = starts_of(members, workers.width) if starts is None else starts
    free: queue.SimpleQueue[Run] = queue.SimpleQueue()
    for run in workers.runs:
        free.put(run)

    def train(start: int) -> tuple[int, Any] | None:
        if stopped():
            return None
        run = free.get()
        try:
            trained = run(_padded(members, start, workers.width))
        finally:
            free.put(run)
        left = members.number - start
        return start, jax.tree.map(lambda leaf: leaf[:left], trained)

    with ThreadPoolExecutor(len(workers.runs)) as pool:
        batches = [pool.submit(train, start) for start in starts]
        try:
            for batch in as_completed(batches):
                if (trained := batch.result()) is not None:
                    yield trained
        finally:  # an error, or a person, has ended the sweep
            pool.shutdown(wait=False, cancel_futures=True)


def local_share(members: Members, processes: int) -> Members:
    """Return the members that this process trains, equally many in each.

    Where they do not divide evenly, the last ones train for no epoch.
    """
    size = -(-members.number // processes)
    return members if processes == 1 else _padded(members, jax.process_index() * size, size)


def seconds_an_epoch(workers: Workers, members: Members) -> float:
    """Measure the seconds per epoch and member while all devices are busy, after a warm-up."""
    few = min(workers.width * len(workers.runs), members.number)
    trial = jax.tree.map(lambda leaf: leaf[:few], members)
    trial = trial._replace(epochs=np.minimum(trial.epochs, 1))
    list(run_batches(workers, trial))
    started = time.perf_counter()
    list(run_batches(workers, trial))
    return (time.perf_counter() - started) / few


def _program(member: RunProgram, width: int) -> Any:
    batched = jax.vmap(member, in_axes=(0, 0, 0, 0, None, None))
    return jax.jit(member if width == 1 else batched)


def _shareable(examples: Any, devices: Sequence[Device]) -> Any:
    """Return examples of which all devices of a CPU share one copy."""
    on_cpu = all(device.platform == "cpu" for device in devices)
    return jax.tree.map(np.asarray, examples) if on_cpu else examples


def _on_device(compiled: Any, device: Device, copy: Any, keep: Keeper, *, width: int) -> Run:
    x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]

    def run(members: Members) -> Any:
        with jax.enable_x64(x64):  # which is a thread's own
            given = jax.device_put(_arguments(members, width), device)
            return jax.tree.map(np.asarray, keep(compiled(*given, *copy)))

    def run_one(members: Members) -> Any:
        return jax.tree.map(lambda leaf: leaf[None], run(members))

    return run_one if width == 1 else run


def _arguments(members: Members, width: int) -> Members:
    """Remove the axis of members where the program takes one at a time."""
    return jax.tree.map(lambda leaf: leaf[0], members) if width == 1 else members


def _padded(members: Members, start: int, size: int) -> Members:
    """Return ``size`` members from ``start``, padded by members that train for no epoch."""
    indices = np.arange(start, start + size)
    present = indices < members.number
    batch = jax.tree.map(lambda leaf: leaf[np.minimum(indices, members.number - 1)], members)
    return batch._replace(epochs=np.where(present, batch.epochs, 0).astype(np.int32))
