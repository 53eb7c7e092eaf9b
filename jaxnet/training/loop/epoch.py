"""One epoch: every example once, in mini-batches, in a new random order (lecture 001)."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxnet.core.checks import check_arrays, check_instance, require
from jaxnet.core.random import random_order
from jaxnet.core.trees import all_finite
from jaxnet.core.types import AnyArray, Array, Key
from jaxnet.data.augmentation.compose import Augment
from jaxnet.data.examples import Examples, count, named_arrays, total_weight
from jaxnet.training.distributed.mesh import divided
from jaxnet.training.loop.state import TrainState
from jaxnet.training.loop.step import Step, StepState
from jaxnet.training.loop.sums import Sums

Shuffle: TypeAlias = bool | Literal["batches"]
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


class Totals(NamedTuple):
    """Sums over the steps of an epoch so far.

    Attributes:
        steps: how many there were, int32.
        weight: sum of the weights of the examples seen; without weights, their number.
        sums: of loss and metrics over these examples.
        diverged_at: first step, from 0, whose loss was not finite; `NEVER` if there was none.
        last_loss: mean loss of the last mini-batch whose loss was finite.
    """

    steps: Array
    weight: Array
    sums: Sums
    diverged_at: Array
    last_loss: Array


class Underway(NamedTuple):
    """An epoch under way: what its steps hand on.

    Attributes:
        state: parameters, statistics and optimizer state after the steps so far.
        totals: of these steps.
    """

    state: StepState
    totals: Totals


class Steps(NamedTuple):
    """The steps of an epoch, all at once or some at a time, as two pure functions.

    Attributes:
        begin: ``(state, examples, scale=None) -> underway``, before the first step. Of the
            examples only shapes and dtypes are used.
        advance: ``(underway, examples, order, key) -> underway``, a step for each mini-batch of
            ``order``, indices of examples, or None for theirs; ``key`` is the second of
            `epoch_keys`.
    """

    begin: Callable[..., Underway]
    advance: Callable[[Underway, Examples, Array | None, Key], Underway]


def steps_per_epoch(examples: int, *, batch_size: int, short_batch: ShortBatch = "equal") -> int:
    """Return ``ceil(examples / batch_size)``, without a last short mini-batch if it is dropped.

    >>> steps_per_epoch(60_000, batch_size=100), steps_per_epoch(1438, batch_size=100)
    (600, 15)
    """
    full, rest = divmod(examples, batch_size)
    return full + (rest > 0 and short_batch != "drop")


def epoch_keys(state: TrainState) -> tuple[Key, Key]:
    """Return the keys of the order and of the steps of an epoch."""
    order_key, step_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
    return order_key, step_key


def make_epoch(
    step: Step,
    *,
    batch_size: int,
    shuffle: Shuffle,
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
        shuffle: whether to draw a new order every epoch: True of the examples, ``"batches"`` of
            fixed mini-batches, of which one that is not full remains the last. A single
            mini-batch of all has the examples in their own order.
        short_batch: what becomes of a last mini-batch that is not full.
        augment: ``(key, mini-batch) -> mini-batch`` of as many examples; None for none.
        subset: indices of the examples to go through in place of all, shape ``(n,)``; may be
            traced, and name an example more than once.
        mesh: devices that each take a part of every mini-batch; None for one that takes all.
    """
    steps = make_steps(step, batch_size, short_batch, augment, mesh)

    def epoch(
        state: TrainState, examples: Examples, scale: Array | None = None
    ) -> tuple[TrainState, EpochRecord]:
        order_key, step_key = epoch_keys(state)
        total = count(examples) if subset is None else len(subset)
        order = _draw_order(order_key, total, batch_size, shuffle)
        if subset is not None:
            among = jnp.asarray(subset, jnp.int32)
            order = among if order is None else among[order]
        if examples.weights is not None:  # of mean 1, divisors stay numbers of examples
            weights = examples.weights.astype(jnp.result_type(float))
            seen = weights if order is None else weights[order]
            examples = examples._replace(weights=weights / seen.mean())
        underway = steps.begin(state, examples, scale)
        return finish_epoch(state, steps.advance(underway, examples, order, step_key))

    return epoch


def is_shuffled(shuffle: Shuffle, total: int, batch_size: int) -> bool:
    """Return whether an epoch's examples come in a random order; a single mini-batch has none."""
    return bool(shuffle) and batch_size < total


def _draw_order(key: Key, total: int, batch_size: int, shuffle: Shuffle) -> Array | None:
    """Return the indices of an epoch's examples, int32; None for their own order."""
    if not is_shuffled(shuffle, total, batch_size):
        return None
    if shuffle != "batches":
        return random_order(key, total)
    full, given = total // batch_size, jnp.arange(total, dtype=jnp.int32)
    batches, rest = given[: full * batch_size].reshape(full, -1), given[full * batch_size :]
    return jnp.concatenate([batches[random_order(key, full)].ravel(), rest])


