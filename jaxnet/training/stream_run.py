"""Runs over streams: the steps of a chunk are one program, called for chunk after chunk."""

import functools
import time
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import require_type
from jaxnet.core.trees import all_finite
from jaxnet.core.types import Array
from jaxnet.data.examples import Examples, check_examples, count, named_arrays, on_device
from jaxnet.data.streams import Stream, prefetched
from jaxnet.training.host_loop import CHUNK_SECONDS
from jaxnet.training.loop.checks import check_fit
from jaxnet.training.loop.epoch import (
    NEVER,
    Steps,
    Underway,
    epoch_keys,
    finish_epoch,
    is_shuffled,
    make_steps,
    no_totals,
)
from jaxnet.training.loop.evaluate import make_evaluate
from jaxnet.training.loop.rules import update_scale
from jaxnet.training.loop.run import RunRecord, make_measure
from jaxnet.training.loop.state import TrainState, strongly_typed
from jaxnet.training.loop.step import StepState
from jaxnet.training.program import (
    LoopConfig,
    Rates,
    Shared,
    recipe_step,
    with_rates,
)
from jaxnet.training.recipe import Recipe, recipe_objective


class StreamProgram(NamedTuple):
    """A run over a stream as pure functions, compiled.

    Attributes:
        begin: ``(state, chunk, rates) -> state``, before an epoch; only the chunk's shapes count.
        advance: ``(state, chunk, rates) -> state, diverged``: the steps of one chunk.
        close: ``(state, validation) -> state, row``: the end of an epoch.
    """

    begin: Any
    advance: Any
    close: Any


@functools.lru_cache(maxsize=32)
def assemble_stream(shared: Recipe, loop: LoopConfig) -> StreamProgram:
    """Return the functions of a run whose examples come in chunks of whole mini-batches.

    Args:
        shared: of `jaxnet.training.program.without_rates`.
        loop: how to go through the examples; without instruments and devices.
    """
    objective, rules = recipe_objective(shared), shared.rules
    measure = make_measure(make_evaluate(objective), rules, None, shared.evaluate_at)

    def steps(rates: Rates) -> Steps:
        step = recipe_step(with_rates(shared, rates), objective)
        return make_steps(step, loop.batch_size, loop.short_batch, shared.augment)

    def underway(state: TrainState) -> Underway:
        scale = update_scale(rules, state.rules)
        kept = StepState(state.params, state.statistics, state.opt_state, scale)
        return Underway(kept, state.totals)

    def begin(state: TrainState, chunk: Examples, rates: Rates) -> TrainState:
        return state._replace(totals=steps(rates).begin(state, chunk).totals)

    def advance(state: TrainState, chunk: Examples, rates: Rates) -> tuple[TrainState, Array]:
        made, totals = steps(rates).advance(underway(state), chunk, None, epoch_keys(state)[1])
        fields = {name: getattr(made, name) for name in ("params", "statistics", "opt_state")}
        diverged = (totals.diverged_at != NEVER) | ~all_finite(made.params)
        return strongly_typed(state._replace(**fields, totals=totals)), diverged

    def close(state: TrainState, validation: Examples | None) -> tuple[TrainState, RunRecord]:
        totals = no_totals(state.totals.sums, state.totals.weight)
        finished, record = finish_epoch(state, underway(state))
        state, row = measure(finished._replace(totals=totals), record, None, validation)
        return strongly_typed(state), row

    made = (begin, advance, close)
    return StreamProgram(*map(jax.jit, made))


