"""A run: a loop over epochs with stop rules, as one pure function."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import as_number, check_function, check_instance
from jaxnet.core.forward_mode import forward_mode_only
from jaxnet.core.trees import select
from jaxnet.core.types import Array, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.loop.epoch import NEVER, Epoch, EpochRecord
from jaxnet.training.loop.evaluate import Evaluate, EvaluateAt, params_to_use
from jaxnet.training.loop.rules import NO_RULE, Rule, Watched, stopped_by, update_scale, watch
from jaxnet.training.loop.state import TrainState, strongly_typed

Instrument: TypeAlias = Callable[[Params, Statistics, Examples], Array]
"""``(params, statistics, train) -> scalar``, read after every epoch within the program."""


class RunRecord(NamedTuple):
    """Record of one epoch: training means, validation means, instruments."""

    epoch: EpochRecord
    validation: dict[str, Array]
    instruments: dict[str, Array]


class _Carry(NamedTuple):
    done: Array
    diverged: Array
    state: TrainState
    history: RunRecord


Run: TypeAlias = Callable[
    [TrainState, Examples, Examples | None, Array], tuple[TrainState, RunRecord, Array]
]


def check_instruments(instruments: Any) -> None:
    """Raise a TypeError unless this is a mapping from names to functions, or None."""
    remedy = "Pass {'name': function of (params, statistics, train)}."
    check_instance("instruments", instruments, Mapping | None, "to be a mapping", remedy)
    for name, instrument in (instruments or {}).items():
        check_function(f"instrument {name!r}", instrument, takes="params, statistics, train")


def make_measure(
    evaluate: Evaluate | None,
    rules: Sequence[Rule] = (),
    instruments: Mapping[str, Instrument] | None = None,
    evaluate_at: EvaluateAt | None = None,
) -> Callable[..., tuple[TrainState, RunRecord]]:
    """Return ``measure(state, record, train, validation) -> state, row``: the end of an epoch.

    The arguments are those of `make_run`; without instruments, ``train`` is not used.
    """

    def measure(
        state: TrainState, record: EpochRecord, train: Examples | None, validation: Examples | None
    ) -> tuple[TrainState, RunRecord]:
        params, statistics = params_to_use(state, evaluate_at), state.statistics
        held_out = {}
        if evaluate is not None and validation is not None:
            held_out = evaluate(params, statistics, validation)
        read = _read(instruments or {}, params, statistics, train)
        watched = Watched(record.train, held_out, params, statistics)
        state = state._replace(rules=watch(rules, state.rules, watched))
        return state, RunRecord(record, held_out, read)

    return measure


def make_run(
    epoch: Epoch,
    evaluate: Evaluate | None = None,
    *,
    capacity: int,
    rules: Sequence[Rule] = (),
    instruments: Mapping[str, Instrument] | None = None,
    evaluate_at: EvaluateAt | None = None,
    differentiable: bool = False,
) -> Run:
    """Return ``run(state, train, validation, epochs) -> state, history, done``.

    The number of epochs is an argument of the program, at most ``capacity``. One compiled program
    therefore serves every run and every part of a run, and dividing a run into parts changes no
    bit of its result.

    ``history`` holds ``capacity`` rows, of which ``done`` are filled. If an epoch diverges, the
    run ends with its row, and the state is the one before that epoch. A run that a rule has ended
    does not go on: ``done`` is 0 if it had ended before.

    Args:
        epoch: one epoch, of `jaxnet.training.loop.epoch.make_epoch`.
        evaluate: what gives the row's means on ``validation``; None for none.
        capacity: the most epochs of one call.
        rules: what watches the run.
        instruments: name -> what else is measured after every epoch.
        evaluate_at: at which parameters is measured after every epoch; None for the run's own.
        differentiable: whether reverse mode goes through the run. The state before each epoch is
            kept for it, and the epoch computed a second time.
    """
    measure = make_measure(evaluate, rules, instruments, evaluate_at)

    @functools.partial(jax.jit, inline=True)  # traced once, for its shape and for its values
    def one_epoch(
        state: TrainState, train: Examples, validation: Examples | None
    ) -> tuple[TrainState, RunRecord]:
        state, record = epoch(state, train, update_scale(rules, state.rules))
        return measure(state, record, train, validation)

    def run(
        state: TrainState, train: Examples, validation: Examples | None, epochs: Array
    ) -> tuple[TrainState, RunRecord, Array]:
        state = strongly_typed(state)
        _, row = jax.eval_shape(one_epoch, state, train, validation)

        def going_on(carry: _Carry) -> Array:
            ended = stopped_by(rules, carry.state.rules) != NO_RULE
            return (carry.done < epochs) & ~carry.diverged & ~ended

        def body(carry: _Carry) -> _Carry:
            state, record = one_epoch(carry.state, train, validation)
            diverged = record.epoch.diverged_at != NEVER
            history = jax.tree.map(
                lambda rows, value: rows.at[carry.done].set(value), carry.history, record
            )
            return _Carry(carry.done + 1, diverged, _keep(diverged, carry.state, state), history)

        history = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
        start = _Carry(jnp.int32(0), jnp.array(False), state, history)
        if differentiable:  # a scan, which ends no earlier
            one = jax.checkpoint(lambda carry: jax.lax.cond(going_on(carry), body, _same, carry))
            end, _ = jax.lax.scan(lambda carry, _: (one(carry), None), start, length=capacity)
        else:
            end = jax.lax.while_loop(going_on, body, start)
            end = forward_mode_only(end, "a run", _REVERSE)
        return strongly_typed(end.state), end.history, end.done

    return run


_REVERSE = "Make it with make_train(..., differentiable=True), or take jax.jvp or jax.jacfwd."


def _same(carry: _Carry) -> _Carry:
    return carry


def _read(
    instruments: Mapping[str, Instrument],
    params: Params,
    statistics: Statistics,
    train: Any,
) -> dict[str, Array]:
    """Evaluate the instruments, each a scalar."""
    return {
        name: as_number(f"instrument {name!r}", instrument(params, statistics, train))
        for name, instrument in instruments.items()
    }


def _keep(diverged: Array, old: TrainState, new: TrainState) -> TrainState:
    """Return the new state, or the old one after a divergence. The key never changes."""

    def without_key(state: TrainState) -> Any:
        return state._replace(key=None)

    return select(diverged, without_key(old), without_key(new))._replace(key=old.key)
