"""`fit`: a training run in one call, compiled once, with progress."""

import contextlib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer

from jaxnet.core.checks import check_count, check_function, check_key, require, require_type
from jaxnet.core.files import check_path
from jaxnet.core.traced_values import OTHERWISE, explained
from jaxnet.core.types import Array, Key, Layer, Shape
from jaxnet.data.augmentation.compose import Augment
from jaxnet.data.examples import Examples
from jaxnet.data.streams import Stream
from jaxnet.training.checkpoints.checkpoint import Checkpoint
from jaxnet.training.checkpoints.fingerprint import take_fingerprint
from jaxnet.training.distributed.devices import Device, check_devices
from jaxnet.training.distributed.mesh import local, make_mesh, replicated, replicated_sharding
from jaxnet.training.distributed.processes import (
    check_agreement,
    count_processes,
    run_in_all_processes,
)
from jaxnet.training.host_loop import CAPACITY, FitResult, Progress, run_in_chunks
from jaxnet.training.loggers.progress import (
    ProgressArgument,
    check_progress,
    epochs_on,
    progress_bar,
)
from jaxnet.training.loop.checks import (
    check_both,
    check_normalization,
    check_outputs,
    check_state,
)
from jaxnet.training.loop.epoch import ShortBatch, Shuffle
from jaxnet.training.loop.evaluate import EvaluateAt, read_params
from jaxnet.training.loop.gradient import GradientEngine
from jaxnet.training.loop.objective import LossArgument, MetricsArgument, PenaltyArgument
from jaxnet.training.loop.rules import Rule
from jaxnet.training.loop.run import Instrument, RunRecord
from jaxnet.training.loop.state import TrainState, init_state, strongly_typed
from jaxnet.training.loop.step import Constraint
from jaxnet.training.program import (
    LoopConfig,
    Rates,
    Shared,
    assemble,
    check_loop,
    settings_of,
    with_rates,
    without_rates,
)
from jaxnet.training.recipe import Recipe, check_recipe, recipe_objective
from jaxnet.training.stream_run import StreamRun