class StreamRun:
    """The program of a run over a stream, with its examples, for the host loop."""

    def __init__(
        self,
        shared: Shared,
        loop: LoopConfig,
        train: Stream,
        examples: tuple[Examples, Examples | None],
    ):
        """Take what to train, on what, its first chunk, and what to evaluate on."""
        recipe, self.rates = shared
        self._objective, self._loop, self._train = recipe_objective(recipe), loop, train
        self._program = assemble_stream(recipe, loop)
        self._first, self._validation = examples
        self._labels: set[Any] = set()
        self._none: Any = None  # a row of the history, no times
        self._coming: Generator[tuple[int, Examples]] | None = None

    def start(self, state: TrainState) -> TrainState:
        """Return the state before the first step of an epoch."""
        return self._program.begin(state, self._first, self.rates)

    def lowered(self, state: TrainState) -> Any:
        """Lower the steps of a chunk without compiling them."""
        return self._program.advance.lower(state, self._first, self.rates)

    def __call__(self, state: TrainState, epochs: int) -> tuple[TrainState, RunRecord, int]:
        """Train for about `CHUNK_SECONDS`, or to the end of the epoch.

        Args:
            state: where the run stands.
            epochs: 0 compiles, and trains nothing.

        Returns:
            The state, a row if the epoch ended or diverged, and the number of rows. After a
            divergence the state is that before the chunk.
        """
        advance, close = self._program.advance, self._program.close
        if not epochs:
            _, row = jax.eval_shape(close, state, self._validation)
            self._none = jax.tree.map(lambda leaf: np.zeros((0, *leaf.shape), leaf.dtype), row)
            for chunk in self._shapes():
                advance.lower(state, chunk, self.rates).compile()
            close.lower(state, self._validation).compile()
            self._train.chunks(epoch_keys(state)[0])  # its order is drawn by a program, too
            return state, self._none, 0
        if self._coming is None:
            self._coming = prefetched(self._read(state))
            self._ready = self._next()
        began, ended = time.perf_counter(), False
        while not ended:
            chunk, last = self._ready
            before, (state, diverged) = state, advance(state, chunk, self.rates)
            self._ready = self._next()  # while the device computes
            if diverged or last:
                finished, row = close(state, self._validation)
                rows = jax.tree.map(lambda leaf: np.asarray(leaf)[None], row)
                lost = rows.epoch.diverged_at[0] != NEVER
                return (before if lost else finished), rows, 1
            ended = time.perf_counter() - began > CHUNK_SECONDS
        return state, self._none, 0

    def close(self) -> None:
        """End the thread that reads."""
        if self._coming is not None:
            self._coming.close()

    def _next(self) -> tuple[Examples, bool]:
        """Return the next chunk on the device, and whether it is the last of its epoch.

        Not in the thread that reads: settings such as `jax.enable_x64` are a thread's own.
        """
        assert self._coming is not None
        index, chunk = next(self._coming)
        name, targets = f"chunk {index} of train", np.asarray(chunk.targets)
        labels = set(np.unique(targets).tolist()) if targets.dtype.kind in "biu" else {None}
        if labels <= self._labels:  # known to fit the loss, which takes longer to look at them
            chunk = on_device(name, check_examples(name, chunk))
        else:
            chunk = check_fit(name, self._objective, chunk)
            self._labels |= labels - {None}
        same = _kinds(chunk) == _kinds(self._first)
        require_type(same, name, f"to hold {_kinds(self._first)}", _kinds(chunk))
        number = -(-self._train.size // count(self._first))
        return _with_mean_weight(chunk, self._train.mean_weight), index + 1 == number

    def _shapes(self) -> list[Examples]:
        """Return the shapes of a chunk and of the last one."""
        size = count(self._first)
        last = self._train.size - size * ((self._train.size - 1) // size)
        return [
            self._first.map(lambda a, n=n: jax.ShapeDtypeStruct((n, *a.shape[1:]), a.dtype))
            for n in {size, last}
        ]

    def _read(self, state: TrainState) -> Iterator[tuple[int, Examples]]:
        """Yield the chunks from a state on, without end, each with its index in its epoch."""
        size = self._loop.batch_size
        first = int(state.totals.steps) * size // count(self._first)
        while True:
            shuffled = is_shuffled(self._loop.shuffle, self._train.size, size)
            key = epoch_keys(state)[0] if shuffled else None
            yield from enumerate(self._train.epoch(key, batch_size=size, first=first), first)
            state, first = state._replace(epoch=state.epoch + 1), 0


def _kinds(examples: Examples) -> dict[str, str]:
    arrays = named_arrays(examples).items()
    return {name: f"{array.dtype} of shape (n, *{array.shape[1:]})" for name, array in arrays}


def _with_mean_weight(examples: Examples, mean: float) -> Examples:
    """Return examples whose weights, if they have any, are divided by the mean of all."""
    weights = examples.weights
    return examples if weights is None else examples._replace(weights=weights / mean)
