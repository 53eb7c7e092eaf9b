"""`sweep`: many runs of one program: over hyperparameters and seeds, on all devices."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_choice, check_count, check_key
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.training.checks import check_fit
from jaxnet.training.devices import Device, check_devices, local_devices
from jaxnet.training.epoch import ShortBatch
from jaxnet.training.processes import agreed, check_agreement, count_processes, gathered
from jaxnet.training.recipe import Build, call_builder, recipe_objective
from jaxnet.training.run import Instrument
from jaxnet.training.state import without_keys
from jaxnet.training.sweeps.labels import Harvest, Kept, label
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.strategy import StrategyName, check_strategy, choose
from jaxnet.training.sweeps.waves import (
    Members,
    Workers,
    compile_workers,
    local_share,
    run_waves,
)
from jaxnet.training.train import Member, Passes, Trained, check_passes, make_member

Keep: TypeAlias = Literal["metrics", "params", "state"]


class SweepProgress(NamedTuple):
    """What `sweep` tells ``on_progress`` after each wave.

    Attributes:
        done: runs finished.
        runs: how many there are.
        seconds: wall time since training started.
    """

    done: int
    runs: int
    seconds: float


class Execution(NamedTuple):
    """How a sweep is carried out: what changes no result but by rounding.

    Attributes:
        strategy: how many runs at a time, by name.
        chunk: runs a device at a time, for ``"chunks"``.
        devices: where to train; None for all.
        keep: what of each run comes back.
        on_progress: called after every wave of runs.
    """

    strategy: StrategyName = "auto"
    chunk: int | None = None
    devices: Sequence[Device] | None = None
    keep: Keep = "params"
    on_progress: Callable[[SweepProgress], None] | None = None


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
    shuffle: bool = True,
    short_batch: ShortBatch = "equal",
    instruments: Mapping[str, Instrument] | None = None,
    strategy: StrategyName = "auto",
    chunk: int | None = None,
    devices: Sequence[Device] | None = None,
    keep: Keep = "params",
    on_progress: Callable[[SweepProgress], None] | None = None,
) -> SweepResult:
    """Train a network with many settings of its hyperparameters, and many seeds, in one program.

    Hyperparameters are arguments of the compiled program; it is compiled once for all of them. A
    run that diverges ends by itself, harms no other and is marked.

    Args:
        build: ``(**hyperparameters) -> Recipe``. It is traced: the hyperparameters are arrays.
        train: the examples to learn from.
        key: PRNG key; seed ``i`` of every setting has ``jax.random.fold_in(key, i)``.
        settings: `grid`, `sampled`, or a list of dictionaries.
        epochs: how often to go through the examples, unless a rule of the recipe ends a run.
        batch_size: examples a step.
        seeds: runs of each setting, 1 or more.
        validation: examples to evaluate on after every epoch.
        shuffle: whether to draw a new order every epoch.
        short_batch: what becomes of a last mini-batch that is not full, as for `fit`.
        instruments: name -> ``(params, statistics, train) -> scalar``, read after every epoch.
        strategy: ``"map"``: one run after the other on each device, each bit for bit what it is
            alone. ``"vmap"``: all at once, batched; equal to rounding. ``"chunks"``: ``chunk`` at
            a time on each device. ``"auto"``: by measurement, which comes back with the result;
            another time it may choose another width, and give other last bits.
        chunk: runs a device at a time, for ``"chunks"``.
        devices: where to train; by default on all. On a CPU, call
            `jaxnet.training.use_cores_as_devices` first to have one a core. If they are those of
            several processes, joined by ``jax.distributed.initialize()``, then each process makes
            this call, trains its share on its own devices, and has the whole result;
            ``jax.local_devices()`` keeps a sweep in the process that calls.
        keep: ``"metrics"`` and learning curves only, with ``"params"``, or with the whole final
            ``"state"`` too.
        on_progress: called after every wave of runs, of which each process counts its own.

    Returns:
        Labelled arrays; ``print(result.table())`` shows them.

    Raises:
        ValueError: for hyperparameters that ``build`` does not have, with the nearest that it has;
            for a setting out of range; examples that do not fit; an unknown strategy; devices of
            more than one platform; processes that do not make the same call.

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
    passes = Passes(epochs, batch_size, shuffle, short_batch, instruments)
    check_passes("sweep", passes, train)
    check_count("sweep", "seeds", seeds)
    check_key("sweep", "key", key)
    settings = check_settings("sweep", settings)
    train, validation = check_members("sweep", build, settings, train, validation)
    keys = seed_keys(key, seeds)
    members = make_members(settings, keys, epochs)
    member = make_member("sweep", build, passes)
    execution = Execution(strategy, chunk, devices, keep, on_progress)
    harvest = train_members("sweep", member, members, train, validation, execution)
    return label(settings, keys, harvest)


