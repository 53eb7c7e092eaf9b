"""`fit`: a training run for a person, in one call: checked, compiled once, with progress."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import check_choice, check_count, check_range
from jaxnet.core.types import Array, Key, Layer, Shape
from jaxnet.data.examples import Examples
from jaxnet.training.checks import check_batch_size, check_fit, check_outputs, check_state
from jaxnet.training.devices import compiler_options
from jaxnet.training.epoch import NEVER, ShortBatch, make_epoch
from jaxnet.training.evaluate import make_evaluate
from jaxnet.training.gradient import ENGINES, GradientEngine
from jaxnet.training.objective import (
    LossArgument,
    MetricsArgument,
    Objective,
    PenaltyArgument,
    make_objective,
)
from jaxnet.training.run import RunRecord, make_run
from jaxnet.training.state import TrainState, init_state
from jaxnet.training.step import Constraint, make_step

CAPACITY = 100
"""The most epochs in one call of the compiled program: the length of its history."""

CHUNK_SECONDS = 0.5
"""What a chunk of epochs should take, so that a person sees progress."""


class History(NamedTuple):
    """Learning curves: name -> array with one value an epoch.

    Attributes:
        train: ``"loss"`` and each metric, averaged over the epoch while the parameters changed.
        validation: the same on the held-out examples, after the epoch; empty without any.
    """

    train: Mapping[str, Any]
    validation: Mapping[str, Any]


class FitResult(NamedTuple):
    """What a training run leaves.

    Attributes:
        state: parameters, statistics, optimizer state, key and epoch at the end.
        history: learning curves of the epochs run here.
        compile_seconds: wall time of tracing and compiling; about 0 if `fit` was called before
            with the same network, optimizer, settings and shapes.
        run_seconds: wall time of the training itself.
    """

    state: TrainState
    history: History
    compile_seconds: float
    run_seconds: float


class Progress(NamedTuple):
    """What `fit` tells ``on_progress`` after a chunk of epochs.

    Attributes:
        epoch: epochs finished in this run.
        epochs: epochs asked for.
        history: learning curves so far.
        seconds: wall time since training started.
    """

    epoch: int
    epochs: int
    history: History
    seconds: float


class DivergenceError(RuntimeError):
    """A run whose loss or parameters became NaN or infinite, which ended it.

    Attributes:
        result: what the run had: parameters from before the epoch that diverged, and the history
            up to and including that epoch.
    """

    def __init__(self, message: str, result: FitResult):
        super().__init__(message)
        self.result = result


def fit(
    network: Layer,
    train: Examples,
    *,
    key: Key,
    optimizer: optax.GradientTransformation,
    epochs: int,
    batch_size: int,
    loss: LossArgument = "softmax_cross_entropy",
    metrics: MetricsArgument | None = None,
    penalty: PenaltyArgument | None = None,
    constraint: Constraint | None = None,
    gradient: str | GradientEngine = "autodiff",
    validation: Examples | None = None,
    shuffle: bool = True,
    short_batch: ShortBatch = "equal",
    state: TrainState | None = None,
    chunk: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> FitResult:
    """Train a network: full-batch, mini-batch or sample-level gradient descent.

    The epochs run inside one compiled program, in chunks. How many epochs a chunk has changes
    nothing in the result: the same key gives the same bits.

    Args:
        network: what to train, such as ``jaxnet.mlp((784, 100, 100, 10))``.
        train: the examples to learn from.
        key: PRNG key of the initial parameters, the shuffling and all else that is random; not
            used where ``state`` is given, which has its own.
        optimizer: one of `jaxnet.optim`, or any other ``optax.GradientTransformation``.
        epochs: how often to go through the examples, 1 or more.
        batch_size: examples a step: 1 for sample-level, all for full-batch gradient descent.
        loss: a name in `jaxnet.losses.LOSSES`, or ``(outputs, targets) -> value an example``, or
            a `jaxnet.losses.Loss`, a pair of that and its backward rule.
        metrics: names in `jaxnet.metrics.METRICS`, or name -> function of the same form; by
            default the accuracy that suits the loss, none for a regression or another loss.
        penalty: ``params -> scalar``, such as ``penalties.get_penalty("l2", strength=1e-4)``;
            added to the risk of every mini-batch, not to the reported loss.
        constraint: ``params -> params``, applied after every update, such as
            ``functools.partial(jaxnet.penalties.max_norm, limit=2.0)``.
        gradient: how gradients are computed: ``"autodiff"``, by `jax.grad`; ``"by_hand"``, by the
            hand-derived backward passes, which give the same to rounding; or an engine of one's
            own, see `jaxnet.training.gradient`.
        validation: examples to evaluate on after every epoch.
        shuffle: whether to draw a new order every epoch.
        short_batch: what becomes of a last mini-batch that is not full. ``"equal"``: its examples
            weigh as much as all others; ``"mean"``: its gradient is its own mean, which makes them
            weigh more (PyTorch, Keras); ``"drop"``: it is left out.
        state: where to go on from, such as ``result.state``; by default a new one from ``key``.
        chunk: epochs between two calls of ``on_progress``, at most 100; by default as many as
            take about half a second.
        on_progress: called after every chunk.

    Returns:
        Final state, learning curves and times.

    Raises:
        ValueError: for settings that are out of range, an unknown name, examples that do not fit
            the network, NaN in the data, labels out of range.
        TypeError: if ``state`` is not of this network and optimizer.
        DivergenceError: if loss or parameters become NaN or infinite. The run stops with the
            epoch in which that happens; the error's ``result`` holds what there was before it.

    >>> import jaxnet
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
    check_range("fit", "epochs", check_count("fit", "epochs", epochs), high=2**31 - 1)
    if chunk is not None:
        check_count("fit", "chunk", chunk)
    if isinstance(gradient, str):
        gradient = check_choice("fit", "gradient", gradient, ENGINES)
    objective = make_objective("fit", network, loss, metrics, penalty)
    program = _program(
        objective,
        gradient,
        optimizer,
        constraint,
        check_batch_size(batch_size, train),
        shuffle,
        check_choice("fit", "short_batch", short_batch, {n: n for n in get_args(ShortBatch)}),
    )
    train = check_fit("fit", "train", objective, train)
    if validation is not None:
        validation = check_fit("fit", "validation", objective, validation)
    start = _start(network, optimizer, train.inputs.shape[1:], key, state)
    check_outputs(objective, start, train)

    def call(state: TrainState, epochs: int) -> tuple[TrainState, RunRecord, Any]:
        return program(state, train, validation, jnp.int32(epochs))

    return _run_in_chunks(call, start, epochs, chunk, on_progress)


