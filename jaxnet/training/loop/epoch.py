"""One epoch: every example once, in mini-batches, in a new random order (lecture 001)."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxnet.core.checks import check_instance, require
from jaxnet.core.random import random_order
from jaxnet.core.trees import all_finite
from jaxnet.core.types import AnyArray, Array, Key
from jaxnet.data.augmentation.compose import Augment
from jaxnet.data.examples import Examples, count
from jaxnet.training.distributed.mesh import divided
from jaxnet.training.loop.state import TrainState
from jaxnet.training.loop.step import Step, StepState
from jaxnet.training.loop.sums import Sums

ShortBatch: TypeAlias = Literal["equal", "mean", "drop"]

SHORT_BATCHES: dict[str, ShortBatch] = {name: name for name in get_args(ShortBatch)}

NEVER = jnp.iinfo(jnp.int32).max
"""The step of a divergence that did not happen."""


class EpochRecord(NamedTuple):
    """Means over an epoch, each example evaluated before its own update.

    Attributes:
        train: name -> mean over the epoch's examples, each seen before its own update.
        diverged_at: first step, from 0, whose loss was not finite; `NEVER` if there was none.
        last_loss: mean loss of the last mini-batch whose loss was finite.
    """

    train: dict[str, Array]
    diverged_at: Array
    last_loss: Array


Epoch: TypeAlias = Callable[..., tuple[TrainState, EpochRecord]]
"""``(state, examples, scale=None) -> state, record``. ``scale`` multiplies the updates."""


class _Totals(NamedTuple):
    sums: Sums
    diverged_at: Array
    last_loss: Array


def steps_per_epoch(examples: int, *, batch_size: int, short_batch: ShortBatch = "equal") -> int:
    """Return ``ceil(examples / batch_size)``, without a last short mini-batch if it is dropped.

    >>> steps_per_epoch(60_000, batch_size=100), steps_per_epoch(1438, batch_size=100)
    (600, 15)
    """
    full, rest = divmod(examples, batch_size)
    return full + (rest > 0 and short_batch != "drop")


def make_epoch(
    step: Step,
    *,
    batch_size: int,
    shuffle: bool,
    short_batch: ShortBatch,
    augment: Augment | None = None,
    subset: AnyArray | None = None,
    mesh: Mesh | None = None,
) -> Epoch:
    """Return ``epoch(state, examples, scale=None) -> state, record``: pure, not yet compiled.

    There are ``ceil(examples / batch_size)`` steps. If the examples do not divide evenly, the last
    mini-batch is short: ``"equal"`` divides its sum by ``batch_size`` like every other, so that
    all examples weigh the same; ``"mean"`` divides by its own size, as PyTorch and Keras do, which
    gives its examples more weight; ``"drop"`` leaves it out.

    Args:
        step: one step, of `jaxnet.training.loop.step.make_step`.
        batch_size: examples a step.
        shuffle: whether to draw a new order every epoch.
        short_batch: what becomes of a last mini-batch that is not full.
        augment: ``(key, mini-batch) -> mini-batch`` of as many examples; None for none.
        subset: indices of the examples to go through in place of all, shape ``(n,)``; may be
            traced, and name an example more than once.
        mesh: devices that each take a part of every mini-batch; None for one that takes all.
    """
    step = jax.jit(step, static_argnums=3, inline=True)  # traced once for mini-batches of a size

    def epoch(
        state: TrainState, examples: Examples, scale: Array | None = None
    ) -> tuple[TrainState, EpochRecord]:
        order_key, step_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
        total = count(examples) if subset is None else len(subset)
        order = random_order(order_key, total) if shuffle else jnp.arange(total, dtype=jnp.int32)
        order = order if subset is None else jnp.asarray(subset, jnp.int32)[order]
        full_steps, rest = divmod(total, batch_size)
        rest = 0 if short_batch == "drop" else rest

        def draw(batch_order: Array, key: Key) -> Examples:
            batch = divided(_gather(examples, batch_order), mesh)
            return batch if augment is None else _augmented(augment, key, batch)

        def take_step(carry, batch_order: Array, index: Array, divisor: int):
            key = jax.random.fold_in(step_key, index)
            step_state, sums = step(carry[0], draw(batch_order, key), key, divisor)
            return step_state, _accumulate(carry[1], sums, index, len(batch_order))

        def body(carry, row: tuple[Array, Array]):
            batch_order, index = row
            return take_step(carry, batch_order, index, batch_size), None

        step_state = StepState(state.params, state.statistics, state.opt_state, scale)
        batch = jax.eval_shape(draw, jax.ShapeDtypeStruct((batch_size,), jnp.int32), step_key)
        carry = (step_state, _no_totals(step, step_state, batch, step_key))
        rows = order[: full_steps * batch_size].reshape(full_steps, batch_size)
        carry, _ = jax.lax.scan(body, carry, (rows, jnp.arange(full_steps, dtype=jnp.int32)))
        if rest:
            divisor = batch_size if short_batch == "equal" else rest
            last = jnp.int32(full_steps)
            carry = take_step(carry, order[full_steps * batch_size :], last, divisor)
        step_state, totals = carry
        seen = full_steps * batch_size + rest
        return _finish(state, step_state), _report(totals, step_state, full_steps, rest, seen)

    return epoch


def _gather(examples: Examples, order: Array) -> Examples:
    """Gather the examples at ``order``, which is in bounds."""
    return Examples(*(array.at[order].get(mode="promise_in_bounds") for array in examples))


def _augmented(augment: Augment, key: Key, batch: Examples) -> Examples:
    """Return an augmented mini-batch, by a key that no layer has."""
    made = augment(jax.random.fold_in(key, NEVER), batch)
    check_instance("augment", made, Examples, "to return Examples")
    expected = f"to return {count(batch)} examples, as it was given"
    require(count(made) == count(batch), "augment", expected, count(made))
    return made


def _no_totals(step: Step, state: StepState, batch: Examples, key: Key) -> _Totals:
    _, sums = jax.eval_shape(lambda s, b, k: step(s, b, k, count(batch)), state, batch, key)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), sums)
    return _Totals(zeros, jnp.int32(NEVER), jnp.full_like(zeros["loss"], jnp.nan))


def _accumulate(totals: _Totals, sums: Sums, index: Array, size: int) -> _Totals:
    finite = jnp.isfinite(sums["loss"])
    first_bad = jnp.minimum(totals.diverged_at, jnp.where(finite, jnp.int32(NEVER), index))
    last_loss = jnp.where(finite, sums["loss"] / size, totals.last_loss)
    sums = jax.tree.map(jnp.add, totals.sums, sums)
    return _Totals(sums, first_bad, last_loss)


def _finish(state: TrainState, step_state: StepState) -> TrainState:
    return state._replace(
        params=step_state.params,
        statistics=step_state.statistics,
        opt_state=step_state.opt_state,
        epoch=state.epoch + 1,
    )


def _report(
    totals: _Totals, step_state: StepState, full_steps: int, rest: int, seen: int
) -> EpochRecord:
    """Turn sums into means; parameters that are not finite count as a divergence, too."""
    means = jax.tree.map(lambda total: total / seen, totals.sums)
    last_step = full_steps + (rest > 0) - 1
    ruined = ~all_finite(step_state.params)
    at_the_end = jnp.where(ruined, jnp.int32(last_step), jnp.int32(NEVER))
    return EpochRecord(means, jnp.minimum(totals.diverged_at, at_the_end), totals.last_loss)
