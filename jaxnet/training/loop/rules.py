"""Rules: after every epoch, they may end a run, scale its updates, or keep its best parameters."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_choice, check_kept, check_scalar, require, require_type
from jaxnet.core.memory import cache_by_value
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray, Array, Number, Params, Statistics
from jaxnet.functions.metrics import WHOLE_SET_METRICS, Mode
from jaxnet.functions.metrics.metric import Modes, check_direction, no_direction
from jaxnet.functions.schedules import PlateauState, plateau

Source: TypeAlias = Literal["train", "validation"]

NO_RULE = -1
"""The rule that ended a run which ended by itself."""


class Watched(NamedTuple):
    """The input of a rule after an epoch.

    Attributes:
        train: name -> mean over the epoch, while the parameters changed.
        validation: name -> mean on the held-out examples; empty without any.
        params: the parameters after it, those that ``validation`` was measured at.
        statistics: the network's statistics after it.
    """

    train: dict[str, Array]
    validation: dict[str, Array]
    params: Params
    statistics: Statistics


class Best(NamedTuple):
    """Parameters to use after a run.

    Attributes:
        params: the parameters.
        statistics: the network's statistics that belong to them.
        age: epochs that the run went on after them, int32.
    """

    params: Params
    statistics: Statistics
    age: AnyArray


class Rule(NamedTuple):
    """A rule: pure functions of its own state, which is part of the run's state.

    Attributes:
        name: what ended the run, in words.
        init: ``(params, statistics) -> state``, before the first epoch.
        update: ``(state, watched) -> state``, after each epoch.
        stop: ``state -> boolean scalar``: whether the run ends; None for a rule that never ends it.
        scale: ``state -> scalar`` that multiplies all updates of the next epoch; None for none.
        best: ``state -> Best``, what to use after the run; None for what the last epoch left.
        directed: ``modes -> Rule``, of a rule that has to be told in which direction its metric
            improves, which every run does at its start; None for others.
    """

    name: str
    init: Callable[[Params, Statistics], Any]
    update: Callable[[Any, Watched], Any]
    stop: Callable[[Any], Array] | None = None
    scale: Callable[[Any], Array] | None = None
    best: Callable[[Any], Best] | None = None
    directed: "Callable[[Modes], Rule] | None" = None

    __repr__ = represent


class DeviationState(NamedTuple):
    """State of `stop_at_deviation`: the last value and its last change."""

    value: Array
    deviation: Array


@cache_by_value
def stop_at_deviation(epsilon: Number, monitor: str = "loss", *, source: Source = "train") -> Rule:
    """End a run when the risk changes by less than ``epsilon`` from one epoch to the next.

    ``|R_t - R_(t-1)| < epsilon``, the stop rule of lecture 001.

    Args:
        epsilon: above 0, in the unit of the metric.
        monitor: ``"loss"`` or the name of a metric of the run.
        source: of ``"train"``, the mean over the epoch while the parameters changed, or on
            ``"validation"`` examples.

    Raises:
        ValueError: for an epsilon out of range; at the start of a run for an unknown metric.

    Source: lecture 001, gradient descent, "deviation of the risk".
    """
    check_scalar("epsilon", epsilon, low=0.0, low_open=True)

    def init(params: Params, statistics: Statistics) -> DeviationState:
        del params, statistics
        infinity = jnp.full((), jnp.inf, jnp.result_type(float))
        return DeviationState(infinity, infinity)

    def update(state: DeviationState, watched: Watched) -> DeviationState:
        value = observe(watched, monitor, source).astype(state.value.dtype)
        return DeviationState(value, jnp.abs(value - state.value))

    return Rule(
        f"the {monitor} changes by less than {epsilon}",
        init,
        update,
        stop=lambda state: state.deviation < jnp.asarray(epsilon, state.deviation.dtype),
    )


@cache_by_value
def reduce_on_plateau(
    monitor: str = "loss", *, mode: Mode | None = None, source: Source | None = None, **options: Any
) -> Rule:
    """Multiply all updates by a scale that falls when a metric stops improving.

    The scale is that of `jaxnet.schedules.plateau`, one value an epoch. It multiplies what the
    optimizer says, and with it the learning rate, except where the rate is part of the optimizer's
    memory, as under ``like="keras"``: there the memory keeps the old rate for a while.

    Args:
        monitor: ``"loss"`` or the name of a metric of the run.
        mode: whether the metric is to fall or to rise, as for `early_stopping`.
        source: of ``"train"`` or on ``"validation"`` examples; by default the latter if there are
            any.
        options: of `jaxnet.schedules.plateau`: ``factor``, ``patience``, ``cooldown`` ...

    Raises:
        ValueError: for an option out of range; as `early_stopping` at the start of a run.

    Source: lecture 004, "Scheduling": by a factor of 0.1 when the test risk saturates.
    """

    def make(mode: Mode) -> Rule:
        rule = plateau(mode=mode, **options)

        def init(params: Params, statistics: Statistics) -> PlateauState:
            del params, statistics
            return rule.init()

        return Rule(
            f"reduce on plateau of {monitor}",
            init,
            lambda state, watched: rule.update(state, observe(watched, monitor, source)),
            scale=lambda state: state.scale,
        )

    return directed_rule(monitor, mode, make)


def check_rules(rules: Any, modes: Modes) -> tuple[Rule, ...]:
    """Check rules and resolve the directions of their metrics.

    Raises:
        TypeError: if they are anything but a sequence of rules, such as a single rule.
        ValueError: if a rule has to know a direction that is unknown.
    """
    single = isinstance(rules, Rule)
    given: Any = tuple(rules) if isinstance(rules, Iterable) and not single else (None,)
    actual = f"the single rule {rules.name!r}" if single else repr(rules)
    good = all(isinstance(rule, Rule) for rule in given)
    require_type(good, "rules", "to be a sequence of rules", actual, "Pass a list.")
    return tuple(rule if rule.directed is None else rule.directed(modes) for rule in given)


def observe(watched: Watched, monitor: str, source: Source | None) -> Array:
    """Return the value of the monitored metric.

    A source of None stands for the validation examples if there are any.

    Raises:
        ValueError: if there is no such metric, or no validation examples.
    """
    if source is None:
        source = "validation" if watched.validation else "train"
    present, remedy = source != "validation" or watched.validation, "Or pass source='train'."
    require(present, "validation", "to be given", "None", remedy)
    found = getattr(watched, source)
    measured, remedy = source == "validation", "Pass validation=, on which alone it is measured."
    good = measured or monitor in found or monitor not in WHOLE_SET_METRICS
    require(good, "monitor", f"to be one of {', '.join(sorted(found))}", repr(monitor), remedy)
    return check_choice("monitor", monitor, found)


def directed_rule(monitor: str, mode: Mode | None, make: Callable[[Mode], Rule]) -> Rule:
    """Return a rule that monitors a metric, whose direction may be resolved at the start of a run.

    A mode of None stands for the metric's own direction; ``make`` returns the rule for one.
    """
    make = functools.cache(make)  # what was compiled with a rule is found again
    if mode is not None or monitor == "loss":
        return make(check_direction("monitor", monitor, {monitor: "min"}, mode))

    def directed(modes: Modes) -> Rule:
        return make(check_direction("monitor", monitor, modes))

    def refuse(*_: Any) -> Any:
        raise no_direction("monitor", monitor)

    return make("min")._replace(init=refuse, update=refuse, directed=directed)


def start_rules(rules: Sequence[Rule], params: Params, statistics: Statistics) -> tuple[Any, ...]:
    """Return the states of all rules before the first epoch."""
    return tuple(rule.init(params, statistics) for rule in rules)


def watch(rules: Sequence[Rule], states: Sequence[Any], watched: Watched) -> tuple[Any, ...]:
    """Return the states of all rules after an epoch."""
    updated = tuple(rule.update(state, watched) for rule, state in zip(rules, states, strict=True))
    for rule, before, after in zip(rules, states, updated, strict=True):
        check_kept(f"state of the rule {rule.name!r}", before, after)
    return updated


def stopped_by(rules: Sequence[Rule], states: Sequence[Any]) -> AnyArray:
    """Return the index of the first rule that ends the run, int32; `NO_RULE` if none does."""
    found: AnyArray = np.asarray(NO_RULE, np.int32)  # by JAX it would be a program
    for index, (rule, state) in reversed(list(enumerate(zip(rules, states, strict=True)))):
        if rule.stop is not None:
            found = jnp.where(rule.stop(state), jnp.int32(index), found)
    return found


def update_scale(rules: Sequence[Rule], states: Sequence[Any]) -> Array | None:
    """Return the product of the rules' scales; None if no rule has one."""
    scales = [rule.scale(state) for rule, state in zip(rules, states, strict=True) if rule.scale]
    return jnp.prod(jnp.stack(scales)) if scales else None


def best_of(rules: Sequence[Rule], states: Sequence[Any], last: tuple[Params, Statistics]) -> Best:
    """Return the parameters kept by the first rule that keeps any."""
    for rule, state in zip(rules, states, strict=True):
        if rule.best is not None:
            return rule.best(state)
    return Best(*last, np.zeros((), np.int32))