def _start(
    network: Layer,
    optimizer: optax.GradientTransformation,
    in_shape: Shape,
    key: Key,
    state: TrainState | None,
) -> TrainState:
    """Return the state to start from, as a copy, since the program consumes its argument."""
    if state is None:
        state = init_state(network, optimizer, in_shape, key=key)
    else:
        check_state(state, _expected_state(network, optimizer, in_shape))
    return jax.tree.map(jnp.copy, state)


@functools.lru_cache(maxsize=32)
def _expected_state(
    network: Layer, optimizer: optax.GradientTransformation, in_shape: Shape
) -> TrainState:
    """Return what a state of this network and optimizer looks like, without computing one."""
    return jax.eval_shape(
        lambda key: init_state(network, optimizer, in_shape, key=key), jax.random.key(0)
    )


def _run_in_chunks(
    call: Callable[[TrainState, int], tuple[TrainState, RunRecord, Any]],
    state: TrainState,
    epochs: int,
    chunk: int | None,
    on_progress: Callable[[Progress], None] | None,
) -> FitResult:
    started = time.perf_counter()
    state, rows, _ = jax.block_until_ready(call(state, 0))  # compiles, trains nothing
    history = _filled(rows, 0)
    compiled = time.perf_counter()
    done, seconds = 0, 0.0
    result = FitResult(state, _curves(history), compiled - started, seconds)
    while done < epochs:
        size = chunk or _chunk_size(done, seconds)
        state, rows, new = call(state, min(size, epochs - done, CAPACITY))
        history = jax.tree.map(lambda *parts: np.concatenate(parts), history, _filled(rows, new))
        done += int(new)
        seconds = time.perf_counter() - compiled
        result = FitResult(state, _curves(history), compiled - started, seconds)
        _check_divergence(history, result)
        if on_progress is not None:
            on_progress(Progress(done, epochs, result.history, seconds))
    return result


def _curves(history: RunRecord) -> History:
    return History(history.epoch.train, history.validation)


def _filled(rows: RunRecord, number: int | Array) -> RunRecord:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: int(number)], rows)


def _chunk_size(done: int, seconds: float) -> int:
    return max(1, int(CHUNK_SECONDS * done / seconds)) if done else 1


def _check_divergence(history: RunRecord, result: FitResult) -> None:
    step = history.epoch.diverged_at[-1]
    if step == NEVER:
        return
    finite = [loss for loss in history.epoch.last_loss if np.isfinite(loss)]
    last_loss = f"{finite[-1]:.6g}" if finite else "none: the first was not"
    raise DivergenceError(
        f"fit: training diverged in epoch {int(result.state.epoch) + 1} at step {step + 1}: the "
        f"loss or the parameters are no longer finite; the last finite loss was {last_loss}. "
        "Its result keeps the parameters from before that epoch. Lower the learning rate, or "
        "rescale the inputs.",
        result,
    )


@functools.lru_cache(maxsize=32)
def _program(
    objective: Objective,
    gradient: GradientEngine,
    optimizer: optax.GradientTransformation,
    constraint: Constraint | None,
    batch_size: int,
    shuffle: bool,
    short_batch: ShortBatch,
) -> Any:
    """Return the program for these settings; the next `fit` with the same ones reuses it."""
    step = make_step(objective, gradient, optimizer, constraint)
    epoch = make_epoch(step, batch_size=batch_size, shuffle=shuffle, short_batch=short_batch)
    run = make_run(epoch, make_evaluate(objective), capacity=CAPACITY)
    return jax.jit(run, donate_argnums=0, compiler_options=compiler_options())