def fit(
    network: Layer,
    train: Examples | Stream,
    *,
    key: Key,
    optimizer: optax.GradientTransformation,
    epochs: int,
    batch_size: int,
    loss: LossArgument | None = None,
    metrics: MetricsArgument | None = None,
    penalty: PenaltyArgument | None = None,
    constraint: Constraint | None = None,
    gradient: str | GradientEngine = "autodiff",
    validation: Examples | None = None,
    rules: Sequence[Rule] = (),
    evaluate_at: EvaluateAt | None = None,
    augment: Augment | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    shuffle: Shuffle = True,
    short_batch: ShortBatch = "equal",
    state: TrainState | None = None,
    report_every: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    progress: ProgressArgument = None,
    devices: Sequence[Device] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> FitResult:
    """Train a network: full-batch, mini-batch or sample-level gradient descent.

    The epochs run inside one compiled program, in chunks. How many epochs a chunk has changes
    nothing in the result: the same key gives the same bits. Constant learning rates of the
    library's optimizers are arguments of the program: another one compiles nothing.

    With ``checkpoint=folder`` a run killed at any moment resumes from the last checkpoint when it
    is started again, and ends with the same bits as an uninterrupted one. A finished run only
    returns its result again; with more ``epochs`` it resumes.

    Args:
        network: what to train, such as ``jaxnet.mlp((784, 100, 100, 10))``.
        train: the examples to learn from; or a `jaxnet.data.Stream`, which reads them from a disk
            a chunk at a time: the same steps, on one device, without instruments, and resumed
            after the last chunk that a checkpoint has.
        key: PRNG key of the initial parameters, the shuffling and all else that is random; not
            used where ``state`` is given, which has its own.
        optimizer: one of `jaxnet.optim`, or any other ``optax.GradientTransformation``.
        epochs: how often to go through the examples, 1 or more; with a checkpoint, in all starts
            together.
        batch_size: examples a step: 1 for sample-level, all for full-batch gradient descent; 2 or
            more with batch normalization. Large ones are summed over parts on a CPU, see
            `jaxnet.training.loop.in_parts`.
        loss: a name in `jaxnet.losses.LOSSES`, or ``(outputs, targets) -> value an example``, or
            a `jaxnet.losses.Loss`, a pair of that and its backward rule; by default the loss
            of the network's head, softmax cross-entropy without one.
        metrics: names in `jaxnet.metrics.METRICS`, or name -> function of the same form, or
            `jaxnet.metrics.Metric`, which has the direction by which a best is chosen; those of
            `WHOLE_SET_METRICS`, such as ``"roc_auc"``, on validation examples alone; by default
            those of the head, else the accuracy that suits the loss, none for a regression or
            another loss.
        penalty: ``params -> scalar``, such as ``penalties.get_penalty("l2", strength=1e-4)``;
            added to the risk of every mini-batch, not to the reported loss.
        constraint: ``params -> params``, applied after every update, such as
            ``functools.partial(jaxnet.penalties.max_norm, limit=2.0)``.
        gradient: how gradients are computed: ``"autodiff"``, by `jax.grad`; ``"by_hand"``, by the
            hand-derived backward passes, which give the same to rounding; or an engine of one's
            own, see `jaxnet.training.loop.gradient`.
        validation: examples to evaluate on after every epoch.
        rules: what may end the run before, slow it down, or keep its best parameters, such as
            ``[early_stopping(patience=5)]``; see `jaxnet.training.loop.rules`.
        evaluate_at: ``(optimizer state, params) -> params``, such as `jaxnet.optim.averaged_params`
            or `schedule_free_eval_params`: the parameters that validation, rules and instruments
            see after every epoch, and that the result has. Training loss and statistics of batch
            normalization remain those of the trained ones.
        augment: ``(key, mini-batch) -> mini-batch`` of as many examples, applied before every
            step with a new key, such as
            ``augmentation.on_images((28, 28), augmentation.affine(rotate=15.0))`` of
            `jaxnet.data`. Validation and instruments see the examples as they are.
        instruments: name -> ``(params, statistics, train) -> scalar``, read after every epoch.
        shuffle: whether to draw a new order every epoch: True of the examples, ``"batches"`` of
            fixed mini-batches, as lecture 000 has it. Full batches keep the examples' order.
        short_batch: what becomes of a last mini-batch that is not full. ``"equal"``: its examples
            weigh as much as all others; ``"mean"``: its gradient is its own mean, which makes them
            weigh more (PyTorch, Keras); ``"drop"``: it is left out.
        state: where to resume from, such as ``result.state``; by default a new one from ``key``.
        report_every: epochs between two calls of ``on_progress``, at most 100; by default as many
            as take about half a second, or 1 on devices of several processes.
        on_progress: called after every chunk, and first where a checkpoint holds some epochs.
        progress: whether to draw a progress bar while the program is compiled and trains: None
            for one where standard error is a terminal, or in a notebook, if rich is installed;
            True for the same, but an error without rich; False for none; a text for its label.
            One bar is drawn at a time: runs in a search, or in other threads, are silent.
        devices: what divides each mini-batch among themselves, such as ``jax.devices()``: equal
            parts of a batch, of which ``batch_size`` must be a multiple; a last short one that
            does not divide evenly is computed whole by each. Every device has a copy of
            parameters and examples. The result equals that of one device to rounding, batch
            normalization and dropout included. If they are those of several processes, joined by
            ``jax.distributed.initialize()``, each process makes this call with the same arguments
            and has the same result. By default JAX's default device alone.
        checkpoint: folder to resume from and to write to: safetensors files with the state and
            the learning curves, of which the last two are kept. Written at the end, and every
            ``report_every`` epochs if that is given, else as often as takes about a fiftieth of
            the time. Checkpoints of another run are refused: network, settings, key, examples,
            versions, kind and number of devices and processes must be the same; `restore_state`
            loads the state anyway. A corrupted one is skipped with a warning and renamed, and
            the previous one is loaded. One run at a time may use a folder. Of several processes
            the first one alone reads and writes it, on a disk that the others need not see.

    Returns:
        Parameters to use, final state, learning curves and times, of all starts together.

    Raises:
        ValueError: for settings that are out of range, an unknown name, a loss that contradicts
            the head or the number of outputs, examples that do not fit the network, NaN in the
            data, labels out of range; devices that do not divide the mini-batch or are of more
            than one platform; processes whose calls differ; a checkpoint that is another run's, is
            in use or cannot be written.
        TypeError: if ``state`` or checkpoint are not of this network, optimizer and precision;
            for arguments of a wrong type.
        ImportError: for a checkpoint without safetensors or filelock; for ``progress=True``
            without rich.
        DivergenceError: if loss or parameters become NaN or infinite. The run stops with the
            epoch in which that happens; the error's ``result`` holds what there was before it.
        TrainingInterrupted: a `KeyboardInterrupt`, if Ctrl-C is pressed while it trains in the
            main thread of a single process, unless SIGINT has a handler of the user's. The chunk
            under way ends, a checkpoint is written, and the error's ``result`` is a whole
            `FitResult` of what was reached. A second Ctrl-C interrupts as soon as Python acts.

    >>> import jaxnet
    >>> import numpy as np
    >>> train = Examples(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
    >>> result = fit(
    ...     jaxnet.mlp((1, 8, 2)),
    ...     train,
    ...     key=jax.random.key(0),
    ...     epochs=200,
    ...     batch_size=2,
    ...     optimizer=jaxnet.optim.adam(0.05),
    ... )
    >>> float(result.history.train["accuracy"][-1])
    1.0
    """
    chosen = None if devices is None else check_devices(devices)
    processes = count_processes(chosen or ())

    def make() -> tuple[Recipe, Shared, LoopConfig, TrainState, tuple[Examples, Examples | None]]:
        _check_options(report_every, on_progress, progress, checkpoint)
        _check_known((key, state, train, validation))
        kinds = network, optimizer, loss, metrics, penalty, constraint, gradient, rules
        recipe = check_recipe(Recipe(*kinds, evaluate_at, augment))
        asked = LoopConfig(epochs, batch_size, shuffle, short_batch, instruments)
        loop = check_loop(asked, train)._replace(epochs=CAPACITY)
        some = train
        if isinstance(some, Stream):
            for name, given in {"devices": devices, "instruments": instruments}.items():
                require(not given, name, "to be None with a stream", given)
            some = next(some.epoch(None, batch_size=loop.batch_size))
        if chosen is not None:
            loop = loop._replace(mesh=make_mesh(chosen, loop.batch_size))
        objective = recipe_objective(recipe)
        examples = check_both(objective, some, validation, whole=some is train)
        check_normalization(network, examples[0].inputs, loop.batch_size)
        shared = without_rates(recipe)
        start = _start(shared, examples[0].inputs.shape[1:], key, state)
        _check_known((start, shared[1]))  # within `jax.jit` all new arrays are traced
        check_outputs(objective, examples[0])
        return recipe, shared, loop, start, examples

    made = run_in_all_processes(processes, make)
    stream = train if isinstance(train, Stream) else None
    _, _, loop, start, _ = made
    mesh = loop.mesh
    used = start.epoch.devices() if mesh is None else mesh.devices.flat
    with progress_bar("epochs", epochs, progress=progress, devices=used) as update:
        show = epochs_on(update)
        return _run(*made, stream, processes, epochs, report_every, on_progress, checkpoint, show)


def _check_options(report_every: Any, on_progress: Any, progress: Any, checkpoint: Any) -> None:
    if report_every is not None:
        check_count("report_every", report_every)
    if on_progress is not None:
        check_function("on_progress", on_progress, takes="progress")
    check_progress(progress)
    if checkpoint is not None:
        check_path("checkpoint", checkpoint)


def _check_known(tree: Any) -> None:
    """Raise a TypeError for traced arrays: the host loop needs values."""
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))
    expected = "to be called outside of jax.jit, jax.vmap and jax.grad"
    remedy = "jaxnet.training.make_train returns a run that is a pure function."
    require_type(not traced, "fit", expected, "traced arrays", remedy)