def make_steps(
    step: Step,
    batch_size: int,
    short_batch: ShortBatch = "equal",
    augment: Augment | None = None,
    mesh: Mesh | None = None,
) -> Steps:
    """Return the steps of an epoch, with the arguments of `make_epoch`: not yet compiled."""
    step = jax.jit(step, static_argnums=3, inline=True)  # traced once for mini-batches of a size

    def prepared(batch: Examples, key: Key) -> Examples:
        batch = divided(batch, mesh)
        return batch if augment is None else _augmented(augment, key, batch)

    def begin(state: TrainState, examples: Examples, scale: Array | None = None) -> Underway:
        start = StepState(state.params, state.statistics, state.opt_state, scale)

        def first(start: StepState, examples: Examples, key: Key) -> tuple[Sums, Any]:
            batch = prepared(_gather(examples, jnp.zeros(batch_size, jnp.int32)), key)
            return step(start, batch, key, batch_size)[1], jnp.asarray(total_weight(batch))

        return Underway(start, no_totals(*jax.eval_shape(first, start, examples, state.key)))

    def advance(underway: Underway, examples: Examples, order: Array | None, key: Key) -> Underway:
        full_steps, rest = divmod(count(examples) if order is None else len(order), batch_size)

        def batch_from(start: Array | int, size: int) -> Examples:
            if order is None:
                return examples.map(lambda array: _part(array, start, size))
            return _gather(examples, _part(order, start, size))

        def take_step(underway: Underway, batch: Examples, divisor: int) -> Underway:
            own_key = jax.random.fold_in(key, underway.totals.steps)
            batch = prepared(batch, own_key)
            state, sums = step(underway.state, batch, own_key, divisor)
            return Underway(state, _accumulate(underway.totals, sums, batch))

        def body(underway: Underway, start: Array) -> tuple[Underway, None]:
            return take_step(underway, batch_from(start, batch_size), batch_size), None

        if full_steps:
            starts = jnp.arange(full_steps, dtype=jnp.int32) * batch_size
            underway, _ = jax.lax.scan(body, underway, starts)
        if rest and short_batch != "drop":
            divisor = batch_size if short_batch == "equal" else rest
            underway = take_step(underway, batch_from(full_steps * batch_size, rest), divisor)
        return underway

    return Steps(begin, advance)


def no_totals(sums: Any, weight: Any) -> Totals:
    """Return the totals of no step, in the shapes and dtypes of others."""
    none = jax.tree.map(lambda like: jnp.zeros(like.shape, like.dtype), (sums, weight))
    lost = jnp.full_like(none[0]["loss"], jnp.nan)
    return Totals(jnp.int32(0), none[1], none[0], jnp.int32(NEVER), lost)


def finish_epoch(state: TrainState, underway: Underway) -> tuple[TrainState, EpochRecord]:
    """Return the state after an epoch, and the means over it.

    Parameters or a mean loss that are not finite count as a divergence, too.
    """
    made, totals = underway
    means = jax.tree.map(lambda total: total / totals.weight.astype(total.dtype), totals.sums)
    finite = all_finite((made.params, means["loss"]))
    ruined = jnp.where(finite, jnp.int32(NEVER), totals.steps - 1)
    record = EpochRecord(means, jnp.minimum(totals.diverged_at, ruined), totals.last_loss)
    kept = {"params": made.params, "statistics": made.statistics, "opt_state": made.opt_state}
    return state._replace(**kept, epoch=state.epoch + 1), record


def _gather(examples: Examples, order: Array) -> Examples:
    """Gather the examples at ``order``, which is in bounds."""
    return examples.map(lambda array: array.at[order].get(mode="promise_in_bounds"))


def _part(array: Array, start: Array | int, size: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(array, start, size)


def _augmented(augment: Augment, key: Key, batch: Examples) -> Examples:
    """Return an augmented mini-batch, by a key that no layer has.

    Its targets may have another form, as one-hot ones have.
    """
    made = augment(jax.random.fold_in(key, NEVER), batch)
    check_instance("augment", made, Examples, "to return Examples")
    for name, array in named_arrays(made).items():
        check_arrays(**{f"{name} of augment": array})
        expected = f"to return {count(batch)} {name}, as it was given"
        require(array.shape[:1] == (count(batch),), "augment", expected, len(array))
    shapes = batch.inputs.shape, made.inputs.shape
    require(shapes[0] == shapes[1], "augment", f"to return inputs of shape {shapes[0]}", shapes[1])
    return made


def _accumulate(totals: Totals, sums: Sums, batch: Examples) -> Totals:
    finite, index = jnp.isfinite(sums["loss"]), totals.steps
    return Totals(
        index + 1,
        totals.weight + total_weight(batch),
        jax.tree.map(jnp.add, totals.sums, sums),
        jnp.minimum(totals.diverged_at, jnp.where(finite, jnp.int32(NEVER), index)),
        jnp.where(finite, sums["loss"] / count(batch), totals.last_loss),
    )