def train_members(
    function: str,
    member: Member,
    members: Members,
    train: Examples,
    validation: Examples | None,
    execution: Execution,
    compiled: dict[int, Workers] | None = None,
) -> Harvest:
    """Train all members of a sweep, on all devices.

    Args:
        function: the public function that errors begin with.
        member: the run of one member.
        members: all of them.
        train: the examples, on the device.
        validation: the same of held-out examples; None for none.
        execution: how.
        compiled: width -> program of an earlier call, with the same arguments but for the numbers
            and the number of members; those compiled here are added.

    Raises:
        ValueError: if the execution has an unknown strategy, a chunk without ``"chunks"``, no
            devices, processes that do not make the same call, or an unknown ``keep``.
    """
    strategy, chunk, _, keep, on_progress = execution
    check_strategy(function, strategy, chunk)
    keeper = check_choice(function, "keep", keep, _keepers)
    named = execution.devices
    devices = check_devices(function, jax.devices() if named is None else named)
    processes = count_processes(devices)
    check_agreement(function, processes, (members, train, validation))
    share = local_share(members, processes)
    programs = {} if compiled is None else compiled

    def compile_width(width: int) -> Workers:
        if width not in programs:
            options = {"width": width, "devices": local_devices(devices), "keep": keeper}
            programs[width] = compile_workers(member, train, validation, share, **options)
        return programs[width]

    started = time.perf_counter()
    agree, most = functools.partial(agreed, processes), -(-len(devices) // processes)
    workers, trials = choose(strategy, chunk, share, most, compile_width, agree)
    chosen = time.perf_counter()
    kept = gathered(processes, _collect(workers, share, on_progress))
    kept = jax.tree.map(lambda leaf: leaf[: members.number], kept)
    seconds = chosen - started, time.perf_counter() - chosen
    return Harvest(kept, workers.width, len(devices), trials, *seconds)


def _collect(
    workers: Workers, members: Members, on_progress: Callable[[SweepProgress], None] | None
) -> Kept:
    """Train all members, and return what is kept of them in their order."""
    started, waves, done = time.perf_counter(), {}, 0
    for start, trained in run_waves(workers, members):
        waves[start] = trained
        done = min(done + workers.width, members.number)
        if on_progress is not None:
            on_progress(SweepProgress(done, members.number, time.perf_counter() - started))
    parts = [waves[start] for start in sorted(waves)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def check_members(
    function: str,
    build: Build,
    settings: Settings,
    train: Examples,
    validation: Examples | None,
) -> tuple[Examples, Examples | None]:
    """Return the examples on the device, once every setting is known to be in range.

    Each recipe is built with its numbers, so that the ranges of its parts are checked.
    """
    recipes = [call_builder(function, build, settings.row(i)) for i in range(settings.size)]
    objective = recipe_objective(function, recipes[0])
    train = check_fit(function, "train", objective, train)
    if validation is not None:
        validation = check_fit(function, "validation", objective, validation)
    return train, validation


def seed_keys(key: Key, seeds: int) -> Key:
    """Return the PRNG key of each seed, shape ``(seeds,)``: ``fold_in(key, i)``."""
    return jax.vmap(lambda seed: jax.random.fold_in(key, seed))(jnp.arange(seeds))


def make_members(
    settings: Settings,
    keys: Key,
    epochs: int,
    runs: Mapping[str, np.ndarray] | None = None,
) -> Members:
    """Return the members: the runs of the first setting, then those of the second, and so on.

    Args:
        settings: what is tried.
        keys: of each run of a setting, shape ``(runs,)``.
        epochs: how many each is to run.
        runs: name -> a number for each run of a setting, the same for all settings.
    """
    number = len(keys)
    real = np.dtype(jnp.result_type(float))
    columns = {name: np.repeat(column, number) for name, column in settings.columns.items()}
    columns |= {name: np.tile(column, settings.size) for name, column in (runs or {}).items()}
    columns = {n: c.astype(real if c.dtype.kind == "f" else np.int32) for n, c in columns.items()}
    every = np.full(settings.size * number, epochs, np.int32)
    return Members(keys[np.arange(len(every)) % number], columns, every)


def _keep_metrics(trained: Trained) -> Kept:
    return Kept(trained._replace(params=None, statistics=None, state=None), None, None, None)


def _keep_params(trained: Trained) -> Kept:
    return _keep_metrics(trained)._replace(params=trained.params, statistics=trained.statistics)


def _keep_state(trained: Trained) -> Kept:
    return _keep_params(trained)._replace(state=without_keys(trained.state))


_keepers: dict[str, Callable[[Trained], Kept]] = {
    "metrics": _keep_metrics,
    "params": _keep_params,
    "state": _keep_state,
}