def _run(
    recipe: Recipe,
    shared: Shared,
    loop: LoopConfig,
    start: TrainState,
    own: tuple[Examples, Examples | None],
    stream: Stream | None,
    processes: int,
    epochs: int,
    report_every: int | None,
    on_progress: Callable[[Progress], None] | None,
    checkpoint: str | os.PathLike[str] | None,
    show: Callable[[Progress], None],
) -> FitResult:
    """Train with checked arguments that are the same in all processes."""
    if stream is None:
        run = _MemoryRun(shared, loop, own)
    else:
        run = StreamRun(shared, loop, stream, own)
        start = run.start(start)
    text = ""
    if processes > 1 or checkpoint is not None:
        text = run_in_all_processes(processes, lambda: run.lowered(start)).as_text()
        if recipe.evaluate_at is not None:  # which no epoch may need
            text += read_params.lower(start, recipe.evaluate_at).as_text()
        text += f"\nlearning rates: {[str(np.asarray(rate)) for rate in run.rates]}"
    asked = (epochs, report_every, checkpoint is None)
    check_agreement(processes, (start, own, text, asked))

    # how many epochs take half a second is something else in each process
    pace = report_every or (1 if processes > 1 else None)
    with contextlib.closing(run), contextlib.ExitStack() as opened:
        kept = None
        if checkpoint is not None:
            settings, often = settings_of(recipe, loop), report_every is not None
            of = None if stream is None else stream.in_words()
            begun = start._replace(totals=())
            fingerprint = take_fingerprint(begun, *own, text, settings, processes, stream=of)
            kept = Checkpoint(checkpoint, fingerprint, processes, epochs=epochs, every_chunk=often)
            opened.enter_context(contextlib.closing(kept))
        return run_in_chunks(run, start, epochs, recipe, pace, on_progress, kept, show)


