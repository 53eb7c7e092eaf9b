"""A recipe: network, optimizer, objective and rules of a run, without its data and key."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import optax

from jaxnet.core.checks import (
    check_arrays,
    check_entries,
    check_function,
    check_instance,
    check_options,
    require,
    require_type,
)
from jaxnet.core.errors import invalid_value
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.traced_values import OTHERWISE, explained
from jaxnet.core.types import AnyArray, Layer
from jaxnet.data.augmentation.compose import Augment
from jaxnet.data.examples import Examples, count
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.optimizers import OPTIMIZERS
from jaxnet.optim.second_order import SECOND_ORDER
from jaxnet.training.hyperparameters import Hyperparameters
from jaxnet.training.loop.checks import check_normalization
from jaxnet.training.loop.evaluate import EvaluateAt
from jaxnet.training.loop.gradient import GradientEngine, get_engine
from jaxnet.training.loop.objective import (
    LossArgument,
    MetricsArgument,
    Objective,
    PenaltyArgument,
    make_objective,
)
from jaxnet.training.loop.rules import Rule, check_rules
from jaxnet.training.loop.step import Constraint


class Recipe(NamedTuple):
    """What is trained and how, built from hyperparameters.

    Each number in it may be a traced array, so that one program serves all settings of a sweep.
    The arguments are those of `jaxnet.training.fit`, but for the last two.

    Attributes:
        network: what to train.
        optimizer: one of `jaxnet.optim`, or any other ``optax.GradientTransformation``.
        loss: its name, or the loss; by default that of the network's head, softmax cross-entropy
            without one.
        metrics: what to report beside it; by default those of the head, or the accuracy that suits
            the loss.
        penalty: ``params -> scalar``, added to the risk.
        constraint: ``params -> params``, applied after every update.
        gradient: ``"autodiff"``, ``"by_hand"`` or an engine.
        rules: what ends the run, slows it down or keeps its best.
        evaluate_at: at which parameters it is evaluated.
        augment: ``(key, mini-batch) -> mini-batch`` before every step; None for none.
        subset: indices of the training examples to learn from, from 0, shape ``(n,)``, no mask;
            None for all.
            ``jnp.arange(n) % size`` takes the first ``size``, as often as it needs to fill an
            epoch of ``n``: every size then has as many steps.
        held_out: indices of training examples to validate on, likewise; None for none.
    """

    network: Layer
    optimizer: optax.GradientTransformation
    loss: LossArgument | None = None
    metrics: MetricsArgument | None = None
    penalty: PenaltyArgument | None = None
    constraint: Constraint | None = None
    gradient: str | GradientEngine = "autodiff"
    rules: Sequence[Rule] = ()
    evaluate_at: EvaluateAt | None = None
    augment: Augment | None = None
    subset: AnyArray | None = None
    held_out: AnyArray | None = None

    __repr__ = represent
    _repr_html_ = represent_html


Build: TypeAlias = Callable[..., Recipe]
"""``(**hyperparameters) -> Recipe``: a pure function.

It is called with Python numbers first, so that the parts of the recipe check their ranges, and
then traced, with arrays in their place.
"""


def call_builder(build: Build, hyperparameters: Hyperparameters) -> Recipe:
    """Call a builder with hyperparameters and check the recipe that it returns.

    Raises:
        ValueError: for unknown or missing hyperparameters, or parts that do not fit each other.
        TypeError: if it is no function, returns anything but a valid `Recipe`, or needs the values
            of hyperparameters that are traced.
    """
    check_builder(build, hyperparameters)
    try:
        inspect.signature(build).bind(**hyperparameters)
    except TypeError as error:
        raise invalid_value("settings", "to be complete", error) from None
    remedy = f"{OTHERWISE} Or pass its values to sweep_choices."
    with explained("build", remedy):
        recipe = build(**hyperparameters)
    check_instance("build", recipe, Recipe, "to return a Recipe")
    return check_recipe(recipe)


def check_builder(build: Build, given: Mapping[str, object]) -> None:
    """Raise a ValueError if a builder does not have some arguments."""
    check_function("build", build)
    kinds = {parameter.kind for parameter in inspect.signature(build).parameters.values()}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        check_options(build, given, data=0)


_CALLED = {
    "constraint": "params",
    "evaluate_at": "opt_state, params",
    "augment": "key, batch",
}
"""Parts of a recipe that are functions -> what they are called with."""


def check_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe with functions in place of names, hashable if its functions are.

    Raises:
        ValueError: for an unknown name, or a rule that watches a metric that there is not.
        TypeError: for an optimizer, loss, metric, ``constraint``, ``evaluate_at`` or ``augment``
            that is none.
    """
    as_transformation("optimizer", recipe.optimizer, OPTIMIZERS | SECOND_ORDER)
    for name, takes in _CALLED.items():
        if (called := getattr(recipe, name)) is not None:
            check_function(name, called, takes=takes)
    objective = recipe_objective(recipe)
    return recipe._replace(
        loss=objective.loss,
        metrics=objective.metrics,
        penalty=objective.penalty,
        gradient=get_engine(recipe.gradient),
        rules=check_rules(recipe.rules, objective.modes),
    )


def recipe_objective(recipe: Recipe) -> Objective:
    """Return the objective of a recipe."""
    return make_objective(recipe.network, recipe.loss, recipe.metrics, recipe.penalty)


def check_choice_of_examples(
    recipe: Recipe, train: Examples, validation: Examples | None, batch_size: int
) -> Recipe:
    """Check the subset and the held-out examples of a recipe.

    Raises:
        TypeError: if one is no integer array.
        ValueError: for another shape than ``(n,)``, indices out of range, a second choice of what
            to validate on, or a batch size that does not fit.
    """
    both = recipe.held_out is not None and validation is not None
    expected = "to be None where the recipe holds examples out"
    require(not both, "validation", expected, "Examples")
    for name in ("subset", "held_out"):
        if (indices := getattr(recipe, name)) is not None:
            _check_indices(f"the recipe's {name}", indices, count(train))
    size = count(train) if recipe.subset is None else len(recipe.subset)
    expected = f"to be at most the {size} examples of the subset"
    require(batch_size <= size, "batch_size", expected, batch_size)
    check_normalization(recipe.network, train.inputs, batch_size)
    return recipe


def _check_indices(argument: str, indices: AnyArray, total: int) -> None:
    """Raise an error unless these are indices of examples, as far as they are known."""
    check_arrays(**{argument: indices})
    whole, remedy = jnp.issubdtype(indices.dtype, jnp.integer), "Pass np.flatnonzero(mask)."
    require_type(whole, argument, "to hold integers", indices.dtype, remedy)
    one_axis, shape = indices.ndim == 1 and indices.size, f"shape {indices.shape}"
    require(one_axis, argument, "to be one or more indices", shape)
    expected = f"to be from 0 to {total - 1}"
    check_entries(argument, indices, lambda i: (i >= 0) & (i < total), expected)
