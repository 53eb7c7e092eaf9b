"""Early stopping: end a run that no longer improves, and keep its best parameters."""

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxnet.core.checks import check_scalar, check_whole
from jaxnet.core.memory import cache_by_value
from jaxnet.core.trees import select
from jaxnet.core.types import Array, Params, Statistics
from jaxnet.functions.metrics import Mode
from jaxnet.functions.metrics.metric import SIGNS
from jaxnet.training.loop.rules import Best, Number, Rule, Source, Watched, directed_rule, observe


class EarlyStoppingState(NamedTuple):
    """State of early stopping.

    Attributes:
        best: the best value so far; infinite before the first epoch, NaN after epochs that all
            said NaN or infinity.
        waited: epochs since then, int32.
        params: the parameters that had it; None if they are not kept.
        statistics: the network's statistics then.
    """

    best: Array
    waited: Array
    params: Params
    statistics: Statistics


class CountedState(NamedTuple):
    """The state of a rule, and the epochs that it has watched, int32."""

    state: Any
    epochs: Array


@cache_by_value
def early_stopping(
    monitor: str = "loss",
    *,
    patience: int | Array = 10,
    min_delta: Number = 0.0,
    min_epochs: int | Array | None = None,
    mode: Mode | None = None,
    source: Source | None = None,
    keep_best: bool = True,
) -> Rule:
    """End a run when a metric has not improved for ``patience`` epochs, and keep its best.

    A value improves if it is better than the best one by more than ``min_delta``: Keras's rule,
    with ``restore_best_weights=True``. The result of a run has the parameters of the best epoch,
    whatever ended it; its state, from which a run resumes, those of the last. The first epoch
    counts as the best so far whatever it says; afterwards NaN and what is infinitely bad are no
    improvement.

    With ``min_epochs`` it watches from the first epoch on, but ends the run after that many at the
    earliest, if the last ``patience`` brought no improvement. The best may come from before, as in
    Lightning; Keras's ``start_from_epoch`` differs: there the first epochs count for nothing.

    Args:
        monitor: ``"loss"`` or the name of a metric of the run.
        patience: epochs without improvement that end the run, 1 or more.
        min_delta: the least improvement that counts, 0 or more, in the metric's own unit.
        min_epochs: epochs before which it does not end the run, 0 or more; those of earlier runs
            count, whose state it resumes from. None for none.
        mode: whether the metric is to fall, ``"min"``, or to rise, ``"max"``; by default as the
            metric says, see `jaxnet.metrics.Metric`. Given, it counts even against that.
        source: of ``"train"`` or on ``"validation"`` examples; by default the latter if there are
            any.
        keep_best: whether to keep the best parameters, which doubles the memory of the parameters.

    Raises:
        ValueError: for a number out of range; at the start of a run for an unknown metric, or one
            without a direction.

    Source: lecture 004, "Too many iterations"; Prechelt 1998, "Early stopping - but when?".
    """
    check_whole("patience", patience)
    if min_epochs is not None:
        check_whole("min_epochs", min_epochs, minimum=0)
    check_scalar("min_delta", min_delta, low=0.0)

    def init(params: Params, statistics: Statistics) -> EarlyStoppingState:
        kept = (params, statistics) if keep_best else (None, None)
        worst = jnp.full((), jnp.inf, jnp.result_type(float))
        return EarlyStoppingState(worst, jnp.int32(0), *kept)

    def update(mode: Mode, state: EarlyStoppingState, watched: Watched) -> EarlyStoppingState:
        value = SIGNS[mode] * observe(watched, monitor, source).astype(state.best.dtype)
        # the first epoch is the best so far whatever it says; NaN stands for no number yet
        first, none_yet = jnp.isposinf(state.best), jnp.isnan(state.best)
        value = jnp.where(jnp.isposinf(value), jnp.nan, value)
        lower = value < state.best - jnp.asarray(min_delta, state.best.dtype)
        better = lower | first | (none_yet & ~jnp.isnan(value))
        kept = (watched.params, watched.statistics) if keep_best else (None, None)
        return EarlyStoppingState(
            jnp.where(better, value, state.best),
            jnp.where(better, 0, state.waited + 1),
            *select(better, kept, (state.params, state.statistics)),
        )

    def make(mode: Mode) -> Rule:
        rule = Rule(
            f"no better {monitor} for {patience} epochs",
            init,
            functools.partial(update, mode),
            stop=lambda state: state.waited >= jnp.asarray(patience, jnp.int32),
            best=_best_so_far if keep_best else None,
        )
        return rule if min_epochs is None else _not_before(min_epochs, rule)

    return directed_rule(monitor, mode, make)


def _best_so_far(state: EarlyStoppingState) -> Best:
    return Best(state.params, state.statistics, state.waited)


def _not_before(epochs: int | Array, rule: Rule) -> Rule:
    """Return a rule that acts as another one, but ends no run before ``epochs`` epochs."""
    stop: Any = rule.stop
    best: Any = rule.best

    def init(params: Params, statistics: Statistics) -> CountedState:
        return CountedState(rule.init(params, statistics), jnp.int32(0))

    def update(counted: CountedState, watched: Watched) -> CountedState:
        return CountedState(rule.update(counted.state, watched), counted.epochs + 1)

    def stop_late(counted: CountedState) -> Array:
        return stop(counted.state) & (counted.epochs >= jnp.asarray(epochs, jnp.int32))

    kept = None if best is None else lambda counted: best(counted.state)
    return rule._replace(init=init, update=update, stop=stop_late, best=kept)