def _start(shared: Shared, in_shape: Shape, key: Key, state: TrainState | None) -> TrainState:
    """Return a copy of the initial state: the program donates its argument."""
    recipe, rates = shared
    decisive = Recipe(recipe.network, recipe.optimizer, rules=recipe.rules)
    if state is None:
        check_key("key", key)
        return _initial(decisive, in_shape)(key, rates)
    check_state(state, _expected(decisive, in_shape, len(rates), jnp.result_type(float)))
    return _copied(state)


@functools.lru_cache(maxsize=32)
def _initial(shared: Recipe, in_shape: Shape) -> Callable[[Key, Rates], TrainState]:
    """Return ``key, rates -> state``, compiled as one program in place of one for each leaf."""

    def initial(key: Key, rates: Rates) -> TrainState:
        optimizer = with_rates(shared, rates).optimizer
        state = init_state(shared.network, optimizer, in_shape, key=key, rules=shared.rules)
        return strongly_typed(jax.tree.map(jnp.copy, state))  # what is there twice is copied

    return jax.jit(initial)


@functools.lru_cache(maxsize=32)
def _expected(shared: Recipe, in_shape: Shape, rates: int, dtype: Any) -> TrainState:
    """Return shapes and dtypes of a state, from the number and the dtype of the rates."""
    given = (jax.ShapeDtypeStruct((), dtype),) * rates
    return jax.eval_shape(_initial(shared, in_shape), jax.random.key(0), given)


@jax.jit
def _copied(state: TrainState) -> TrainState:
    return strongly_typed(jax.tree.map(jnp.copy, state))


@functools.lru_cache(maxsize=32)
def _program(shared: Recipe, loop: LoopConfig) -> Any:
    """Return the compiled program; the next `fit` with the same arguments reuses it."""

    def run(
        state: TrainState,
        train: Examples,
        validation: Examples | None,
        epochs: Array,
        rates: Rates,
    ) -> tuple[TrainState, RunRecord, Array]:
        with explained("recipe and instruments", OTHERWISE):
            return assemble(with_rates(shared, rates), loop)(state, train, validation, epochs)

    placed = None if loop.mesh is None else replicated_sharding(loop.mesh)
    return jax.jit(run, donate_argnums=0, out_shardings=placed)


class _MemoryRun:
    """The program of a run with examples in memory, for the host loop."""

    def __init__(
        self, shared: Shared, loop: LoopConfig, examples: tuple[Examples, Examples | None]
    ):
        recipe, self.rates = shared
        self._program, self._mesh = _program(recipe, loop), loop.mesh
        self._examples = replicated(examples, loop.mesh)

    def lowered(self, state: TrainState) -> Any:
        """Lower the program without compiling it."""
        return self._program.lower(*self._arguments(state, 0))

    def __call__(self, state: TrainState, epochs: int) -> tuple[TrainState, RunRecord, Any]:
        return local(self._program(*self._arguments(state, epochs)), self._mesh)

    def _arguments(self, state: TrainState, epochs: int) -> tuple[Any, ...]:
        given = replicated((state, np.int32(epochs), self.rates), self._mesh)
        return given[0], *self._examples, *given[1:]

    def close(self) -> None:
        """Do nothing: memory needs no closing."""
