"""Optimizers, schedules, losses and penalties of a run, by name."""

import ast
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optax

import jaxnet
from jaxnet import losses, penalties
from jaxnet.core.checks import check_choice, check_options, require
from jaxnet.core.types import AnyArray, Array
from jaxnet.data import Dataset

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]]
OPTIMIZERS = {**jaxnet.optim.OPTIMIZERS, **jaxnet.optim.SECOND_ORDER}
"""Name -> factory, of first and of second order."""


def build_optimizer(settings: Any, examples: int) -> optax.GradientTransformation:
    """Return the optimizer of a config.

    Args:
        settings: a config with the fields optimizer, optimizer_options, learning_rate, schedule,
            schedule_options, epochs, batch_size and short_batch.
        examples: number of training examples.
    """
    factory = check_choice("--optimizer", settings.optimizer, OPTIMIZERS)
    options = read_options("--optimizer-options", settings.optimizer_options)
    check_options(factory, options, data=1)
    steps = settings.epochs * jaxnet.training.steps_per_epoch(
        examples, batch_size=settings.batch_size, short_batch=settings.short_batch
    )
    given = read_options("--schedule-options", settings.schedule_options)
    schedule = build_schedule(settings.schedule, settings.learning_rate, max(1, steps), given)
    constant = settings.schedule == "constant" and not given
    return factory(settings.learning_rate if constant else schedule, **options)


def read_options(option: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return name -> value of texts ``name=value``, whose value is a literal of Python or text.

    >>> read_options("--optimizer-options", ["beta=0.5", "like=keras"])
    {'beta': 0.5, 'like': 'keras'}
    """
    pairs = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        good = bool(equals) and name.isidentifier()
        require(
            good,
            f"each of {option}",
            "to be name=value",
            repr(text),
            f"For example: {option} b1=0.8",
        )
    return {name: _literal(value) for name, _, value in pairs}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def build_schedule(
    name: str, rate: float, steps: int, options: Mapping[str, Any] | None = None
) -> jaxnet.schedules.Schedule:
    """Return a schedule whose largest rate is ``rate``, and that fills a run.

    Args:
        name: of `jaxnet.schedules.SCHEDULES`.
        rate: the largest one.
        steps: of the whole run.
        options: of the schedule, in place of those that follow from the run.
    """
    factory = check_choice("--schedule", name, jaxnet.schedules.SCHEDULES)
    tenth, third = max(1, steps // 10), max(1, steps // 3)
    rates = {"value": rate, "init_value": rate, "peak_value": rate, "end_value": 0.0}
    times = {"decay_steps": steps, "transition_steps": steps, "warmup_steps": tenth}
    drops = {max(1, steps // 2): 0.1, max(2, 3 * steps // 4): 0.1}
    shapes = {"power": 2.0, "decay_rate": 0.01}
    pieces = {"interpolate_type": "linear", "boundaries_and_scales": drops}
    parameters = inspect.signature(factory).parameters.values()
    needed = [each.name for each in parameters if each.default is each.empty]
    own = {
        "cosine_restarts": {"decay_steps": third},
        "cyclic": {"init_value": rate / 10, "step_size_up": tenth},
        "inverse_time_decay": {"transition_steps": tenth},
        "step_decay": {"transition_steps": third},
        **{each: {"init_value": 0.0} for each in jaxnet.schedules.SCHEDULES if "warmup" in each},
    }.get(name, {})
    known = rates | times | shapes | pieces | own
    return jaxnet.schedules.get_schedule(
        name, **{each: known[each] for each in [*needed, *own]} | dict(options or {})
    )


_ONE_HOT = (
    *("absolute_error", "squared_error", "half_squared_error", "mean_squared_error"),
    *("minkowski_error", "huber", "log_cosh"),
)
_SIGNS = ("hinge", "squared_hinge", "perceptron")
_ENCODINGS: dict[str, Callable[[Array], Array] | None] = {
    "softmax_cross_entropy": None,
    "zero_one": None,
    **dict.fromkeys((*_ONE_HOT, "sigmoid_binary_cross_entropy"), lambda rows: rows),
    **dict.fromkeys(_SIGNS, lambda rows: 2 * rows - 1),
}
"""Loss of classes -> what it compares one-hot rows as; None if it takes labels."""


def build_loss(name: str, dataset: Dataset) -> losses.Loss:
    """Return a loss for linear outputs; of classes, others compare outputs with one-hot rows.

    Args:
        name: of `jaxnet.losses.LOSSES`, but those of probabilities.
        dataset: with classes or a number to predict.
    """
    known = _ENCODINGS if dataset.class_names else dict.fromkeys(_ONE_HOT)
    encode = check_choice("--loss", name, known)
    pair = losses.get_loss(name)
    if encode is None:
        return pair

    def compare(
        part: Callable[..., Array], outputs: Array, labels: AnyArray, **options: Any
    ) -> Array:
        return part(outputs, encode(losses.one_hot_targets(outputs, labels)), **options)

    return losses.Loss(*(functools.partial(compare, part) for part in pair))


def build_penalty(l1: float, l2: float) -> penalties.Penalty | None:
    """Return the penalty of these strengths; None for none."""
    if l1 and l2:
        return penalties.get_penalty("elastic_net", l1_strength=l1, l2_strength=l2)
    name, strength = ("l1", l1) if l1 else ("l2", l2)
    return penalties.get_penalty(name, strength=strength) if strength else None
