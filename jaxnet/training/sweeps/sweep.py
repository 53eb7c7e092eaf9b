"""`sweep`: many runs of one program: over hyperparameters and seeds, on all devices."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_count, check_key
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_pair
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import Modes, check_direction
from jaxnet.training.distributed.devices import Device
from jaxnet.training.distributed.processes import run_in_all_processes
from jaxnet.training.host_loop import TrainingInterrupted
from jaxnet.training.hyperparameters import in_default_precision
from jaxnet.training.loggers.progress import ProgressArgument
from jaxnet.training.loop.checks import check_both, check_outputs
from jaxnet.training.loop.epoch import ShortBatch, Shuffle
from jaxnet.training.loop.run import Instrument
from jaxnet.training.program import LoopConfig, check_loop
from jaxnet.training.recipe import Build, recipe_objective
from jaxnet.training.sweeps.batches import Members
from jaxnet.training.sweeps.execution import (
    Execution,
    Keep,
    MembersInterrupted,
    SweepProgress,
    on_devices,
    train_members,
)
from jaxnet.training.sweeps.labels import label, metric_modes
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.width import Width
from jaxnet.training.train import RunProgram


def sweep(
    build: Build,
    train: Examples,
    *,
    key: Key,
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    epochs: int,
    batch_size: int,
    seeds: int = 1,
    validation: Examples | None = None,
    shuffle: Shuffle = True,
    short_batch: ShortBatch = "equal",
    instruments: Mapping[str, Instrument] | None = None,
    width: Width = "auto",
    devices: Sequence[Device] | None = None,
    keep: Keep = "params",
    on_progress: Callable[[SweepProgress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: ProgressArgument = None,
) -> SweepResult:
    """Train a network with many settings of its hyperparameters, and many seeds, in one program.

    Hyperparameters are arguments of the compiled program; it is compiled once for all of them. A
    run that diverges ends by itself, harms no other and is marked.

    With ``checkpoint=folder`` a sweep killed at any moment resumes when it is started again and
    trains only the missing runs, with the same bits as an uninterrupted one. A finished sweep only
    returns its result again.

    Args:
        build: ``(**hyperparameters) -> Recipe``. It is traced: the hyperparameters are arrays.
        train: the examples to learn from.
        key: PRNG key; seed ``i`` of every setting has ``jax.random.fold_in(key, i)``.
        settings: `grid`, `sampled`, or a list of dictionaries.
        epochs: how often to go through the examples, unless a rule of the recipe ends a run.
        batch_size: examples a step.
        seeds: runs of each setting, 1 or more.
        validation: examples to evaluate on after every epoch.
        shuffle: whether to draw a new order every epoch: True of the examples, ``"batches"`` of
            fixed mini-batches, as lecture 000 has it. Full batches keep the examples' order.
        short_batch: what becomes of a last mini-batch that is not full, as for `fit`.
        instruments: name -> ``(params, statistics, train) -> scalar``, read after every epoch.
        width: runs a device trains at a time. With 1, each run has the bits that it has alone.
            More are batched, and equal to rounding (but for keys of the kinds rbg and
            unsafe_rbg, of which JAX draws other numbers in a batch); ``"all"`` trains all at
            once. ``"auto"`` measures what is faster; another time it may choose another width,
            and other last bits.
        devices: where to train; by default on all. On a CPU, call
            `jaxnet.training.use_cores_as_devices` first to have one a core. If they are those of
            several processes, joined by ``jax.distributed.initialize()``, then each process makes
            this call, trains its share on its own devices, and has the whole result;
            ``jax.local_devices()`` keeps a sweep in the process that calls.
        keep: ``"metrics"`` and learning curves only, with ``"params"``, or with the whole final
            ``"state"`` too.
        on_progress: called after every batch of runs, of which each process counts its own, and
            first where a checkpoint holds some.
        checkpoint: folder to resume from and to write to: safetensors files with the results of
            finished batches. Written as often as takes about a fiftieth of the time, and at the
            end; of several processes, by each its own share. A kill loses the batches since then:
            with ``width="all"``, which has one, it helps little. Checkpoints of another sweep are
            refused: settings, seeds (no more of them, either), key, network, examples, width,
            ``keep``, versions and kind of device must be the same; the number of devices may
            differ. A corrupted file is skipped with a warning and renamed, and its runs are
            trained again.
        progress: whether to draw a progress bar of the runs, as for `fit`.

    Returns:
        Labelled arrays; ``print(result.table())`` shows them.

    Raises:
        ValueError: for hyperparameters that ``build`` does not have, with the nearest that it has;
            for a setting out of range; examples that do not fit; an unknown width; devices of
            more than one platform; processes that do not make the same call; a checkpoint that
            is another's or cannot be written.
        TypeError: for a checkpoint of another network, optimizer, rule or precision.
        ImportError: for a checkpoint without safetensors or filelock; for ``progress=True``
            without rich.
        TrainingInterrupted: a `KeyboardInterrupt`, if Ctrl-C is pressed during the training, as
            for `fit`: the batches under way end, a checkpoint is written, and the error's
            ``result`` has the settings of which all seeds had finished, None if none had.

    >>> import jaxnet
    >>> from jaxnet.training import Recipe, grid
    >>> def build(learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), jaxnet.optim.adam(learning_rate))
    >>> points = Examples(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
    >>> rates = grid(learning_rate=[1e-6, 0.05])
    >>> runs = {"epochs": 100, "batch_size": 2, "seeds": 3}
    >>> result = sweep(build, points, key=jax.random.key(0), settings=rates, **runs)
    >>> result.best(), result.metrics["train_loss"].shape
    ({'learning_rate': 0.05}, (2, 3))
    """
    loop = LoopConfig(epochs, batch_size, shuffle, short_batch, instruments)
    member = RunProgram(build, loop)
    execution = Execution(width, devices, keep, on_progress, checkpoint, progress)
    execution = on_devices(execution)

    def check() -> tuple[Settings, Any]:
        check_sweep(member, train, key, seeds)
        checked = check_settings(settings)
        return checked, check_members(member, checked, train, validation)

    tried, ((learned, held_out), modes) = run_in_all_processes(execution.processes, check)
    keys = seed_keys(key, seeds)
    members = make_members(tried, keys, epochs)
    try:
        outputs = train_members(member, members, learned, held_out, execution)
    except MembersInterrupted as error:
        whole = np.bincount(error.finished // seeds, minlength=tried.size) == seeds
        if not whole.any():
            raise
        chosen = whole[error.finished // seeds]
        kept = jax.tree.map(lambda leaf: leaf[chosen], error.outputs.kept)
        outputs = error.outputs._replace(kept=kept)
        result = label(tried.take(np.flatnonzero(whole)), keys, outputs, modes)
        text = f"The error's result has the {whole.sum()} settings of which all seeds had finished."
        raise TrainingInterrupted(f"{error} {text}", result) from None
    return label(tried, keys, outputs, modes)


def check_sweep(member: RunProgram, train: Examples, key: Any, seeds: Any) -> None:
    """Check loop, key and number of seeds of a sweep."""
    check_loop(member.loop, train)
    check_count("seeds", seeds)
    check_key("key", key)


def check_members(
    member: RunProgram,
    settings: Settings,
    train: Examples,
    validation: Examples | None,
    metric: str | None = None,
    mode: Mode | None = None,
) -> tuple[tuple[Examples, Examples | None], Modes]:
    """Check all settings; return examples on the device and the directions of metrics.

    Each recipe is built with its numbers, so that the ranges of its parts are checked. ``metric``
    and ``mode`` are those by which settings are compared, if they are.
    """
    train = check_pair("train", train)
    rows = [settings.row(index) for index in range(settings.size)]
    numbers = [{n: in_default_precision(n, v) for n, v in row.items()} for row in rows]
    recipes = [member.recipe(each, train, validation) for each in numbers]
    objective = recipe_objective(recipes[0])
    train, validation = check_both(objective, train, validation)
    check_outputs(objective, train)
    modes = metric_modes(objective, dict(member.loop.instruments or {}))
    if metric is not None:
        validated = validation is not None or recipes[0].held_out is not None
        measured: Modes = {
            n: m for n, m in modes.items() if validated or not n.startswith("validation_")
        }
        check_direction("metric", metric, measured, mode)
    return (train, validation), modes


def seed_keys(key: Key, seeds: int) -> Key:
    """Return the PRNG key of each seed, shape ``(seeds,)``: ``fold_in(key, i)``."""
    # vmap would make other keys of unsafe_rbg's
    return jax.lax.map(lambda seed: jax.random.fold_in(key, seed), jnp.arange(seeds))


def make_members(
    settings: Settings,
    keys: Key,
    epochs: int,
    runs: Mapping[str, np.ndarray] | None = None,
) -> Members:
    """Return the members: the runs of the first setting, then those of the second, and so on.

    ``keys`` are those of the runs of a setting; ``runs`` maps names to a number for each of them.
    """
    number = len(keys)
    real = np.dtype(jnp.result_type(float))
    columns = {name: np.repeat(column, number) for name, column in settings.columns.items()}
    columns |= {name: np.tile(column, settings.size) for name, column in (runs or {}).items()}
    columns = {n: c.astype(real if c.dtype.kind == "f" else np.int32) for n, c in columns.items()}
    every = np.full(settings.size * number, epochs, np.int32)
    return Members(keys[np.arange(len(every)) % number], columns, every)
