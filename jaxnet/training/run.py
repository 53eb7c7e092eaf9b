"""A run: epochs in a loop that stops by itself, as one pure function to compile once."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.trees import select
from jaxnet.core.types import Array
from jaxnet.data.examples import Examples
from jaxnet.training.epoch import NEVER, Epoch, EpochRecord
from jaxnet.training.evaluate import Evaluate
from jaxnet.training.state import TrainState


class RunRecord(NamedTuple):
    """What an epoch of a run reports: the epoch itself, then the means on held-out examples."""

    epoch: EpochRecord
    validation: dict[str, Array]


class _Carry(NamedTuple):
    done: Array
    diverged: Array
    state: TrainState
    history: RunRecord


Run: TypeAlias = Callable[
    [TrainState, Examples, Examples | None, Array], tuple[TrainState, RunRecord, Array]
]


def make_run(epoch: Epoch, evaluate: Evaluate, *, capacity: int) -> Run:
    """Return ``run(state, train, validation, epochs) -> state, history, done``.

    The number of epochs is an argument of the program, at most ``capacity``. One compiled program
    therefore serves every run and every part of a run, and dividing a run into parts changes no
    bit of its result.

    ``history`` holds ``capacity`` rows, of which ``done`` are filled. If an epoch diverges, the
    run ends with its row, and the state is the one before that epoch.
    """

    def one_epoch(
        state: TrainState, train: Examples, validation: Examples | None
    ) -> tuple[TrainState, RunRecord]:
        state, record = epoch(state, train)
        if validation is None:
            return state, RunRecord(record, {})
        return state, RunRecord(record, evaluate(state.params, state.statistics, validation))

    def run(
        state: TrainState, train: Examples, validation: Examples | None, epochs: Array
    ) -> tuple[TrainState, RunRecord, Array]:
        _, row = jax.eval_shape(one_epoch, state, train, validation)

        def going_on(carry: _Carry) -> Array:
            return (carry.done < epochs) & ~carry.diverged

        def body(carry: _Carry) -> _Carry:
            state, record = one_epoch(carry.state, train, validation)
            diverged = record.epoch.diverged_at != NEVER
            history = jax.tree.map(
                lambda rows, value: rows.at[carry.done].set(value), carry.history, record
            )
            return _Carry(carry.done + 1, diverged, _keep(diverged, carry.state, state), history)

        history = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
        start = _Carry(jnp.int32(0), jnp.array(False), state, history)
        end = jax.lax.while_loop(going_on, body, start)
        return end.state, end.history, end.done

    return run


def _keep(diverged: Array, old: TrainState, new: TrainState) -> TrainState:
    """Return the new state, or the old one if the new one is ruined. The key never changes."""

    def without_key(state: TrainState) -> Any:
        return state._replace(key=None)

    return select(diverged, without_key(old), without_key(new))._replace(key=old.key)
