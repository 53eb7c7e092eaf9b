"""Nonlinear conjugate gradients."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice, check_count
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, count_parameters, dot, near_one, scaled, select
from jaxnet.core.types import Array, Params
from jaxnet.optim.second_order.direction import Iterate, LineSearch, from_direction, zeros_like
from jaxnet.optim.second_order.line_search import strong_wolfe
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate

Formula = Literal["fletcher_reeves", "polak_ribiere", "hestenes_stiefel", "dai_yuan"]


class ConjugateGradientState(NamedTuple):
    """State of `conjugate_gradient`.

    Attributes:
        count: finished steps, int32.
        gradient: of the last step, a tree like the parameters.
        direction: of the last step, likewise.
        since_restart: steps since the direction was last ``-g``.
        linesearch: state of the line search.
    """

    count: Array
    gradient: Any
    direction: Any
    since_restart: Array
    linesearch: Any

    __repr__ = represent


@factory
def conjugate_gradient(
    learning_rate: LearningRate = 1.0,
    *,
    formula: Formula = "polak_ribiere",
    restart_every: int | None = None,
    linesearch: LineSearch | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Nonlinear conjugate gradients, ``p <- -g + beta p, w <- w + alpha eta p``.

    With ``g'`` and ``p'`` of the step before and ``y = g - g'``, ``beta`` is

    - fletcher_reeves: ``g^T g / g'^T g'``;
    - polak_ribiere: ``max(0, g^T y / g'^T g')``, "PR+";
    - hestenes_stiefel: ``max(0, g^T y / p'^T y)``;
    - dai_yuan: ``g^T g / p'^T y``.

    All are equal on a quadratic whose lines are searched exactly; then the minimum in n dimensions
    takes n steps. The direction restarts at ``-g`` where it would not go downhill, and after
    ``restart_every`` steps; PR+ and Hestenes-Stiefel do so too where ``beta`` would be negative.

    Needs the extra arguments ``value`` and ``value_fn``, which `jaxnet.training.fit` gives.
    Meant for the whole data as one batch: gradients of other mini-batches are not conjugate.

    Args:
        learning_rate: ``eta``, 0 or more, of the first trial of the line search; a number, a 0-d
            array or a schedule of the step count.
        formula: for ``beta``.
        restart_every: steps from one start of the direction to the next, 1 or more: 1 is steepest
            descent; None for the number of parameters.
        linesearch: finds ``alpha``, see `jaxnet.optim.second_order.line_search`; None for
            ``strong_wolfe(c2=0.1)``.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Source: Nocedal and Wright 2006, section 5.2; Fletcher and Reeves 1964; Polak and Ribiere 1969;
    Hestenes and Stiefel 1952; Dai and Yuan 1999.

    >>> from jaxnet.optim.second_order import newton_raphson
    >>> risk = lambda w: w[0] ** 2 + 5 * (w[0] + w[1] - 1) ** 2
    >>> optimizer, w = conjugate_gradient(linesearch=newton_raphson()), jnp.array([3.0, 4.0])
    >>> state = optimizer.init(w)
    >>> for _ in range(2):
    ...     value, g = jax.value_and_grad(risk)(w)
    ...     updates, state = optimizer.update(g, state, w, value=value, value_fn=risk)
    ...     w = w + updates
    >>> abs(w.round(3)).tolist()
    [0.0, 1.0]
    """
    if restart_every is not None:
        check_count("restart_every", restart_every)
    beta_of = check_choice("formula", formula, FORMULAS)

    def direction(here: Iterate, before: Params, p: Params, since: Array) -> tuple[Any, ...]:
        g = here.gradient
        every = restart_every or count_parameters(g)
        change = jax.tree.map(jnp.subtract, g, before)
        downhill = scaled(-jnp.ones(()), g)
        # a quotient, which does not depend on their common scale
        conjugate = add_scaled(downhill, beta_of(*near_one((g, before, change, p))[0]), p)
        since = since + jnp.int32(1)
        goes_downhill = dot(near_one(g)[0], near_one(conjugate)[0]) < 0
        restarts = (here.count == 0) | (since >= every) | ~goes_downhill
        p = select(restarts, downhill, conjugate)
        return p, g, p, jnp.where(restarts, jnp.int32(0), since)

    return from_direction(
        direction,
        learning_rate,
        state=ConjugateGradientState,
        starts=[zeros_like, zeros_like, lambda _: jnp.int32(0)],
        linesearch=strong_wolfe(c2=0.1) if linesearch is None else linesearch,
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Return the quotient; 0, which is a restart, where the denominator is not positive."""
    positive = denominator > 0
    return jnp.where(positive, numerator / jnp.where(positive, denominator, 1), 0)


def _fletcher_reeves(g: Params, before: Params, change: Params, p: Params) -> Array:
    del change, p
    return _ratio(dot(g, g), dot(before, before))


def _polak_ribiere(g: Params, before: Params, change: Params, p: Params) -> Array:
    del p
    return jnp.maximum(_ratio(dot(g, change), dot(before, before)), 0)


def _hestenes_stiefel(g: Params, before: Params, change: Params, p: Params) -> Array:
    del before
    return jnp.maximum(_ratio(dot(g, change), dot(p, change)), 0)


def _dai_yuan(g: Params, before: Params, change: Params, p: Params) -> Array:
    del before
    return _ratio(dot(g, g), dot(p, change))


FORMULAS: dict[str, Callable[[Params, Params, Params, Params], Array]] = {
    "fletcher_reeves": _fletcher_reeves,
    "polak_ribiere": _polak_ribiere,
    "hestenes_stiefel": _hestenes_stiefel,
    "dai_yuan": _dai_yuan,
}
"""Name -> ``(g, g', y, p') -> beta``."""
